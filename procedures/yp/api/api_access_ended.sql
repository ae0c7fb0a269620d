-- api_access_ended: list the users whose account is no longer active, and those who have an open socket of
-- /ws whose token has ended.
--
-- Params:   in_sockets   JSON array of objects: uid; grant (id of the sign-in) or key (the API key)
-- Returns:  rows         uid
-- Errors:   none
-- Example:  CALL api_access_ended('[{"uid": "00000000000000a1", "grant": "00000000000000aa"}]');
DELIMITER $$
CREATE OR REPLACE PROCEDURE api_access_ended(
    IN in_sockets LONGTEXT COLLATE utf8mb4_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT DISTINCT j.uid
    FROM JSON_TABLE(in_sockets, '$[*]' COLUMNS (
        uid CHAR(16) COLLATE ascii_bin PATH '$.uid',
        grant_id CHAR(16) COLLATE ascii_bin PATH '$.grant',
        api_key VARCHAR(64) COLLATE ascii_bin PATH '$.key'
    )) AS j
    LEFT JOIN caller_card AS c ON c.uid = j.uid
    LEFT JOIN api_grant AS g ON g.id = j.grant_id AND g.mark = c.mark AND g.expiry > UNIX_TIMESTAMP()
    LEFT JOIN api_key AS k ON k.hash = CONVERT(SHA2(j.api_key, 256) USING ascii) COLLATE ascii_bin
    LEFT JOIN caller_card AS o ON o.uid = k.uid
    WHERE c.uid IS NULL OR (g.id IS NULL AND o.uid IS NULL);
END$$
DELIMITER ;
