-- conference_number: lock a room and number its next change (a join, a leave, a move to another socket).
--
-- Pushes of two processes may overtake each other. Every change of a room holds its row until the commit, so
-- the numbers grow in the order of the changes, and a client can sort them.
--
-- Params:   in_hub       hub of the room
--           in_room      room
--           out_serial   microseconds since 1970, but always more than before; NULL: the room has ended
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL conference_number('00000000000000f1', '00000000000000f2', @serial);
DELIMITER $$
CREATE OR REPLACE PROCEDURE conference_number(
    IN in_hub      VARCHAR(64) COLLATE ascii_bin,
    IN in_room     VARCHAR(64) COLLATE ascii_bin,
    OUT out_serial BIGINT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SELECT GREATEST(serial + 1, CAST(UNIX_TIMESTAMP(SYSDATE(6)) * 1000000 AS UNSIGNED)) INTO out_serial
    FROM conference_room
    WHERE hub_id = in_hub AND id = in_room
    FOR UPDATE;

    UPDATE conference_room SET serial = out_serial WHERE hub_id = in_hub AND id = in_room;
END$$
DELIMITER ;
