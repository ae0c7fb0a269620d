-- contact_invite_declined: write the inviter's side of an invitation that was refused without an account: the
-- entry stays, and nobody is invited any more.
--
-- Params:   in_owner   inviter
--           in_email   invited address
-- Returns:  one row    data  JSON: drumate_id (always NULL), contact_id (NULL: no entry), email, status
--                            (deleted)
--           rows       node, sockets: open sockets of the inviter
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL contact_invite_declined('00000000000000a1', 'x@example.com');
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_invite_declined(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_email VARCHAR(255) COLLATE utf8mb4_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id CHAR(16) COLLATE ascii_bin;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SELECT id INTO v_id
    FROM contact
    WHERE owner_id = in_owner AND entity = in_email AND status = 'sent'
    FOR UPDATE;
    IF v_id IS NOT NULL THEN
        UPDATE contact
        SET status = 'memory', changed = DEFAULT(changed), mtime = UNIX_TIMESTAMP()
        WHERE owner_id = in_owner AND id = v_id;
        CALL contact_render_parts(in_owner, v_id, 'all', NULL);
    END IF;

    SELECT JSON_OBJECT('drumate_id', NULL, 'contact_id', v_id, 'email', in_email,
                       'status', 'deleted') AS data;
    CALL yp.user_sockets(in_owner, NULL);
END$$
DELIMITER ;
