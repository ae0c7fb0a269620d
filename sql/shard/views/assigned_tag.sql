-- assigned_tag: one tag of a contact or a hub.
-- Only this view knows the shape; contact_sheet and contact_full aggregate it.
CREATE OR REPLACE VIEW assigned_tag AS
SELECT
    m.owner_id,
    m.entity_id,
    t.tag_id,
    t.name,
    t.position,
    JSON_OBJECT(
        'tag_id', t.tag_id, 'parent_tag_id', t.parent_tag_id, 'name', t.name, 'position', t.position
    ) AS data
FROM map_tag AS m FORCE INDEX (by_entity)
STRAIGHT_JOIN tag AS t FORCE INDEX (PRIMARY) ON t.owner_id = m.owner_id AND t.tag_id = m.tag_id;
