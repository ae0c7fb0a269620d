-- contact_invite_accept: accept an invitation: the side of the person who was invited. The pair is locked.
--
-- Params:   in_owner      who accepts
--           in_inviter    whose invitation
--           in_socket     socket of the tab that accepts, or NULL; it needs no push
--           in_greetings  JSON, see contact_greet: the first words of both
-- Returns:  one row       data  JSON: drumate_id, contact_id, status (active), greetings (for the inviter's side)
--           rows          data  the greetings as the owner sees them
--           one row       data  JSON: what his other tabs are told
--           rows          node, sockets: his other open sockets
--           rows          node, sockets: all his open sockets
-- Errors:   NO_INVITE   no invitation of that person is waiting
-- Example:  CALL contact_invite_accept('00000000000000a1', '00000000000000e1', NULL, '[]');
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_invite_accept(
    IN in_owner     CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_inviter   CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_socket    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_greetings LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin;
    DECLARE v_greetings LONGTEXT;

    SELECT id, greetings_with(in_greetings, message) INTO v_id, v_greetings
    FROM contact
    WHERE owner_id = in_owner AND peer_id = in_inviter AND status IN ('received', 'invitation')
    FOR UPDATE;
    IF v_id IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'NO_INVITE';
    END IF;

    CALL contact_relate(in_owner, v_id, in_inviter, 'active');

    SELECT JSON_OBJECT('drumate_id', in_inviter, 'contact_id', v_id, 'status', 'active', 'greetings', v_greetings)
        AS data;
    CALL contact_greet(in_owner, in_inviter, v_greetings);
    SELECT n.data FROM contact_notice AS n WHERE n.owner_id = in_owner AND n.peer_id = in_inviter;
    CALL yp.user_sockets(in_owner, in_socket);
    CALL yp.user_sockets(in_owner, NULL);
END$$
DELIMITER ;
