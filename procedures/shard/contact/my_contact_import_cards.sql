-- my_contact_import_cards: store the cards and the pictures of contacts that the same transaction has
-- imported. Those of contacts that were not imported are left out.
--
-- A UID belongs to one card. A contact in the trash gives it up, because its file may be loaded again; of two
-- contacts in the book the first one has it.
--
-- Params:   in_owner   owner of the address book, locked by the caller
--           in_cards   JSON array: id (of the contact), card (text), uid (or absent), type and picture (media
--                      type and base64, or absent; the contact has the path of the picture already)
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL my_contact_import_cards('00000000000000a1', '[]');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_import_cards(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_cards LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    UPDATE JSON_TABLE(in_cards, '$[*]' COLUMNS (
        uid VARCHAR(255) COLLATE utf8mb4_bin PATH '$.uid'
    )) AS j
    STRAIGHT_JOIN contact_vcard AS v FORCE INDEX (by_uid) ON v.owner_id = in_owner AND v.uid = j.uid
    STRAIGHT_JOIN contact AS c FORCE INDEX (PRIMARY)
       ON c.owner_id = in_owner AND c.id = v.contact_id AND c.deleted_at IS NOT NULL
    SET v.uid = NULL;

    INSERT INTO contact_vcard (owner_id, name, contact_id, uid, rev, card)
    SELECT in_owner, CONCAT(n.id, '.vcf'), n.id, IF(n.turn = 1 AND k.name IS NULL, n.uid, NULL), n.rev, n.card
    FROM (
        SELECT STRAIGHT_JOIN c.id, j.uid, j.card, r.rev,
               ROW_NUMBER() OVER (PARTITION BY j.uid ORDER BY j.position) AS turn
        FROM JSON_TABLE(in_cards, '$[*]' COLUMNS (
            position FOR ORDINALITY,
            id       CHAR(16) COLLATE ascii_bin PATH '$.id',
            uid      VARCHAR(255) COLLATE utf8mb4_bin PATH '$.uid',
            card     MEDIUMTEXT COLLATE utf8mb4_unicode_520_ci PATH '$.card'
        )) AS j
        JOIN contact AS c FORCE INDEX (PRIMARY) ON c.owner_id = in_owner AND c.id = j.id
        JOIN contact_record AS r FORCE INDEX (PRIMARY) ON r.owner_id = in_owner AND r.contact_id = j.id
        WHERE j.card IS NOT NULL
    ) AS n
    LEFT JOIN contact_vcard AS k FORCE INDEX (by_uid) ON k.owner_id = in_owner AND k.uid = n.uid;

    IF JSON_EXISTS(in_cards, '$[*].picture') THEN
        INSERT INTO contact_picture (owner_id, contact_id, type, hash, content, mtime)
        SELECT STRAIGHT_JOIN in_owner, c.id, j.type, SHA2(FROM_BASE64(j.picture), 256),
               FROM_BASE64(j.picture), UNIX_TIMESTAMP()
        FROM JSON_TABLE(in_cards, '$[*]' COLUMNS (
            id      CHAR(16) COLLATE ascii_bin PATH '$.id',
            type    VARCHAR(32) COLLATE ascii_bin PATH '$.type',
            picture LONGTEXT COLLATE ascii_bin PATH '$.picture'
        )) AS j
        JOIN contact AS c FORCE INDEX (PRIMARY) ON c.owner_id = in_owner AND c.id = j.id
        WHERE j.picture IS NOT NULL;
    END IF;
END$$
DELIMITER ;
