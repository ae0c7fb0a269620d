-- call_block: end the calls that ring between two users when one blocks the other: declined by their callee.
--
-- Calls that both have entered are for call_separate.
--
-- The pair is locked: nobody begins to ring while the other one is being blocked.
--
-- Params:   in_uid    user who blocks
--           in_peer   the other user
-- Returns:  for each call: the three sets of conference_decline
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL call_block('00000000000000a1', '00000000000000b1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE call_block(
    IN in_uid  CHAR(16) COLLATE ascii_bin,
    IN in_peer CHAR(16) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    CALL contact_pair_lock(in_uid, in_peer, NULL);
    FOR r IN (
        -- unlocked: each room is locked before its invitations (call_decline)
        SELECT hub_id, room_id, callee_id
        FROM call_invitation
        WHERE status = 'ringing'
          AND ((callee_id = in_uid AND caller_id = in_peer) OR (callee_id = in_peer AND caller_id = in_uid))
        ORDER BY hub_id, room_id
    ) DO
        CALL call_decline(r.hub_id, r.room_id, r.callee_id, NULL);
    END FOR;
END$$
DELIMITER ;
