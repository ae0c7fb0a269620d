-- contact_member: one contact of the address book as a member of its collection in CardDAV.
-- Only this view knows the names and the entity tags. A tag changes with all that a card says: the record
-- without its groups, what only the RPC shows, and what a PUT changes in the card alone.
CREATE OR REPLACE VIEW contact_member AS
SELECT
    r.owner_id,
    r.contact_id,
    COALESCE(v.name, CONVERT(CONCAT(r.contact_id, '.vcf') USING utf8mb4) COLLATE utf8mb4_bin) AS name,
    CONVERT(
        CONCAT(COALESCE(r.card_rev, r.rev), '-', COALESCE(v.put_rev, 0), '-',
               LEFT(MD5(COALESCE(r.private, '')), 8)) USING ascii
    ) COLLATE ascii_bin AS etag,
    r.rev,
    r.created_rev,
    IF(r.state = 'active' AND c.box = 'active', 1, 0) AS is_listed
FROM contact_record AS r
LEFT JOIN contact AS c ON c.owner_id = r.owner_id AND c.id = r.contact_id
LEFT JOIN contact_vcard AS v ON v.owner_id = r.owner_id AND v.contact_id = r.contact_id;
