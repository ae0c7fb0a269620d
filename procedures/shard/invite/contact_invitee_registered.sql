-- contact_invitee_registered: update the entries of inviters in this shard after an invited address was
-- registered.
--
-- Their entries now stand for the user; their invitations still wait for an answer.
--
-- Params:   in_owner      user
--           in_email      address
--           in_inviters   JSON array of uids of this shard
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL contact_invitee_registered('00000000000000b1', 'x@example.com', '[]');
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_invitee_registered(
    IN in_owner    CHAR(16) COLLATE ascii_bin,
    IN in_email    VARCHAR(255) COLLATE utf8mb4_bin,
    IN in_inviters LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- IGNORE: an inviter may have entries for both the user and the address
    UPDATE IGNORE contact AS c
    JOIN JSON_TABLE(in_inviters, '$[*]' COLUMNS (uid CHAR(16) COLLATE ascii_bin PATH '$')) AS j
      ON c.owner_id = j.uid
    SET c.entity = in_owner, c.peer_id = in_owner, c.mtime = UNIX_TIMESTAMP()
    WHERE c.entity = in_email AND c.peer_id IS NULL;
END$$
DELIMITER ;
