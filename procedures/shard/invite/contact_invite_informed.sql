-- contact_invite_informed: acknowledge that an invitation was accepted: informed becomes active.
--
-- Params:   in_owner   inviter
--           in_key     uid, email or user name of the user who accepted
-- Returns:  one row    data  JSON: drumate_id, contact_id, status (active)
--           rows       node, sockets: open sockets of the owner
--           rows       node, sockets: of the other user
-- Errors:   NOT_A_DRUMATE   no registered user has the key
--           NO_INVITE       there is nothing to acknowledge
-- Needs:    a transaction
-- Example:  CALL contact_invite_informed('00000000000000a1', 'bob@example.net');
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_invite_informed(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_key   VARCHAR(255) COLLATE utf8mb4_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_peer CHAR(16) COLLATE ascii_bin;
    DECLARE v_id CHAR(16) COLLATE ascii_bin;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SELECT yp.drumate_find(in_key) INTO v_peer;
    IF v_peer IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'NOT_A_DRUMATE';
    END IF;
    SELECT id INTO v_id
    FROM contact
    WHERE owner_id = in_owner AND peer_id = v_peer AND status = 'informed'
    FOR UPDATE;
    IF v_id IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'NO_INVITE';
    END IF;

    CALL contact_relate(in_owner, v_id, v_peer, 'active');

    SELECT JSON_OBJECT('drumate_id', v_peer, 'contact_id', v_id, 'status', 'active') AS data;
    CALL yp.user_sockets(in_owner, NULL);
    CALL yp.user_sockets(v_peer, NULL);
END$$
DELIMITER ;
