-- session_check: refuse unless session_open would answer exactly this. The gate of a request whose work is in
-- the same packet: an error ends the packet, so the work never runs for another answer.
--
-- Callers:  the first CALL of a request, in its packet (service/auth/one_packet.py)
-- Params:   in_sid       as for session_open
--           in_hub       as for session_open
--           in_resource  as for session_open
--           in_answer    what session_open answered when it was last asked, byte for byte
-- Returns:  nothing
-- Errors:   SESSION_CHANGED  session_open would answer something else
-- Example:  CALL session_check(NULL, NULL, NULL,
--           '{"uid": "ffffffffffffffff", "signed_in": 0, "stale": 0, "expiry": null, "dom_id": null, "db":
--           null, "firstname": null, "lastname": null, "fullname": null, "username": null, "email": null,
--           "lang": null, "guest_name": null, "hub": null, "area": null, "hub_db": null, "hub_owner": null,
--           "level": 0, "moving": 0}');
DELIMITER $$
CREATE OR REPLACE PROCEDURE session_check(
    IN in_sid      VARCHAR(128) COLLATE ascii_bin,
    IN in_hub      VARCHAR(64) COLLATE ascii_bin,
    IN in_resource VARCHAR(64) COLLATE ascii_bin,
    IN in_answer   LONGTEXT COLLATE utf8mb4_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_answer LONGTEXT COLLATE utf8mb4_bin;

    CALL session_read(in_sid, in_hub, in_resource, v_answer);
    -- in bytes: a comparison of texts would ignore spaces at the end
    IF NOT CAST(v_answer AS BINARY) <=> CAST(in_answer AS BINARY) THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'SESSION_CHANGED';
    END IF;
END$$
DELIMITER ;
