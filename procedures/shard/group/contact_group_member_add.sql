-- contact_group_member_add: add contacts to a group, all or none. Members stay members.
--
-- Params:   in_owner      owner of the group
--           in_key        id or name of the group
--           in_contacts   JSON array of contact ids
-- Returns:  one row       data  JSON: group_id, added, member_count
--           rows          node, sockets: open sockets of the owner
-- Errors:   GROUP_NOT_FOUND     no such group
--           CONTACT_NOT_FOUND   some of the contacts are not in the address book; the error lists them
-- Needs:    a transaction
-- Example:  CALL contact_group_member_add('00000000000000a1', 'Pioneers', '[]');
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_group_member_add(
    IN in_owner    CHAR(16) COLLATE ascii_bin,
    IN in_key      VARCHAR(255),
    IN in_contacts LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id CHAR(16) COLLATE ascii_bin;
    DECLARE v_added_count INT UNSIGNED;
    DECLARE v_unknown_ids VARCHAR(400);
    DECLARE v_refusal VARCHAR(500);
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    CALL contact_group_lock(in_owner, in_key, v_id);
    SELECT LEFT(GROUP_CONCAT(j.contact_id SEPARATOR ', '), 400) INTO v_unknown_ids
    FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (
        contact_id VARCHAR(64) COLLATE ascii_bin PATH '$'
    )) AS j
    LEFT JOIN contact AS c ON c.owner_id = in_owner AND c.id = j.contact_id AND c.deleted_at IS NULL
    WHERE c.id IS NULL;
    IF v_unknown_ids IS NOT NULL THEN
        SET v_refusal = JSON_OBJECT('code', 'CONTACT_NOT_FOUND',
                                    'reason', CONCAT('not in the address book: ', v_unknown_ids));
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = v_refusal;
    END IF;

    INSERT IGNORE INTO contact_group_member (owner_id, group_id, contact_id, ctime)
    SELECT in_owner, v_id, j.contact_id, UNIX_TIMESTAMP()
    FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (
        contact_id VARCHAR(64) COLLATE ascii_bin PATH '$'
    )) AS j;
    SET v_added_count = ROW_COUNT();
    UPDATE contact_group
    SET mtime = UNIX_TIMESTAMP(), rev = IF(v_added_count > 0, 0, rev)
    WHERE owner_id = in_owner AND id = v_id;

    CALL contacts_render(in_owner, in_contacts);
    SELECT JSON_OBJECT('group_id', v_id, 'added', v_added_count + 0,
                       'member_count', CAST(JSON_VALUE(k.data, '$.member_count') AS INT)) AS data
    FROM group_card AS k
    WHERE k.owner_id = in_owner AND k.id = v_id;
    CALL yp.user_sockets(in_owner, NULL);
END$$
DELIMITER ;
