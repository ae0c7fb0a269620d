-- session_open: get the caller, the hub and the level of a request. The gate of every request of the RPC.
--
-- The level is the best unexpired grant of the caller, or of everybody, on the hub (*) or on the resource.
-- Users have level 7 on themselves, and everybody can read a public hub.
--
-- Params:   in_sid       value of the session cookie, or NULL
--           in_hub       hub or user that the request names; NULL: the caller
--           in_resource  node or room inside the hub, or NULL
-- Returns:  one row      data  JSON: uid, signed_in, stale (1: time to call session_touch), expiry, dom_id,
--                              db (shard of the caller), firstname, lastname, fullname, username, email,
--                              lang, guest_name, hub, area, hub_db, hub_owner (NULL: no such hub), level,
--                              moving (1: the caller or the hub is moving to another shard)
-- Errors:   none
-- Example:  CALL session_open(NULL, NULL, NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE session_open(
    IN in_sid      VARCHAR(128) COLLATE ascii_bin,
    IN in_hub      VARCHAR(64) COLLATE ascii_bin,
    IN in_resource VARCHAR(64) COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_answer LONGTEXT COLLATE utf8mb4_bin;

    CALL session_read(in_sid, in_hub, in_resource, v_answer);
    SELECT v_answer AS data;
END$$
DELIMITER ;
