-- tag_reposition: reorder tags. Tags that are not listed come after those that are.
--
-- Params:   in_owner   owner of the tags
--           in_tags    JSON array of tag ids in their new order
-- Returns:  rows       data  JSON: tag_id, id (the same), position; in the new order
-- Errors:   TAG_NOT_FOUND   one of them does not exist; nothing is changed
-- Needs:    a transaction
-- Example:  CALL tag_reposition('00000000000000a1', '[]');
DELIMITER $$
CREATE OR REPLACE PROCEDURE tag_reposition(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_tags  LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_tags INT UNSIGNED;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SELECT COUNT(*) INTO v_tags FROM tag WHERE owner_id = in_owner FOR UPDATE;
    CALL tags_check(in_owner, in_tags);

    UPDATE tag AS t
    JOIN (
        SELECT o.tag_id, ROW_NUMBER() OVER (ORDER BY j.place IS NULL, j.place, o.position, o.tag_id) AS place
        FROM tag AS o
        LEFT JOIN (
            SELECT tag_id, MIN(place) AS place
            FROM JSON_TABLE(in_tags, '$[*]' COLUMNS (
                place FOR ORDINALITY,
                tag_id VARCHAR(64) COLLATE ascii_bin PATH '$'
            )) AS g
            GROUP BY tag_id
        ) AS j ON j.tag_id = o.tag_id
        WHERE o.owner_id = in_owner
    ) AS n ON n.tag_id = t.tag_id
    SET t.position = n.place
    WHERE t.owner_id = in_owner;

    SELECT JSON_OBJECT('tag_id', tag_id, 'id', tag_id, 'position', position) AS data
    FROM tag
    WHERE owner_id = in_owner
    ORDER BY position, tag_id;
END$$
DELIMITER ;
