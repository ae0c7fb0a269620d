-- group_card: one group of contacts for lists.
-- Only this view knows the shape; routines select `data` from it.
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
        ) - (
            -- counted from the trash, which is small
            SELECT COUNT(*)
            FROM contact AS c FORCE INDEX (by_name)
            STRAIGHT_JOIN contact_group_member AS m
               ON m.owner_id = g.owner_id AND m.group_id = g.id AND m.contact_id = c.id
            WHERE c.owner_id = g.owner_id AND c.box = 'trash'
        ),
        'ctime', g.ctime,
        'mtime', g.mtime
    ) AS data
FROM contact_group AS g;
