-- 0016: one UID for one group.
--
-- 0015 gave each group the UID of the card that it came in, which another group, or a contact, may have as
-- well. The oldest group keeps it, unless a contact has it. The others get the UUID of their own.
--
-- undo: nothing; the UIDs remain in the cards

UPDATE contact_group AS g
JOIN (
    SELECT owner_id, uid, MIN(CONCAT(LPAD(ctime, 10, '0'), id)) AS oldest
    FROM contact_group
    WHERE uid IS NOT NULL
    GROUP BY owner_id, uid
) AS k ON k.owner_id = g.owner_id AND k.uid = g.uid
LEFT JOIN contact_vcard AS v ON v.owner_id = g.owner_id AND v.uid = g.uid
SET g.uid = NULL, g.rev = 0
WHERE CONCAT(LPAD(g.ctime, 10, '0'), g.id) <> k.oldest OR v.uid IS NOT NULL;
