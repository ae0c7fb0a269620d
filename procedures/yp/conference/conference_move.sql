-- conference_move: move the seats and calls of a lost socket to a new one of the same session.
--
-- Nobody is notified yet: when many sockets move at once, all moves come before the first notice
-- (conference_moved). Rooms are locked in the order of their ids: a call that enters meanwhile waits, and
-- then reads the new socket.
--
-- Params:   in_old   lost socket; it is deleted
--           in_new   socket that takes over
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL conference_move('example-lost', 'example-socket');
DELIMITER $$
CREATE OR REPLACE PROCEDURE conference_move(
    IN in_old VARCHAR(32) COLLATE ascii_bin,
    IN in_new VARCHAR(32) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_serial BIGINT UNSIGNED;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    FOR r IN (
        -- unlocked: the rooms are locked before their participants
        SELECT hub_id, room_id FROM conference WHERE socket_id = in_old ORDER BY hub_id, room_id
    ) DO
        CALL conference_number(r.hub_id, r.room_id, v_serial);
        UPDATE conference SET socket_id = in_new WHERE room_id = r.room_id AND socket_id = in_old;
    END FOR;

    UPDATE call_invitation AS i
    JOIN socket AS s ON s.id = in_old
    SET i.caller_socket = in_new
    WHERE i.caller_id = s.uid AND i.status IN ('ringing', 'accepted') AND i.caller_socket = in_old;
    UPDATE call_invitation AS i
    JOIN socket AS s ON s.id = in_old
    SET i.answered_socket = in_new
    WHERE i.callee_id = s.uid AND i.status = 'accepted' AND i.answered_socket = in_old;
    UPDATE socket SET was = in_old WHERE id = in_new;
    DELETE FROM socket WHERE id = in_old;
END$$
DELIMITER ;
