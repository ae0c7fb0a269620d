-- call_expire: mark one call as missed that has rung for too long, or whose room has ended.
--
-- Params:   none
-- Returns:  at most one row   data  JSON: call_card, and callee_id
--           rows              node, sockets: socket of the caller
--           rows              node, sockets: sockets of the callee
--           nothing when no call is due
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL call_expire();
DELIMITER $$
CREATE OR REPLACE PROCEDURE call_expire()
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_hub, v_caller, v_callee CHAR(16) COLLATE ascii_bin;
    DECLARE v_room VARCHAR(64) COLLATE ascii_bin;
    DECLARE v_serial BIGINT UNSIGNED;
    DECLARE v_ended INT DEFAULT 0;
    DECLARE v_calls LONGTEXT;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- unlocked: the pair and the room are locked before the row, as everywhere; its state is read below
    SELECT hub_id, room_id, caller_id, callee_id INTO v_hub, v_room, v_caller, v_callee
    FROM call_invitation
    WHERE status = 'ringing' AND expiry <= v_now
    ORDER BY expiry
    LIMIT 1;

    IF v_room IS NOT NULL THEN
        CALL contact_pair_lock(v_caller, v_callee, NULL);
        CALL conference_number(v_hub, v_room, v_serial);
        CALL webhook_calls_before(v_hub, v_room, v_calls);
        UPDATE call_invitation SET status = 'missed', mtime = v_now
        WHERE hub_id = v_hub AND room_id = v_room AND callee_id = v_callee
          AND status = 'ringing' AND expiry <= v_now;
        SET v_ended = ROW_COUNT();
        CALL webhook_calls_after(v_hub, v_room, v_calls);
    END IF;

    IF v_ended > 0 THEN
        DELETE FROM permission
        WHERE hub_id = v_hub AND resource_id = v_room AND entity_id = v_callee
          AND assign_via = 'no_traversal';

        SELECT JSON_INSERT(c.data, '$.callee_id', v_callee) AS data
        FROM call_card AS c
        WHERE c.hub_id = v_hub AND c.room_id = v_room AND c.callee_id = v_callee;
        SELECT s.node, JSON_ARRAY(s.id) AS sockets
        FROM call_invitation AS i
        JOIN socket_route AS s ON s.id = i.caller_socket
        WHERE i.hub_id = v_hub AND i.room_id = v_room AND i.callee_id = v_callee;
        CALL call_sockets(v_hub, v_room, v_callee, NULL, NULL);
    END IF;
END$$
DELIMITER ;
