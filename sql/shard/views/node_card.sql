-- node_card: a node of a hub, such as a scheduled meeting, as the frontend shows files.
-- See docs/frontend-contract.md#scheduled-meetings.
-- Only this view knows the shape; routines select `data` from it.
CREATE OR REPLACE VIEW node_card AS
SELECT
    m.owner_id,
    m.id,
    m.parent_id,
    m.category,
    m.ctime,
    JSON_OBJECT(
        'id', m.id,
        'nid', m.id,
        'pid', COALESCE(m.parent_id, e.home_id),
        'hub_id', m.owner_id,
        'home_id', e.home_id,
        'actual_home_id', e.home_id,
        'owner_id', m.author_id,
        'area', e.area,
        'filename', m.filename,
        'filetype', m.category,
        'category', m.category,
        'ext', IF(m.category = 'schedule', 'schedule', ''),
        -- texts in a text: the page decodes both
        'metadata', CAST(JSON_SET(
            m.metadata, '$.content', CAST(JSON_COMPACT(JSON_EXTRACT(m.metadata, '$.content')) AS CHAR)
        ) AS CHAR),
        'filesize', 0,
        'status', 'active',
        'ctime', m.ctime,
        'mtime', m.mtime
    ) AS data
FROM media AS m
JOIN yp.entity AS e ON e.id = m.owner_id;
