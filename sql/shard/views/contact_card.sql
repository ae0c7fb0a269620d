-- contact_card: one contact for lists (docs/frontend-contract.md#contact-record): contact_base, and what is
-- live. List routines select ids by index and join the view for `data`.
CREATE OR REPLACE VIEW contact_card AS
SELECT
    k.owner_id,
    k.id,
    k.display,
    IF(k.peer_id IS NULL AND b.contact_id IS NULL, k.card, JSON_REPLACE(
        k.card,
        '$.email', COALESCE(k.email, IF(k.uid IS NULL, NULL, d.email), ''),
        '$.ident', IF(k.uid IS NULL, NULL, d.username),
        '$.username', IF(k.uid IS NULL, NULL, d.username),
        '$.is_drumate', IF(d.id IS NULL, 0, 1),
        '$.is_same_domain', IF(d.domain_id > 1 AND d.domain_id = me.domain_id, 1, 0),
        '$.is_blocked', IF(b.contact_id IS NULL, 0, 1),
        '$.is_blocked_me', IF(k.peer_id IS NULL, 0, (
            SELECT COUNT(*) FROM yp.contact_block AS o
            WHERE o.uid = k.owner_id AND o.owner_id = k.peer_id
        )),
        '$.online', IF(k.uid IS NULL, 0, CASE
            WHEN EXISTS (SELECT 1 FROM yp.conference AS r WHERE r.uid = k.uid) THEN 2
            WHEN EXISTS (SELECT 1 FROM yp.socket AS s WHERE s.uid = k.uid AND s.state = 'active') THEN 1
            ELSE 0
        END)
    )) AS data
FROM contact_base AS k
JOIN yp.drumate AS me ON me.id = k.owner_id
LEFT JOIN yp.drumate AS d ON d.id = k.peer_id
LEFT JOIN yp.contact_block AS b ON b.owner_id = k.owner_id AND b.contact_id = k.id;
