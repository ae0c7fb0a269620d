-- tag_add: create a tag at the end of the list. A name that exists gets " (2)", " (3)" … appended.
--
-- Params:   in_owner    owner of the tag
--           in_name     name
--           in_parent   parent, or NULL
-- Returns:  one row     data  JSON: tag_id, parent_tag_id, name, position, ctime
-- Errors:   PARENT_TAG_NOT_FOUND   no such tag
-- Needs:    a transaction
-- Example:  CALL tag_add('00000000000000a1', 'Example', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE tag_add(
    IN in_owner  CHAR(16) COLLATE ascii_bin,
    IN in_name   VARCHAR(255),
    IN in_parent VARCHAR(64) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_id CHAR(16) COLLATE ascii_bin DEFAULT LOWER(HEX(RANDOM_BYTES(8)));
    DECLARE v_name VARCHAR(255);
    DECLARE v_position INT DEFAULT 1;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- two calls at once get different names and positions; the first tag has no other row to wait for
    CALL yp.contact_pair_lock(in_owner, NULL, NULL);
    -- lock only: the lock of the owner is written
    IF in_parent IS NOT NULL
       AND NOT EXISTS (SELECT 1 FROM tag WHERE owner_id = in_owner AND tag_id = in_parent FOR UPDATE) THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'PARENT_TAG_NOT_FOUND';
    END IF;

    -- lock only: the lock of the owner is written
    SELECT COALESCE(MAX(position), 0) + 1 INTO v_position FROM tag WHERE owner_id = in_owner FOR UPDATE;
    SET v_name = tag_name_free(in_owner, in_name, NULL);

    INSERT INTO tag (owner_id, tag_id, parent_tag_id, name, position, ctime)
    VALUES (in_owner, v_id, in_parent, v_name, v_position, v_now);

    SELECT JSON_OBJECT('tag_id', v_id, 'id', v_id, 'parent_tag_id', in_parent, 'name', v_name,
                       'position', v_position + 0, 'ctime', v_now + 0) AS data;
END$$
DELIMITER ;
