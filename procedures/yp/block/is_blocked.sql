-- is_blocked: test whether one user has blocked another.
--
-- Params:   in_owner   user who may have blocked
--           in_uid     user who may be blocked
-- Returns:  a value    1 or 0
-- Errors:   none
-- Example:  SELECT is_blocked('00000000000000a1', '00000000000000b1');
DELIMITER $$
CREATE OR REPLACE FUNCTION is_blocked(
    in_owner CHAR(16) COLLATE ascii_bin,
    in_uid   CHAR(16) COLLATE ascii_bin
)
    RETURNS TINYINT
    NOT DETERMINISTIC
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    RETURN EXISTS (SELECT 1 FROM contact_block WHERE uid = in_uid AND owner_id = in_owner)
        OR EXISTS (
            SELECT 1
            FROM drumate AS d
            JOIN contact_block AS b ON b.entity = d.email AND b.owner_id = in_owner
            WHERE d.id = in_uid
        );
END$$
DELIMITER ;
