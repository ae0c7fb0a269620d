-- tag_card: one tag for lists (docs/frontend-contract.md#tag-row).
-- Only this view knows the shape; routines select `data` from it.
CREATE OR REPLACE VIEW tag_card AS
SELECT
    t.owner_id,
    t.tag_id,
    t.parent_tag_id,
    t.name,
    t.position,
    JSON_OBJECT(
        'tag_id', t.tag_id,
        'id', t.tag_id,
        'parent_tag_id', t.parent_tag_id,
        'name', t.name,
        'position', t.position,
        'ctime', t.ctime
    ) AS data
FROM tag AS t;
