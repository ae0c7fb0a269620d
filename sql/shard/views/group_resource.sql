-- group_resource: one group as a member of the collection of cards in CardDAV.
-- Only this view knows the names and the entity tags.
CREATE OR REPLACE VIEW group_resource AS
SELECT
    g.owner_id,
    g.id AS group_id,
    COALESCE(g.card_name, CONVERT(CONCAT(g.id, '.vcf') USING utf8mb4) COLLATE utf8mb4_bin) AS name,
    CONVERT(CONCAT(g.rev, '-g') USING ascii) COLLATE ascii_bin AS etag,
    g.rev,
    g.created_rev
FROM contact_group AS g;
