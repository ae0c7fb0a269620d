-- conference_overdue: end one room whose time is over.
--
-- Params:   none
-- Returns:  one row   data  JSON, room_card
--           the three sets of conference_close
--           nothing when no time is over
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL conference_overdue();
DELIMITER $$
CREATE OR REPLACE PROCEDURE conference_overdue()
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_hub CHAR(16) COLLATE ascii_bin;
    DECLARE v_room VARCHAR(64) COLLATE ascii_bin;
    DECLARE v_serial BIGINT UNSIGNED;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- unlocked: the room is locked below, and read again
    SELECT hub_id, id INTO v_hub, v_room
    FROM conference_room
    WHERE ends_at <= v_now
    LIMIT 1;
    IF v_room IS NOT NULL THEN
        CALL conference_number(v_hub, v_room, v_serial);
    END IF;

    -- unlocked: the row is written above
    IF EXISTS (
        SELECT 1 FROM conference_room
        WHERE hub_id = v_hub AND id = v_room AND ends_at <= v_now
    ) THEN
        SELECT data FROM room_card WHERE hub_id = v_hub AND room_id = v_room;
        CALL conference_close(v_hub, v_room, NULL);
    END IF;
END$$
DELIMITER ;
