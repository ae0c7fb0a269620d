-- shard_pick: choose the shard for a new entity.
--
-- Params:   in_db     a shard, or NULL for the open one with the fewest entities
-- Returns:  a value   name of the shard
-- Errors:   NO_SHARD  no open shard of that name, or none at all
-- Example:  SELECT shard_pick(NULL);
DELIMITER $$
CREATE OR REPLACE FUNCTION shard_pick(
    in_db VARCHAR(64) COLLATE ascii_bin
)
    RETURNS VARCHAR(64) COLLATE ascii_bin
    NOT DETERMINISTIC
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_db VARCHAR(64) COLLATE ascii_bin;

    SELECT s.name INTO v_db
    FROM shard AS s
    WHERE s.is_open = 1 AND s.name = COALESCE(in_db, s.name)
    ORDER BY (SELECT COUNT(*) FROM entity AS e WHERE e.db_name = s.name), s.name
    LIMIT 1;

    IF v_db IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'NO_SHARD';
    END IF;
    RETURN v_db;
END$$
DELIMITER ;
