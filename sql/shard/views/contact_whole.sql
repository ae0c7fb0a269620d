-- contact_whole: one contact with all that files say of it, and the card that it came in.
-- Only this view knows the shape; contact_export and my_cards say what it holds.
CREATE OR REPLACE VIEW contact_whole AS
SELECT
    c.owner_id,
    c.id,
    JSON_OBJECT(
        'id', c.id, 'display', c.display, 'key', CONCAT(COALESCE(c.email, c.entity), ' ', c.id),
        'firstname', COALESCE(c.firstname, ''), 'lastname', COALESCE(c.lastname, ''),
        'surname', COALESCE(c.surname, ''), 'display_name', COALESCE(c.display_name, ''),
        'company', COALESCE(c.company, ''), 'job_title', COALESCE(c.job_title, ''),
        'comment', COALESCE(c.comment, ''), 'archived', c.is_archived,
        'custom_fields', JSON_COMPACT(c.custom_fields), 'extra', JSON_COMPACT(c.extra),
        'avatar_path', COALESCE(c.avatar_path, ''),
        'source', COALESCE(c.origin, ''), 'source_id', COALESCE(c.source_id, ''),
        'synced_at', COALESCE(CONCAT(REPLACE(c.synced_at, ' ', 'T'), 'Z'), ''), 'email',
        JSON_COMPACT(COALESCE((
            SELECT JSON_ARRAYAGG(JSON_OBJECT('email', e.email, 'category', e.category,
                                             'is_default', e.is_default,
                                             'label', COALESCE(e.label, IF(e.category = 'prof', 'work', '')))
                                 ORDER BY e.position)
            FROM contact_email AS e WHERE e.owner_id = c.owner_id AND e.contact_id = c.id
        ), '[]')),
        'mobile', JSON_COMPACT(COALESCE((
            SELECT JSON_ARRAYAGG(JSON_OBJECT('areacode', p.areacode, 'phone', p.phone, 'category', p.category,
                                             'is_default', p.is_default,
                                             'label', COALESCE(p.label, IF(p.category = 'prof', 'work', '')))
                                             ORDER BY p.position)
            FROM contact_phone AS p WHERE p.owner_id = c.owner_id AND p.contact_id = c.id
        ), '[]')),
        'address', JSON_COMPACT(COALESCE((
            SELECT JSON_ARRAYAGG(JSON_OBJECT('street', a.street, 'city', a.city, 'state', a.state,
                                             'postal_code', a.postal_code, 'country', a.country,
                                             'category', a.category, 'is_default', a.is_default,
                                             'label', COALESCE(a.label, IF(a.category = 'prof', 'work', '')))
                                             ORDER BY a.position)
            FROM contact_address AS a
            WHERE a.owner_id = c.owner_id AND a.contact_id = c.id
              AND CONCAT(a.street, a.city, a.state, a.postal_code, a.country) <> ''
        ), '[]')),
        'tag', JSON_COMPACT(COALESCE((
            SELECT JSON_ARRAYAGG(t.name ORDER BY t.name COLLATE utf8mb4_unicode_520_ci, t.name)
            FROM map_tag AS m
            JOIN tag AS t ON t.owner_id = c.owner_id AND t.tag_id = m.tag_id
            WHERE m.owner_id = c.owner_id AND m.entity_id = c.id
        ), '[]')),
        'group', JSON_COMPACT(COALESCE((
            SELECT JSON_ARRAYAGG(g.name ORDER BY g.name)
            FROM contact_group_member AS m
            JOIN contact_group AS g ON g.owner_id = c.owner_id AND g.id = m.group_id
            WHERE m.owner_id = c.owner_id AND m.contact_id = c.id
        ), '[]')),
        'updated_at', (
            SELECT CONCAT(REPLACE(GREATEST(COALESCE(r.card_at, r.updated_at),
                                           TIMESTAMPADD(SECOND, c.mtime, '1970-01-01')), ' ', 'T'), 'Z')
            FROM contact_record AS r WHERE r.owner_id = c.owner_id AND r.contact_id = c.id
        ),
        'picture', (SELECT p.hash FROM contact_picture AS p
                    WHERE p.owner_id = c.owner_id AND p.contact_id = c.id AND p.replaced_at IS NULL
                      AND c.avatar_path LIKE CONCAT('%/avatar/', LEFT(p.hash, 16))),
        'uid', (SELECT d.id FROM yp.drumate AS d
                WHERE d.id = c.peer_id AND (c.email IS NULL OR d.email <> c.email)),
        'entity', IF(c.email IS NULL AND c.peer_id IS NULL, c.entity, NULL), 'vcard',
        JSON_COMPACT((
            SELECT JSON_OBJECT('uid', v.uid, 'card', v.card, 'is_current', IF(v.rev = r.rev, 1, 0))
            FROM contact_vcard AS v
            STRAIGHT_JOIN contact_record AS r ON r.owner_id = c.owner_id AND r.contact_id = c.id
            WHERE v.owner_id = c.owner_id AND v.contact_id = c.id AND v.card IS NOT NULL
        ))
    ) AS data
FROM contact AS c;
