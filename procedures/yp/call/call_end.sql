-- call_end: note the end of the accepted calls of a user who has left their room.
--
-- A socket that was lost left when its connection broke, not at the end of its grace period. A call that
-- was logged long before it ends is logged again, with its real duration.
--
-- Params:   in_hub      hub of the room
--           in_room     room, locked by the caller (conference_number)
--           in_uid      user who has left with this socket, or NULL: everybody leaves
--           in_socket   the socket, or NULL
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL call_end('00000000000000f1', '00000000000000f2', NULL, NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE call_end(
    IN in_hub    CHAR(16) COLLATE ascii_bin,
    IN in_room   VARCHAR(64) COLLATE ascii_bin,
    IN in_uid    CHAR(16) COLLATE ascii_bin,
    IN in_socket VARCHAR(64) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_early_ms INT UNSIGNED DEFAULT 10000;
    DECLARE v_at BIGINT UNSIGNED;
    DECLARE v_calls LONGTEXT;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- unlocked: every writer holds the row of the room, as the caller does. Most meetings have no calls.
    IF EXISTS (SELECT 1 FROM call_invitation WHERE hub_id = in_hub AND room_id = in_room)
       AND NOT EXISTS (
        SELECT 1 FROM conference WHERE hub_id = in_hub AND room_id = in_room AND uid = in_uid
       )
    THEN
        SET v_at = COALESCE(
            (SELECT s.lost_at * 1000 FROM socket AS s WHERE s.id = in_socket AND s.state = 'lost'),
            call_clock()
        );
        CALL webhook_calls_before(in_hub, in_room, v_calls);
        UPDATE call_invitation
        SET ended_at = GREATEST(COALESCE(answered_at, v_at), v_at),
            logged_at = IF(logged_at + v_early_ms > v_at, logged_at, NULL)
        WHERE hub_id = in_hub AND room_id = in_room AND ended_at IS NULL
          AND (status = 'accepted' OR answered_at IS NOT NULL)
          AND (in_uid IS NULL OR in_uid IN (caller_id, callee_id));
        CALL webhook_calls_after(in_hub, in_room, v_calls);
    END IF;
END$$
DELIMITER ;
