-- conference_let_in: let those into a room who wait at its door and no longer need to.
--
-- Params:   in_hub      hub of the room
--           in_room     room, locked by the caller (conference_number)
--           in_locked   who waits on: nobody, guests or everybody
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL conference_let_in('00000000000000f1', '00000000000000f2', 'nobody');
DELIMITER $$
CREATE OR REPLACE PROCEDURE conference_let_in(
    IN in_hub    CHAR(16) COLLATE ascii_bin,
    IN in_room   VARCHAR(64) COLLATE ascii_bin,
    IN in_locked VARCHAR(16) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    UPDATE conference AS c
    LEFT JOIN drumate AS d ON d.id = c.uid
    SET c.status = 'started'
    WHERE c.hub_id = in_hub AND c.room_id = in_room AND c.status = 'waiting'
      AND (in_locked = 'nobody' OR (in_locked = 'guests' AND d.id IS NOT NULL) OR c.level >= 7);
END$$
DELIMITER ;
