-- call_separate: end the calls that two users have with each other, when one of them blocks the other.
--
-- Both hear that the call is over, as when its time is up: the other one does not learn of the block. A call
-- with more people in it goes on, and so do meetings.
--
-- Params:   in_uid    user who blocks; the caller has locked the pair (call_block)
--           in_peer   the other user
-- Returns:  for each call: one row   data  JSON, room_card
--                          the three sets of conference_close
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL call_separate('00000000000000a1', '00000000000000b1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE call_separate(
    IN in_uid  CHAR(16) COLLATE ascii_bin,
    IN in_peer CHAR(16) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_serial BIGINT UNSIGNED;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    FOR r IN (
        -- unlocked: each room is locked before its participants, and read again
        SELECT i.hub_id, i.room_id
        FROM call_invitation AS i
        JOIN conference_room AS m ON m.hub_id = i.hub_id AND m.id = i.room_id AND m.type = 'connect'
        WHERE i.status = 'accepted' AND i.ended_at IS NULL
          AND ((i.callee_id = in_uid AND i.caller_id = in_peer)
               OR (i.callee_id = in_peer AND i.caller_id = in_uid))
        ORDER BY i.hub_id, i.room_id
    ) DO
        CALL conference_number(r.hub_id, r.room_id, v_serial);
        -- unlocked: the row of the room is written above
        IF v_serial IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM conference
            WHERE hub_id = r.hub_id AND room_id = r.room_id AND uid NOT IN (in_uid, in_peer)
        ) THEN
            SELECT data FROM room_card WHERE hub_id = r.hub_id AND room_id = r.room_id;
            CALL conference_close(r.hub_id, r.room_id, NULL);
        END IF;
    END FOR;
END$$
DELIMITER ;
