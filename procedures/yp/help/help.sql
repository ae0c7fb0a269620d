-- help: show the header of a routine as it is installed: purpose, parameters, results.
--
-- When no routine has the name, all routines whose names contain it are listed, for example CALL
-- help('invite').
--
-- Params:   in_name   name of a routine, or a part of one
-- Returns:  rows      routine (database.name), help (a line of the header; of several routines, only
--                     the first line of each header)
-- Errors:   none
-- Callers:  people, in the mariadb client
-- Example:  CALL help('conference_join');
DELIMITER $$
CREATE OR REPLACE PROCEDURE help(
    IN in_name VARCHAR(64) COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_db VARCHAR(64);
    DECLARE v_comment LONGTEXT;

    -- every shard has the same routines, so one of them is enough
    SELECT r.ROUTINE_SCHEMA, r.ROUTINE_COMMENT INTO v_db, v_comment
    FROM information_schema.ROUTINES AS r
    WHERE r.ROUTINE_SCHEMA IN ('yp', (SELECT MIN(s.name) FROM shard AS s WHERE s.is_open IN (0, 1)))
      AND r.ROUTINE_NAME = in_name
    ORDER BY r.ROUTINE_SCHEMA = 'yp' DESC
    LIMIT 1;

    IF v_db IS NOT NULL THEN
        -- the deploy adds the last line: file, two digests, revision
        SELECT IF(j.position = 1, CONCAT(v_db, '.', in_name), '') AS routine,
               REGEXP_REPLACE(j.line, '^\\[(procedures\\S+) \\S+ \\S+ (\\S+)\\]$',
                              '\\1, revision \\2') AS help
        FROM JSON_TABLE(CONCAT('[', REPLACE(JSON_QUOTE(v_comment), '\\n', '","'), ']'), '$[*]' COLUMNS (
            position FOR ORDINALITY,
            line     TEXT COLLATE utf8mb4_unicode_520_ci PATH '$'
        )) AS j
        ORDER BY j.position;
    ELSE
        SELECT CONCAT(r.ROUTINE_SCHEMA, '.', r.ROUTINE_NAME) AS routine,
               SUBSTRING_INDEX(r.ROUTINE_COMMENT, '\n', 1) AS help
        FROM information_schema.ROUTINES AS r
        WHERE r.ROUTINE_SCHEMA IN ('yp', (SELECT MIN(s.name) FROM shard AS s WHERE s.is_open IN (0, 1)))
          AND r.ROUTINE_NAME LIKE CONCAT('%', in_name, '%')
        ORDER BY r.ROUTINE_NAME;
    END IF;
END$$
DELIMITER ;
