-- call_decline: decline a call for its callee, when it still rings.
--
-- Params:   in_hub      hub of the room
--           in_room     room of the call
--           in_callee   uid of the callee
--           in_socket   socket that declines, or NULL
-- Returns:  the three sets of conference_decline
--           nothing when the call was not ringing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL call_decline('00000000000000f1', '00000000000000f2', '00000000000000b1', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE call_decline(
    IN in_hub    CHAR(16) COLLATE ascii_bin,
    IN in_room   VARCHAR(64) COLLATE ascii_bin,
    IN in_callee CHAR(16) COLLATE ascii_bin,
    IN in_socket VARCHAR(64) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_serial BIGINT UNSIGNED;
    DECLARE v_ended INT;
    DECLARE v_calls LONGTEXT;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    CALL conference_number(in_hub, in_room, v_serial);
    CALL webhook_calls_before(in_hub, in_room, v_calls);
    UPDATE call_invitation SET status = 'declined', mtime = UNIX_TIMESTAMP()
    WHERE hub_id = in_hub AND room_id = in_room AND callee_id = in_callee AND status = 'ringing';
    SET v_ended = ROW_COUNT();
    CALL webhook_calls_after(in_hub, in_room, v_calls);

    IF v_ended > 0 THEN
        DELETE FROM permission
        WHERE hub_id = in_hub AND resource_id = in_room AND entity_id = in_callee
          AND assign_via = 'no_traversal';

        SELECT JSON_SET(data, '$.uid', in_callee) AS data
        FROM call_card WHERE hub_id = in_hub AND room_id = in_room AND callee_id = in_callee;
        SELECT s.node, JSON_ARRAY(s.id) AS sockets
        FROM call_invitation AS i
        JOIN socket_route AS s ON s.id = i.caller_socket
        WHERE i.hub_id = in_hub AND i.room_id = in_room AND i.callee_id = in_callee;
        CALL call_sockets(in_hub, in_room, in_callee, NULL, in_socket);
    END IF;
END$$
DELIMITER ;
