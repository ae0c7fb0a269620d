-- tag_card: one tag as lists show it (contract 3.5).
-- The one place that knows the shape; routines select `data` from here.
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
