-- my_card_put: store the card of a contact that the same transaction has written, under the name that its
-- client chose. The contact joins the groups whose cards expect its UID.
--
-- The revision of the address book grows in any case: a PUT may change what no record shows.
--
-- Params:   in_owner   owner of the address book, locked by the caller (my_card_open)
--           in_id      contact
--           in_name    name of the card
--           in_card    JSON: card (text in normal form), uid (or absent), version, sent (base64 of the bytes;
--                      absent: they are not kept)
--           in_rev     revision of the address book before the contact was written
-- Returns:  one row    etag (view contact_member)
--           rows       data  JSON: group_id, added, member_count: the groups that it joined
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL my_card_put('00000000000000a1', '0000000000000c01', '0000000000000c01.vcf',
--           '{"card": "", "version": "3.0"}', 0);
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_card_put(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_id    CHAR(16) COLLATE ascii_bin,
    IN in_name  VARCHAR(255) COLLATE utf8mb4_bin,
    IN in_card  LONGTEXT,
    IN in_rev   BIGINT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_uid VARCHAR(255) COLLATE utf8mb4_bin DEFAULT JSON_VALUE(in_card, '$.uid');
    DECLARE v_old_uid, v_own_uid VARCHAR(255) COLLATE utf8mb4_bin;
    DECLARE v_groups LONGTEXT;
    -- a name that nobody else has, for the contact that gives up its own
    DECLARE v_suffix VARCHAR(16) COLLATE ascii_bin DEFAULT CONCAT('-', LOWER(HEX(RANDOM_BYTES(4))), '.vcf');
    DECLARE v_etag VARCHAR(64) COLLATE ascii_bin;
    DECLARE v_rev, v_contact_rev BIGINT UNSIGNED DEFAULT 0;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- unlocked: the owner is locked
    SELECT JSON_ARRAYAGG(e.group_id) INTO v_groups
    FROM contact_group_expected AS e
    LEFT JOIN contact_group_member AS m
      ON m.owner_id = in_owner AND m.group_id = e.group_id AND m.contact_id = in_id
    WHERE e.owner_id = in_owner AND e.uid = REGEXP_REPLACE(v_uid, '(?i)^urn:uuid:', '')
      AND m.contact_id IS NULL;
    IF v_groups IS NOT NULL THEN
        INSERT INTO contact_group_member (owner_id, group_id, contact_id, ctime)
        SELECT in_owner, j.id, in_id, UNIX_TIMESTAMP()
        FROM JSON_TABLE(v_groups, '$[*]' COLUMNS (id CHAR(16) COLLATE ascii_bin PATH '$')) AS j;
        CALL contacts_render(in_owner, JSON_ARRAY(in_id));
    END IF;
    DELETE FROM contact_group_expected
    WHERE owner_id = in_owner AND uid = REGEXP_REPLACE(v_uid, '(?i)^urn:uuid:', '');

    SELECT rev INTO v_rev FROM contact_ledger WHERE owner_id = in_owner FOR UPDATE;
    -- unlocked: the ledger is locked
    SELECT rev INTO v_contact_rev FROM contact_record WHERE owner_id = in_owner AND contact_id = in_id;
    IF v_contact_rev <= in_rev THEN
        SET v_rev = v_rev + 1;
        UPDATE contact_ledger SET rev = v_rev WHERE owner_id = in_owner;
        INSERT INTO contact_event (owner_id, rev, contact_id, event, at, writer, before_record,
                                   before_private)
        SELECT in_owner, v_rev, in_id, 'private', UNIX_TIMESTAMP(), CONNECTION_ID(), record, private
        FROM contact_record
        WHERE owner_id = in_owner AND contact_id = in_id;
    END IF;

    -- unlocked: the owner is locked
    SELECT COALESCE(v.uid, JSON_VALUE(r.record, '$.id')), JSON_VALUE(r.record, '$.id')
    INTO v_old_uid, v_own_uid
    FROM contact_record AS r
    LEFT JOIN contact_vcard AS v ON v.owner_id = in_owner AND v.contact_id = in_id
    WHERE r.owner_id = in_owner AND r.contact_id = in_id;
    -- a contact in the trash, or a tombstone, gives up the UID and the name
    UPDATE contact_vcard SET uid = NULL WHERE owner_id = in_owner AND uid = v_uid AND contact_id <> in_id;
    UPDATE contact_vcard
    SET name = CONCAT(contact_id, v_suffix)
    WHERE owner_id = in_owner AND name = in_name AND contact_id <> in_id;

    INSERT INTO contact_vcard (owner_id, name, contact_id, uid, rev, card, sent, sent_version, put_rev)
    VALUES (in_owner, in_name, in_id, v_uid, v_contact_rev, JSON_VALUE(in_card, '$.card'),
            FROM_BASE64(JSON_VALUE(in_card, '$.sent')), JSON_VALUE(in_card, '$.version'), v_rev)
    ON DUPLICATE KEY UPDATE
        name = VALUE(name), uid = VALUE(uid), rev = VALUE(rev), card = VALUE(card), sent = VALUE(sent),
        sent_version = VALUE(sent_version), put_rev = VALUE(put_rev);
    SELECT etag INTO v_etag FROM contact_member WHERE owner_id = in_owner AND contact_id = in_id;
    UPDATE contact_vcard SET sent_etag = v_etag WHERE owner_id = in_owner AND contact_id = in_id;
    -- cards of groups say the new UID; those that the contact has just joined say it already
    IF REGEXP_REPLACE(COALESCE(v_uid, v_own_uid), '(?i)^urn:uuid:', '')
       <> REGEXP_REPLACE(v_old_uid, '(?i)^urn:uuid:', '') THEN
        UPDATE contact_group AS g
        STRAIGHT_JOIN contact_group_member AS m
           ON m.owner_id = in_owner AND m.group_id = g.id AND m.contact_id = in_id
        SET g.rev = 0
        WHERE g.owner_id = in_owner AND NOT COALESCE(JSON_CONTAINS(v_groups, JSON_QUOTE(g.id)), 0);
    END IF;
    SELECT v_etag AS etag;
    SELECT JSON_OBJECT('group_id', k.id, 'added', 1,
                       'member_count', CAST(JSON_VALUE(k.data, '$.member_count') AS INT)) AS data
    FROM JSON_TABLE(v_groups, '$[*]' COLUMNS (id CHAR(16) COLLATE ascii_bin PATH '$')) AS j
    JOIN group_card AS k ON k.owner_id = in_owner AND k.id = j.id;
END$$
DELIMITER ;
