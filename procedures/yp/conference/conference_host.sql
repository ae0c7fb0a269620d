-- conference_host: give a room without a host one: the participant who has been there longest and may write.
--
-- In a dmz or public area only the owner starts a meeting; once it has started, others may take over.
-- Somebody who waits at the door takes over when nobody inside may, and then need not wait any longer.
--
-- Params:   in_hub     hub of the room
--           in_room    room, locked by the caller (conference_number)
--           out_host   socket of the new host; NULL: there is a host, or nobody may be it
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL conference_host('00000000000000f1', '00000000000000f2', @host);
DELIMITER $$
CREATE OR REPLACE PROCEDURE conference_host(
    IN in_hub    CHAR(16) COLLATE ascii_bin,
    IN in_room   VARCHAR(64) COLLATE ascii_bin,
    OUT out_host VARCHAR(32) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_waits TINYINT;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- unlocked: every writer holds the row of the room, as the caller does
    SET out_host = (
        SELECT socket_id
        FROM conference_heir
        WHERE hub_id = in_hub AND room_id = in_room
        ORDER BY status = 'started' DESC, ctime, socket_id
        LIMIT 1
    );
    -- unlocked: the same
    SET v_waits = EXISTS (
        SELECT 1 FROM conference
        WHERE hub_id = in_hub AND room_id = in_room AND socket_id = out_host AND status = 'waiting'
    );
    UPDATE conference SET role = 'host', status = 'started'
    WHERE room_id = in_room AND socket_id = out_host;
    IF v_waits THEN
        CALL webhook_seated(in_hub, in_room, JSON_ARRAY(out_host), 'meeting.joined');
    END IF;
END$$
DELIMITER ;
