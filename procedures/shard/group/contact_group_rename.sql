-- contact_group_rename: give a group another name.
--
-- Params:   in_owner   whose group
--           in_id      id of the group
--           in_name    name, unique among his groups
-- Returns:  one row    data  JSON (group_card)
--           rows       node, sockets: the owner's open sockets
-- Errors:   GROUP_NOT_FOUND   no such group
--           GROUP_EXISTS      he has another group of that name
-- Example:  CALL contact_group_rename('00000000000000a1', '0000000000000b01', 'Analysts');
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_group_rename(
    IN in_owner CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_id    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_name  VARCHAR(255)
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin;
    DECLARE v_contacts LONGTEXT;
    DECLARE EXIT HANDLER FOR 1062
        RESIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'GROUP_EXISTS', MYSQL_ERRNO = 1644;

    CALL yp.contact_pair_lock(in_owner, NULL, NULL);
    SELECT id INTO v_id FROM contact_group WHERE owner_id = in_owner AND id = in_id FOR UPDATE;
    IF v_id IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'GROUP_NOT_FOUND';
    END IF;
    UPDATE contact_group SET name = in_name, mtime = UNIX_TIMESTAMP() WHERE owner_id = in_owner AND id = v_id;
    SELECT COALESCE(JSON_ARRAYAGG(contact_id), '[]') INTO v_contacts
    FROM contact_group_member
    WHERE owner_id = in_owner AND group_id = v_id;
    CALL my_contacts_touch(in_owner, JSON_MERGE_PRESERVE(v_contacts, trashed_with(in_owner, 'group', JSON_ARRAY(v_id))));
    SELECT k.data FROM group_card AS k WHERE k.owner_id = in_owner AND k.id = v_id;
    CALL yp.user_sockets(in_owner, NULL);
END$$
DELIMITER ;
