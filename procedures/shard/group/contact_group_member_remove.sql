-- contact_group_member_remove: remove contacts from a group. Contacts that are not members are ignored.
--
-- Params:   in_owner      owner of the group
--           in_key        id or name of the group
--           in_contacts   JSON array of contact ids
-- Returns:  one row       data  JSON: group_id, removed, member_count
--           rows          node, sockets: open sockets of the owner
-- Errors:   GROUP_NOT_FOUND     no such group
-- Needs:    a transaction
-- Example:  CALL contact_group_member_remove('00000000000000a1', 'Pioneers', '[]');
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_group_member_remove(
    IN in_owner    CHAR(16) COLLATE ascii_bin,
    IN in_key      VARCHAR(255),
    IN in_contacts LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id CHAR(16) COLLATE ascii_bin;
    DECLARE v_removed_count INT UNSIGNED;
    DECLARE v_contact_ids LONGTEXT;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    CALL contact_group_lock(in_owner, in_key, v_id);
    -- lock only: the lock of the owner is written
    SELECT COALESCE(JSON_ARRAYAGG(m.contact_id), '[]') INTO v_contact_ids
    FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (
        contact_id VARCHAR(64) COLLATE ascii_bin PATH '$'
    )) AS j
    JOIN contact_group_member AS m
      ON m.owner_id = in_owner AND m.group_id = v_id AND m.contact_id = j.contact_id
    JOIN contact AS c ON c.owner_id = in_owner AND c.id = m.contact_id AND c.deleted_at IS NULL
    FOR UPDATE;
    DELETE m
    FROM contact_group_member AS m
    JOIN JSON_TABLE(v_contact_ids, '$[*]' COLUMNS (
        contact_id CHAR(16) COLLATE ascii_bin PATH '$'
    )) AS j ON j.contact_id = m.contact_id
    WHERE m.owner_id = in_owner AND m.group_id = v_id;
    SET v_removed_count = ROW_COUNT();
    -- the card of the group may have named them while they were in the trash
    DELETE e
    FROM JSON_TABLE(v_contact_ids, '$[*]' COLUMNS (contact_id CHAR(16) COLLATE ascii_bin PATH '$')) AS j
    STRAIGHT_JOIN contact_vcard AS v ON v.owner_id = in_owner AND v.contact_id = j.contact_id
    STRAIGHT_JOIN contact_group_expected AS e
       ON e.owner_id = in_owner AND e.group_id = v_id AND e.uid = REGEXP_REPLACE(v.uid, '(?i)^urn:uuid:', '');
    -- Repeats contact_group_member_add: a routine for the end would be the eleventh of contact_group_leave
    UPDATE contact_group
    SET mtime = UNIX_TIMESTAMP(), rev = IF(v_removed_count > 0, 0, rev)
    WHERE owner_id = in_owner AND id = v_id;

    CALL contacts_render(in_owner, v_contact_ids);
    SELECT JSON_OBJECT('group_id', v_id, 'removed', v_removed_count + 0,
                       'member_count', CAST(JSON_VALUE(k.data, '$.member_count') AS INT)) AS data
    FROM group_card AS k
    WHERE k.owner_id = in_owner AND k.id = v_id;
    CALL yp.user_sockets(in_owner, NULL);
END$$
DELIMITER ;
