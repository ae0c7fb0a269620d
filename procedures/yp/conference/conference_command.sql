-- conference_command: lock a room for a command of one of its hosts.
--
-- Params:   in_sid      session of the caller; the socket must be bound to it
--           in_socket   socket of the caller
--           in_room     room
--           out_hub     hub of the room
--           out_level   level of the caller in the room
--           out_serial  number of the change (conference_number)
-- Returns:  nothing
-- Errors:   WEAK_PRIVILEGE   a foreign socket, or one that is no host of the room
-- Needs:    a transaction
-- Example:  CALL conference_command('example-sid', 'example-socket', '00000000000000f2', @hub, @level,
--           @serial);
DELIMITER $$
CREATE OR REPLACE PROCEDURE conference_command(
    IN in_sid      VARCHAR(128) COLLATE ascii_bin,
    IN in_socket   VARCHAR(64) COLLATE ascii_bin,
    IN in_room     VARCHAR(64) COLLATE ascii_bin,
    OUT out_hub    CHAR(16) COLLATE ascii_bin,
    OUT out_level  TINYINT UNSIGNED,
    OUT out_serial BIGINT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- unlocked: the room is locked before its participants; the row is read again below
    SET out_hub = conference_hub(in_sid, in_socket, in_room);
    CALL conference_number(out_hub, in_room, out_serial);

    -- unlocked: every writer holds the row of the room, as this call does
    SET out_level = (
        SELECT level FROM conference
        WHERE hub_id = out_hub AND room_id = in_room AND socket_id = in_socket AND role = 'host'
    );
    IF out_level IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'WEAK_PRIVILEGE';
    END IF;
END$$
DELIMITER ;
