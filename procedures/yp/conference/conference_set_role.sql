-- conference_set_role: make a participant a host or an attendee, as a host. A room may have several hosts.
--
-- Nothing happens when they have the role already. All who may write may be host. The last host becomes an
-- attendee only when somebody else may take over, who then does.
--
-- Params:   in_sid      session of the caller; the socket must be bound to it
--           in_socket   socket of the caller
--           in_room     room
--           in_to       socket or uid of a participant
--           in_role     host or attendee
-- Returns:  both sets of conference_changed
-- Errors:   WEAK_PRIVILEGE          the caller is no host of the room, or means somebody with a higher level
--           PARTICIPANT_NOT_FOUND   nobody of that kind is in the room
--           CANT_HOST               the user may not write
--           LAST_HOST               nobody else may be host
-- Needs:    a transaction
-- Example:  CALL conference_set_role('example-sid', 'example-socket', '00000000000000f2', 'example-bob',
--           'host');
DELIMITER $$
CREATE OR REPLACE PROCEDURE conference_set_role(
    IN in_sid    VARCHAR(128) COLLATE ascii_bin,
    IN in_socket VARCHAR(64) COLLATE ascii_bin,
    IN in_room   VARCHAR(64) COLLATE ascii_bin,
    IN in_to     VARCHAR(64) COLLATE ascii_bin,
    IN in_role   VARCHAR(16) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_hub CHAR(16) COLLATE ascii_bin;
    DECLARE v_level TINYINT UNSIGNED;
    DECLARE v_serial BIGINT UNSIGNED;
    DECLARE v_sockets, v_changed LONGTEXT COLLATE utf8mb4_bin;
    DECLARE v_heir VARCHAR(32) COLLATE ascii_bin;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    CALL conference_command(in_sid, in_socket, in_room, v_hub, v_level, v_serial);
    CALL conference_targets(v_hub, in_room, in_to, 'started', v_level, v_sockets);

    -- unlocked: every writer holds the row of the room, as this call does
    IF in_role = 'host' AND EXISTS (
        SELECT 1 FROM conference
        WHERE hub_id = v_hub AND room_id = in_room AND level < 4
          AND JSON_CONTAINS(v_sockets, JSON_QUOTE(socket_id))
    ) THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'CANT_HOST';
    END IF;
    -- unlocked: the same
    SELECT COALESCE(JSON_ARRAYAGG(socket_id), '[]') INTO v_changed
    FROM conference
    WHERE hub_id = v_hub AND room_id = in_room AND role <> in_role
      AND JSON_CONTAINS(v_sockets, JSON_QUOTE(socket_id));
    UPDATE conference SET role = in_role
    WHERE hub_id = v_hub AND room_id = in_room AND JSON_CONTAINS(v_changed, JSON_QUOTE(socket_id));

    -- unlocked: the same
    IF NOT EXISTS (SELECT 1 FROM conference WHERE hub_id = v_hub AND room_id = in_room AND role = 'host') THEN
        SET v_heir = (
            SELECT socket_id FROM conference
            WHERE hub_id = v_hub AND room_id = in_room AND status = 'started' AND level >= 4
              AND NOT JSON_CONTAINS(v_sockets, JSON_QUOTE(socket_id))
            ORDER BY ctime, socket_id
            LIMIT 1
        );
        IF v_heir IS NULL THEN
            SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'LAST_HOST';
        END IF;
        UPDATE conference SET role = 'host' WHERE room_id = in_room AND socket_id = v_heir;
        SET v_changed = JSON_ARRAY_APPEND(v_changed, '$', v_heir);
    END IF;
    CALL conference_changed(v_hub, in_room, v_changed, v_serial);
END$$
DELIMITER ;
