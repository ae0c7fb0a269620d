-- my_card_put: store the card of a contact that the same transaction has written, under the name that its
-- client chose.
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
    DECLARE v_etag VARCHAR(64) COLLATE ascii_bin;
    DECLARE v_rev, v_contact_rev BIGINT UNSIGNED DEFAULT 0;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

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

    -- a contact in the trash, or a tombstone, gives up the UID and the name
    UPDATE contact_vcard SET uid = NULL WHERE owner_id = in_owner AND uid = v_uid AND contact_id <> in_id;
    UPDATE contact_vcard
    SET name = CONCAT(contact_id, '.vcf')
    WHERE owner_id = in_owner AND name = in_name AND contact_id <> in_id
      AND name <> CONCAT(contact_id, '.vcf');
    DELETE FROM contact_vcard WHERE owner_id = in_owner AND name = in_name AND contact_id <> in_id;

    INSERT INTO contact_vcard (owner_id, name, contact_id, uid, rev, card, sent, sent_version, put_rev)
    VALUES (in_owner, in_name, in_id, v_uid, v_contact_rev, JSON_VALUE(in_card, '$.card'),
            FROM_BASE64(JSON_VALUE(in_card, '$.sent')), JSON_VALUE(in_card, '$.version'), v_rev)
    ON DUPLICATE KEY UPDATE
        name = VALUE(name), uid = VALUE(uid), rev = VALUE(rev), card = VALUE(card), sent = VALUE(sent),
        sent_version = VALUE(sent_version), put_rev = VALUE(put_rev);
    SELECT etag INTO v_etag FROM contact_member WHERE owner_id = in_owner AND contact_id = in_id;
    UPDATE contact_vcard SET sent_etag = v_etag WHERE owner_id = in_owner AND contact_id = in_id;
    SELECT v_etag AS etag;
END$$
DELIMITER ;
