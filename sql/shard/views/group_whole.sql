-- group_whole: one group with all that its card says. Members are the contacts that CardDAV shows.
-- Only this view knows the shape; my_cards says what it holds.
CREATE OR REPLACE VIEW group_whole AS
SELECT
    g.owner_id,
    g.id,
    JSON_OBJECT(
        'group_id', g.id, 'name', g.name, 'put_name', g.put_name, 'comment', COALESCE(g.comment, ''),
        'uid', g.uid, 'card', g.card, 'member', JSON_COMPACT(COALESCE((
            SELECT JSON_ARRAYAGG(JSON_OBJECT('id', c.id, 'uid', v.uid) ORDER BY c.id)
            FROM contact_group_member AS m
            JOIN contact AS c ON c.owner_id = g.owner_id AND c.id = m.contact_id AND c.box = 'active'
            LEFT JOIN contact_vcard AS v ON v.owner_id = g.owner_id AND v.contact_id = c.id
            WHERE m.owner_id = g.owner_id AND m.group_id = g.id
        ), '[]')), 'expected', JSON_COMPACT(COALESCE((
            SELECT JSON_ARRAYAGG(e.uid ORDER BY e.uid)
            FROM contact_group_expected AS e
            WHERE e.owner_id = g.owner_id AND e.group_id = g.id
        ), '[]'))
    ) AS data
FROM contact_group AS g;
