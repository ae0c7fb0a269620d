-- 0011: the contacts that were there before the records. What lies in the trash gets its record here, from what the trash
-- remembers; the others, and the words of all, come from contact_catch_up, which the deploy runs to the end.
-- undo: DELETE FROM contact_stale; DELETE FROM contact_record;

INSERT IGNORE INTO contact_record (owner_id, contact_id, rev, created_rev, state, created_at, updated_at, deleted_at, digest, record)
SELECT t.owner_id, t.id, 0, 0, 'deleted',
       TIMESTAMPADD(SECOND, COALESCE(JSON_VALUE(t.book, '$.contact.ctime'), t.deleted_at), '1970-01-01'),
       TIMESTAMPADD(SECOND, t.deleted_at, '1970-01-01'), TIMESTAMPADD(SECOND, t.deleted_at, '1970-01-01'), REPEAT('\0', 16),
       JSON_OBJECT(
           'id', CONCAT(LEFT(t.id, 8), '-', SUBSTR(t.id, 9, 4), '-4', SUBSTR(t.id, 13, 3), '-8', RIGHT(t.id, 1), '00-000000000000'),
           'display_name', t.display,
           'first_name', JSON_VALUE(t.book, '$.contact.firstname'),
           'last_name', JSON_VALUE(t.book, '$.contact.lastname'),
           'emails', JSON_COMPACT(COALESCE((
               SELECT JSON_ARRAYAGG(JSON_OBJECT('address', e.email, 'label', IF(e.category = 'prof', 'work', 'personal'),
                                                'primary', e.is_default = 1) ORDER BY e.position)
               FROM JSON_TABLE(t.book, '$.email[*]' COLUMNS (
                   position FOR ORDINALITY, email VARCHAR(255) PATH '$.email', category VARCHAR(8) PATH '$.category',
                   is_default TINYINT PATH '$.is_default'
               )) AS e
           ), '[]')),
           'phones', JSON_COMPACT(COALESCE((
               SELECT JSON_ARRAYAGG(JSON_OBJECT('number', TRIM(CONCAT(p.areacode, ' ', p.phone)),
                                                'label', IF(p.category = 'prof', 'work', 'mobile'),
                                                'primary', p.is_default = 1) ORDER BY p.position)
               FROM JSON_TABLE(t.book, '$.mobile[*]' COLUMNS (
                   position FOR ORDINALITY, areacode VARCHAR(16) PATH '$.areacode', phone VARCHAR(64) PATH '$.phone',
                   category VARCHAR(8) PATH '$.category', is_default TINYINT PATH '$.is_default'
               )) AS p
           ), '[]')),
           'company', NULL, 'job_title', NULL,
           'addresses', JSON_COMPACT(COALESCE((
               SELECT JSON_ARRAYAGG(JSON_OBJECT('street', NULLIF(a.street, ''), 'city', NULLIF(a.city, ''), 'state', NULL,
                                                'postal_code', NULL, 'country', NULLIF(a.country, ''),
                                                'label', IF(a.category = 'prof', 'work', 'home')) ORDER BY a.position)
               FROM JSON_TABLE(t.book, '$.address[*]' COLUMNS (
                   position FOR ORDINALITY, street VARCHAR(255) PATH '$.street', city VARCHAR(255) PATH '$.city',
                   country VARCHAR(255) PATH '$.country', category VARCHAR(8) PATH '$.category'
               )) AS a
           ), '[]')),
           'notes', JSON_VALUE(t.book, '$.contact.comment'),
           'avatar_path', NULL,
           'tags', JSON_COMPACT(COALESCE((
               SELECT JSON_ARRAYAGG(g.name ORDER BY g.name, g.tag_id) FROM tag AS g
               WHERE g.owner_id = t.owner_id AND JSON_CONTAINS(t.book, JSON_QUOTE(g.tag_id), '$.tag')
           ), '[]')),
           'custom_fields', NULL,
           'source', COALESCE(JSON_VALUE(t.book, '$.contact.metadata.from'), 'local'), 'source_id', NULL,
           'created_at', DATE_FORMAT(TIMESTAMPADD(SECOND, COALESCE(JSON_VALUE(t.book, '$.contact.ctime'), t.deleted_at), '1970-01-01'), '%Y-%m-%dT%H:%i:%s.000Z'),
           'updated_at', DATE_FORMAT(TIMESTAMPADD(SECOND, t.deleted_at, '1970-01-01'), '%Y-%m-%dT%H:%i:%s.000Z'),
           'synced_at', NULL,
           'deleted_at', DATE_FORMAT(TIMESTAMPADD(SECOND, t.deleted_at, '1970-01-01'), '%Y-%m-%dT%H:%i:%s.000Z'),
           'archived', JSON_VALUE(t.book, '$.contact.is_archived') = 1,
           'groups', JSON_COMPACT('[]')
       )
FROM contact_trash AS t;

INSERT IGNORE INTO contact_stale (owner_id, contact_id) SELECT owner_id, id FROM contact_trash;

INSERT IGNORE INTO contact_stale (owner_id, contact_id) SELECT owner_id, id FROM contact WHERE box <> 'hidden';
