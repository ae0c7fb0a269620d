-- conference_lock: say who waits at the door of a room until a host lets them in, as a host. Those who wait
-- and no longer need to come in at once.
--
-- Params:   in_sid      session of the caller; the socket must be bound to it
--           in_socket   socket of the caller
--           in_room     room
--           in_who      nobody, guests or everybody
-- Returns:  both sets of conference_entered
--           one row   data  JSON, room_card
-- Errors:   WEAK_PRIVILEGE   the caller is no host of the room
-- Needs:    a transaction
-- Example:  CALL conference_lock('example-sid', 'example-socket', '00000000000000f2', 'guests');
DELIMITER $$
CREATE OR REPLACE PROCEDURE conference_lock(
    IN in_sid    VARCHAR(128) COLLATE ascii_bin,
    IN in_socket VARCHAR(64) COLLATE ascii_bin,
    IN in_room   VARCHAR(64) COLLATE ascii_bin,
    IN in_who    VARCHAR(16) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    -- Repeats conference_kick: what every command of a host declares
    DECLARE v_hub CHAR(16) COLLATE ascii_bin;
    DECLARE v_level TINYINT UNSIGNED;
    DECLARE v_serial BIGINT UNSIGNED;
    DECLARE v_sockets LONGTEXT COLLATE utf8mb4_bin;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    CALL conference_command(in_sid, in_socket, in_room, v_hub, v_level, v_serial);
    UPDATE conference_room SET locked = in_who WHERE hub_id = v_hub AND id = in_room;
    -- unlocked: every writer holds the row of the room, as this call does
    SELECT COALESCE(JSON_ARRAYAGG(socket_id), '[]') INTO v_sockets
    FROM conference WHERE hub_id = v_hub AND room_id = in_room AND status = 'waiting';
    CALL conference_let_in(v_hub, in_room);

    CALL conference_entered(v_hub, in_room, v_sockets, v_serial);
    SELECT data FROM room_card WHERE hub_id = v_hub AND room_id = in_room;
END$$
DELIMITER ;
