-- conference_number: lock a room and number its next change. Every routine that changes a call or a
-- participation begins with it; only the lock of two users (contact_pair_lock) comes before.
--
-- Pushes of two processes may overtake each other. Every change of a room holds its row until the commit, so
-- the numbers grow in the order of the changes, and a client can sort them. The row exists from the first
-- invitation or join until the room is empty.
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

    UPDATE conference_room
    SET serial = LAST_INSERT_ID(
        GREATEST(serial + 1, CAST(UNIX_TIMESTAMP(SYSDATE(6)) * 1000000 AS UNSIGNED))
    )
    WHERE hub_id = in_hub AND id = in_room;

    SET out_serial = IF(ROW_COUNT() > 0, LAST_INSERT_ID(), NULL);
END$$
DELIMITER ;
