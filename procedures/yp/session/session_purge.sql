-- session_purge: delete expired sessions, tokens, grants and guest links, lost sockets of yesterday, and
-- calls of last month. The service calls it regularly.
--
-- Params:   in_limit   rows of each kind at most, so that no lock lasts long
-- Returns:  rows       node, sockets: sockets of expired sessions, to be closed
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL session_purge(100);
DELIMITER $$
CREATE OR REPLACE PROCEDURE session_purge(
    IN in_limit INT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SELECT s.node, JSON_ARRAYAGG(s.id) AS sockets
    FROM session AS e
    JOIN socket AS s ON s.session_id = e.id
    WHERE e.expiry < v_now
    GROUP BY s.node;

    DELETE FROM authn WHERE expiry < v_now LIMIT in_limit;
    DELETE FROM session WHERE expiry < v_now LIMIT in_limit;
    DELETE FROM api_token WHERE expiry < v_now LIMIT in_limit;
    DELETE FROM api_refresh WHERE expiry < v_now LIMIT in_limit;
    DELETE FROM api_grant WHERE expiry < v_now LIMIT in_limit;
    DELETE FROM permission WHERE expiry > 0 AND expiry < v_now LIMIT in_limit;
    DELETE FROM dmz_link WHERE expiry > 0 AND expiry < v_now LIMIT in_limit;
    DELETE FROM lost_socket WHERE lost_at < v_now - 86400 LIMIT in_limit;
    DELETE FROM call_invitation WHERE mtime < v_now - 30 * 86400 LIMIT in_limit;
END$$
DELIMITER ;
