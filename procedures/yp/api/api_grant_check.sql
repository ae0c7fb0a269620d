-- api_grant_check: refuse unless api_grant_open would answer exactly this. The gate of a request whose work
-- is in the same packet: an error ends the packet, so the work never runs for another answer.
--
-- Callers:  the first CALL of a request, in its packet (service/auth/one_packet.py)
-- Params:   in_grant    as for api_grant_open
--           in_answer   what api_grant_open answered when it was last asked, byte for byte;
--                       NULL for no row
-- Returns:  nothing
-- Errors:   SESSION_CHANGED  api_grant_open would answer something else
-- Example:  CALL api_grant_check('00000000000000aa', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE api_grant_check(
    IN in_grant  CHAR(16) COLLATE ascii_bin,
    IN in_answer LONGTEXT COLLATE utf8mb4_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_answer LONGTEXT COLLATE utf8mb4_bin;

    SELECT c.data INTO v_answer
    FROM api_grant AS g
    JOIN caller_card AS c ON c.uid = g.uid
    WHERE g.id = in_grant AND g.expiry > UNIX_TIMESTAMP() AND g.mark = c.mark;
    -- in bytes: a comparison of texts would ignore spaces at the end
    IF NOT CAST(v_answer AS BINARY) <=> CAST(in_answer AS BINARY) THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'SESSION_CHANGED';
    END IF;
END$$
DELIMITER ;
