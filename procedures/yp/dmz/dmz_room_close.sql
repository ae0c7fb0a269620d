-- dmz_room_close: withdraw all links into a room, and the grants of the guests who came by them. Those who
-- are in the room leave it with the next conference_evict.
--
-- Params:   in_hub    hub of the room
--           in_room   room
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL dmz_room_close('00000000000000f3', '00000000000000f9');
DELIMITER $$
CREATE OR REPLACE PROCEDURE dmz_room_close(
    IN in_hub  VARCHAR(64) COLLATE ascii_bin,
    IN in_room VARCHAR(64) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    DELETE FROM dmz_link WHERE hub_id = in_hub AND room_id = in_room;
    DELETE FROM permission WHERE hub_id = in_hub AND resource_id = in_room AND assign_via = 'link';
END$$
DELIMITER ;
