-- contact_received: create a hidden entry for an inviter who is not in the address book.
--
-- Params:   in_owner     invited user
--           in_inviter   inviter
--           in_message   text of the inviter, or NULL
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL contact_received('00000000000000b1', '00000000000000e1', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_received(
    IN in_owner   CHAR(16) COLLATE ascii_bin,
    IN in_inviter CHAR(16) COLLATE ascii_bin,
    IN in_message TEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    INSERT INTO contact (owner_id, id, entity, peer_id, firstname, lastname, category, status,
                         message, is_auto, metadata, ctime, mtime)
    SELECT in_owner, LOWER(HEX(RANDOM_BYTES(8))), d.id, d.id, NULLIF(d.firstname, ''), NULLIF(d.lastname, ''),
           'drumate', 'received', in_message, 1, JSON_OBJECT('source', d.email), v_now, v_now
    FROM yp.drumate AS d
    WHERE d.id = in_inviter;
END$$
DELIMITER ;
