-- my_cards: return the cards with these names, for CardDAV.
--
-- Params:   in_owner     owner of the address book
--           in_names     JSON array of names
--           in_version   3.0, 4.0 or '' (that of the card)
--           in_bytes     size of the answer: the cards behind it come without text. The first one always has
--                        its text
-- Returns:  rows         name, etag, sent (the bytes that the client sent, while they say what is stored and
--                        have this version, else NULL), data  JSON as in contact_export, or NULL when sent is
--                        there; none for a name without a card
--           rows         the same of groups; in data: group_id, name, put_name (the name that the last PUT
--                        made of its FN, or null), comment, uid, card (both of the card, or null), member
--                        (array of id and uid) and expected (array of UIDs of no contact, without urn:uuid:)
-- Errors:   none
-- Example:  CALL my_cards('00000000000000a1', '["0000000000000c01.vcf"]', '3.0', 8000000);
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_cards(
    IN in_owner   CHAR(16) COLLATE ascii_bin,
    IN in_names   LONGTEXT,
    IN in_version VARCHAR(8) COLLATE ascii_bin,
    IN in_bytes   INT UNSIGNED
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_moved_to VARCHAR(64) COLLATE ascii_bin;

    -- Repeats contact_export: a book that is elsewhere now is not empty, a client would delete its cards
    SELECT to_db INTO v_moved_to FROM moved_out WHERE owner_id = in_owner;
    IF v_moved_to IS NOT NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'MOVING';
    END IF;

    SELECT k.name, k.etag, IF(k.is_as_sent AND k.bytes_before < in_bytes, v.sent, NULL) AS sent,
           IF(k.is_as_sent OR k.bytes_before >= in_bytes, NULL, (
               SELECT w.data FROM contact_whole AS w WHERE w.owner_id = in_owner AND w.id = k.contact_id
           )) AS data
    FROM (
        SELECT c.contact_id, c.name, c.etag, c.is_as_sent,
               -- the picture of a card that is written anew is read by the service
               COALESCE(SUM(IF(c.is_as_sent, c.sent_bytes, c.card_bytes + COALESCE((
                   SELECT LENGTH(p.content) FROM contact_picture AS p
                   WHERE p.owner_id = in_owner AND p.contact_id = c.contact_id AND p.replaced_at IS NULL
               ), 0))) OVER (ORDER BY c.position ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)
               AS bytes_before
        FROM (
            SELECT m.contact_id, m.name, m.etag, j.position, LENGTH(s.sent) AS sent_bytes,
                   COALESCE(LENGTH(s.card), 0) AS card_bytes,
                   COALESCE(s.sent IS NOT NULL AND s.sent_etag = m.etag
                            AND (in_version = '' OR s.sent_version = in_version), 0) AS is_as_sent
            FROM JSON_TABLE(in_names, '$[*]' COLUMNS (
                position FOR ORDINALITY,
                name VARCHAR(255) COLLATE utf8mb4_bin PATH '$'
            )) AS j
            LEFT JOIN contact_vcard AS n ON n.owner_id = in_owner AND n.name = j.name
            STRAIGHT_JOIN contact_member AS m
               ON m.owner_id = in_owner AND m.contact_id = COALESCE(
                   n.contact_id, CONVERT(LEFT(j.name, 16) USING ascii) COLLATE ascii_bin
               )
              AND m.is_listed = 1 AND m.name = j.name
            LEFT JOIN contact_vcard AS s ON s.owner_id = in_owner AND s.contact_id = m.contact_id
        ) AS c
    ) AS k
    LEFT JOIN contact_vcard AS v ON v.owner_id = in_owner AND v.contact_id = k.contact_id;

    SELECT k.name, k.etag, IF(k.is_as_sent AND k.bytes_before < in_bytes, g.sent, NULL) AS sent,
           IF(k.is_as_sent OR k.bytes_before >= in_bytes, NULL, (
               SELECT w.data FROM group_whole AS w WHERE w.owner_id = in_owner AND w.id = k.group_id
           )) AS data
    FROM (
        SELECT c.group_id, c.name, c.etag, c.is_as_sent,
               COALESCE(SUM(IF(c.is_as_sent, c.sent_bytes, c.card_bytes + 100 * (
                   SELECT COUNT(*) FROM contact_group_member AS m
                   WHERE m.owner_id = in_owner AND m.group_id = c.group_id
               ))) OVER (ORDER BY c.position ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)
               AS bytes_before
        FROM (
            SELECT r.group_id, r.name, r.etag, j.position, LENGTH(s.sent) AS sent_bytes,
                   COALESCE(LENGTH(s.card), 0) AS card_bytes,
                   COALESCE(s.sent IS NOT NULL AND s.sent_rev = s.rev
                            AND (in_version = '' OR s.sent_version = in_version), 0) AS is_as_sent
            FROM JSON_TABLE(in_names, '$[*]' COLUMNS (
                position FOR ORDINALITY,
                name VARCHAR(255) COLLATE utf8mb4_bin PATH '$'
            )) AS j
            LEFT JOIN contact_group AS n FORCE INDEX (by_card_name)
               ON n.owner_id = in_owner AND n.card_name = j.name
            STRAIGHT_JOIN contact_group AS s FORCE INDEX (PRIMARY)
               ON s.owner_id = in_owner
              AND s.id = COALESCE(n.id, CONVERT(LEFT(j.name, 16) USING ascii) COLLATE ascii_bin)
            STRAIGHT_JOIN group_resource AS r
               ON r.owner_id = in_owner AND r.group_id = s.id AND r.name = j.name
        ) AS c
    ) AS k
    LEFT JOIN contact_group AS g ON g.owner_id = in_owner AND g.id = k.group_id;
END$$
DELIMITER ;
