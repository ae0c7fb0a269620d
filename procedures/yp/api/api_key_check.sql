-- api_key_check: refuse unless api_key_open would answer exactly this. The gate of a request whose work is in
-- the same packet: an error ends the packet, so the work never runs for another answer.
--
-- Callers:  the first CALL of a request, in its packet (service/auth/one_packet.py)
-- Params:   in_key      as for api_key_open
--           in_user     as for api_key_open
--           in_answer   what api_key_open answered when it was last asked, byte for byte: stale, scope and
--                       data, with spaces between them; NULL for no row
-- Returns:  nothing
-- Errors:   SESSION_CHANGED  api_key_open would answer something else
-- Example:  CALL api_key_check('clk_example', NULL, NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE api_key_check(
    IN in_key    VARCHAR(64) COLLATE ascii_bin,
    IN in_user   CHAR(16) COLLATE ascii_bin,
    IN in_answer LONGTEXT COLLATE utf8mb4_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_answer LONGTEXT COLLATE utf8mb4_bin;

    -- Repeats api_key_open, whose row is the answer of another CALL
    SELECT CONCAT_WS(' ', IF(k.mtime < v_now - 300, 1, 0), k.scope, c.data) INTO v_answer
    FROM api_key AS k
    JOIN entity AS o ON o.id = k.uid AND o.status = 'active'
    LEFT JOIN caller_card AS c ON c.uid = IF(k.scope = 'agent', k.uid, in_user)
    WHERE k.hash = SHA2(in_key, 256) AND k.scope <> 'carddav';
    -- in bytes: a comparison of texts would ignore spaces at the end
    IF NOT CAST(v_answer AS BINARY) <=> CAST(in_answer AS BINARY) THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'SESSION_CHANGED';
    END IF;
END$$
DELIMITER ;
