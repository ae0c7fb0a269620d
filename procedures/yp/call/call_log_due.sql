-- call_log_due: take one call that has ended and is not logged yet, to log it in both conversations.
--
-- The pair is locked until the commit, so that one process at a time writes the entries of both sides.
--
-- Params:   none
-- Returns:  the set of call_log_take
--           nothing when no call is due
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL call_log_due();
DELIMITER $$
CREATE OR REPLACE PROCEDURE call_log_due()
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_hub, v_caller, v_callee CHAR(16) COLLATE ascii_bin;
    DECLARE v_room VARCHAR(64) COLLATE ascii_bin;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- unlocked: the pair and the room are locked before the row; its state is read again below
    SELECT hub_id, room_id, caller_id, callee_id INTO v_hub, v_room, v_caller, v_callee
    FROM call_invitation
    WHERE logged_at IS NULL
      AND (status IN ('declined', 'cancelled', 'revoked', 'missed')
           OR (status = 'accepted' AND ended_at IS NOT NULL))
    ORDER BY logged_at, status, ended_at
    LIMIT 1;

    IF v_room IS NOT NULL THEN
        CALL contact_pair_lock(v_caller, v_callee, NULL);
        CALL call_log_take(v_hub, v_room, v_callee, NULL);
    END IF;
END$$
DELIMITER ;
