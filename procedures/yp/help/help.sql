-- help: what a routine does, how it is called and what it answers: the header of its file, as it is installed.
--
-- A name that no routine has is looked for inside the names: CALL help('invite') lists what has to do with it.
--
-- Params:   in_name   name of a routine, or a part of one
-- Returns:  rows      routine (database.name), help (the header, or its first line when there are many)
-- Errors:   none
-- Callers:  people, in the mariadb client
-- Example:  CALL help('conference_join');
DELIMITER $$
CREATE OR REPLACE PROCEDURE help(
    IN in_name VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF EXISTS (
        SELECT 1 FROM information_schema.ROUTINES
        WHERE ROUTINE_SCHEMA = 'yp' AND ROUTINE_NAME = in_name
    ) THEN
        SELECT CONCAT(ROUTINE_SCHEMA, '.', ROUTINE_NAME) AS routine, ROUTINE_COMMENT AS help
        FROM information_schema.ROUTINES
        WHERE ROUTINE_SCHEMA = 'yp' AND ROUTINE_NAME = in_name;
    ELSE
        -- every shard has the same routines: one of them stands for all
        SELECT CONCAT(r.ROUTINE_SCHEMA, '.', r.ROUTINE_NAME) AS routine,
               IF(r.ROUTINE_NAME = in_name, r.ROUTINE_COMMENT, SUBSTRING_INDEX(r.ROUTINE_COMMENT, '\n', 1)) AS help
        FROM information_schema.ROUTINES AS r
        WHERE r.ROUTINE_SCHEMA IN ('yp', (SELECT MIN(s.name) FROM shard AS s WHERE s.is_open IN (0, 1)))
          AND r.ROUTINE_NAME LIKE CONCAT('%', in_name, '%')
        ORDER BY r.ROUTINE_NAME = in_name DESC, r.ROUTINE_NAME;
    END IF;
END$$
DELIMITER ;
