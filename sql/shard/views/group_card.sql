-- group_card: one group of contacts as lists show it.
-- The one place that knows the shape; routines select `data` from here.
CREATE OR REPLACE VIEW group_card AS
SELECT
    g.owner_id,
    g.id,
    g.name,
    g.ctime,
    JSON_OBJECT(
        'group_id', g.id,
        'id', g.id,
        'name', g.name,
        'comment', COALESCE(g.comment, ''),
        'category', 'origin',
        'avatar', g.avatar,
        'member_count', (
            SELECT COUNT(*) FROM contact_group_member AS m WHERE m.owner_id = g.owner_id AND m.group_id = g.id
        ),
        'ctime', g.ctime,
        'mtime', g.mtime
    ) AS data
FROM contact_group AS g;
