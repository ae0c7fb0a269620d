-- chat_room_info: show the conversation of the owner with one user.
--
-- Params:   in_owner   owner of the conversation
--           in_key     uid, email, or the owner's contact id
-- Returns:  at most one row   data  JSON (chat_room)
-- Errors:   none
-- Example:  CALL chat_room_info('00000000000000a1', '00000000000000b1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE chat_room_info(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_key   VARCHAR(255) COLLATE utf8mb4_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_contact, v_peer CHAR(16) COLLATE ascii_bin;

    SELECT id, peer_id INTO v_contact, v_peer
    FROM contact
    WHERE owner_id = in_owner AND id = parse_id(in_key) AND deleted_at IS NULL;
    IF v_peer IS NULL THEN
        SET v_peer = yp.drumate_find(in_key);
        SET v_contact = my_contact_of(in_owner, v_peer);
    END IF;

    -- only users in the address book, colleagues and authors of messages are shown, not any user
    SELECT chat_room(in_owner, d.id, v_contact, 1) AS data
    FROM yp.drumate AS d
    JOIN yp.drumate AS me ON me.id = in_owner
    WHERE d.id = v_peer
      AND (v_contact IS NOT NULL
           OR (d.domain_id > 1 AND d.domain_id = me.domain_id)
           OR EXISTS (SELECT 1 FROM message AS m WHERE m.owner_id = in_owner AND m.peer_id = d.id));
END$$
DELIMITER ;
