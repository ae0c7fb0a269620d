-- conference_decline: decline a call. Only the first answer to a ring counts: a window that closes because
-- the call was cancelled or answered elsewhere also declines, and nobody is notified.
--
-- Params:   in_sid      session of the callee
--           in_room     room of the call, or NULL
--           in_caller   socket of the caller, from the invitation, or NULL
--           in_socket   socket that declines, or NULL
-- Returns:  one row     data  JSON: call_card, with uid of the callee
--           rows        node, sockets: socket of the caller
--           rows        node, sockets: other sockets of the callee, which ring as well
--           nothing when the call was not ringing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL conference_decline('example-sid', '00000000000000f2', NULL, NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE conference_decline(
    IN in_sid    VARCHAR(128) COLLATE ascii_bin,
    IN in_room   VARCHAR(64) COLLATE ascii_bin,
    IN in_caller VARCHAR(64) COLLATE ascii_bin,
    IN in_socket VARCHAR(64) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_uid, v_hub CHAR(16) COLLATE ascii_bin;
    DECLARE v_room VARCHAR(64) COLLATE ascii_bin;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SELECT uid INTO v_uid FROM session WHERE id = SHA2(in_sid, 256) AND expiry > v_now;

    -- unlocked: the room is locked before the invitation (call_decline), and its state is read again
    SELECT hub_id, room_id INTO v_hub, v_room
    FROM call_invitation
    WHERE callee_id = v_uid
      AND status = 'ringing'
      AND (room_id = in_room OR (in_room IS NULL AND caller_socket = in_caller))
    ORDER BY ctime DESC
    LIMIT 1;

    IF v_room IS NOT NULL THEN
        CALL call_decline(v_hub, v_room, v_uid, in_socket);
    END IF;
END$$
DELIMITER ;
