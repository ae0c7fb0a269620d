-- my_contact_import_card: store the card of a contact that an import has changed. Its UID stays, if it has
-- one.
--
-- A UID belongs to one card, see my_contact_import_cards.
--
-- Params:   in_owner         owner of the address book, locked by the caller
--           in_id            contact
--           in_card          JSON: card (text in normal form), uid (or absent)
--           in_is_rendered   1: the same transaction has changed the record of the contact
-- Returns:  one row    etag (view contact_member)
--           rows       data  JSON, as my_card_put
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL my_contact_import_card('00000000000000a1', '0000000000000c01', '{"card": ""}', 0);
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_import_card(
    IN in_owner       CHAR(16) COLLATE ascii_bin,
    IN in_id          CHAR(16) COLLATE ascii_bin,
    IN in_card        LONGTEXT,
    IN in_is_rendered TINYINT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_uid VARCHAR(255) COLLATE utf8mb4_bin DEFAULT JSON_VALUE(in_card, '$.uid');
    DECLARE v_own_uid VARCHAR(255) COLLATE utf8mb4_bin;
    DECLARE v_name VARCHAR(255) COLLATE utf8mb4_bin DEFAULT CONCAT(in_id, '.vcf');
    DECLARE v_holders INT UNSIGNED;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- unlocked: the owner is locked
    SELECT uid, name INTO v_own_uid, v_name
    FROM contact_vcard
    WHERE owner_id = in_owner AND contact_id = in_id;
    SELECT COUNT(*) INTO v_holders
    FROM contact_vcard AS v FORCE INDEX (by_uid)
    STRAIGHT_JOIN contact AS c FORCE INDEX (PRIMARY)
       ON c.owner_id = in_owner AND c.id = v.contact_id AND c.deleted_at IS NULL
    WHERE v.owner_id = in_owner AND v.uid = v_uid AND v.contact_id <> in_id;
    SET v_uid = COALESCE(v_own_uid, IF(v_holders = 0, v_uid, NULL));
    -- a record that has not changed: the tag of the card changes nevertheless
    CALL my_card_put(in_owner, in_id, v_name, JSON_SET(in_card, '$.uid', v_uid), IF(in_is_rendered, 0, ~0));
END$$
DELIMITER ;
