-- contact_card: one contact for lists (docs/frontend-contract.md#contact-record).
-- Only this view knows the shape; list routines select ids by index and join the view for `data`.
CREATE OR REPLACE VIEW contact_card AS
SELECT
    c.owner_id,
    c.id,
    c.display,
    JSON_OBJECT(
        'id', c.id,
        'is_mycontact', 1,
        'type', 'my_contact',
        'entity', COALESCE(c.peer_id, c.entity),
        'uid', c.uid,
        'firstname', c.firstname,
        'lastname', c.lastname,
        'fullname', c.display,
        'surname', c.display,
        'given_surname', c.surname,
        'status', c.status,
        'email', COALESCE(c.email, IF(c.uid IS NULL, NULL, d.email), ''),
        'comment', COALESCE(c.comment, ''),
        'category', c.category,
        'ctime', c.ctime,
        'mtime', c.mtime,
        'ident', IF(c.uid IS NULL, NULL, d.username),
        'username', IF(c.uid IS NULL, NULL, d.username),
        'is_drumate', IF(d.id IS NULL, 0, 1),
        'is_same_domain', IF(d.domain_id > 1 AND d.domain_id = me.domain_id, 1, 0),
        -- contact_write refuses to leave it without an address
        'is_need_email', IF(c.email IS NULL, 0, 1),
        'is_archived', c.is_archived,
        'is_blocked', (
            SELECT COUNT(*) FROM yp.contact_block AS b
            WHERE b.owner_id = c.owner_id AND b.contact_id = c.id
        ),
        'is_blocked_me', IF(c.peer_id IS NULL, 0, (
            SELECT COUNT(*) FROM yp.contact_block AS b
            WHERE b.uid = c.owner_id AND b.owner_id = c.peer_id
        )),
        'online', IF(c.uid IS NULL, 0, CASE
            WHEN EXISTS (SELECT 1 FROM yp.conference AS r WHERE r.uid = c.uid) THEN 2
            WHEN EXISTS (SELECT 1 FROM yp.socket AS s WHERE s.uid = c.uid AND s.state = 'active') THEN 1
            ELSE 0
        END)
    ) AS data
FROM contact AS c
JOIN yp.drumate AS me ON me.id = c.owner_id
LEFT JOIN yp.drumate AS d ON d.id = c.peer_id
WHERE c.deleted_at IS NULL;
