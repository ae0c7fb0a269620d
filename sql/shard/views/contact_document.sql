-- contact_document: the texts that contact_record stores of a contact who is no user, as the RPC shows it:
-- `rpc_card` without its last brace, for lists add the page; `rpc_full` up to its first tag, because others
-- change what a contact shows of its tags (tag_assign, tag_reposition), or to its end.
CREATE OR REPLACE VIEW contact_document AS
SELECT
    k.owner_id,
    k.id,
    TRIM(TRAILING '}' FROM k.card) AS rpc_card,
    CONCAT(
        TRIM(TRAILING '}' FROM JSON_REMOVE(k.card, '$.email')), f.rest,
        IF(EXISTS (SELECT 1 FROM map_tag AS m WHERE m.owner_id = k.owner_id AND m.entity_id = k.id), '', ']}')
    ) AS rpc_full
FROM contact_base AS k
JOIN contact_base_rest AS f ON f.owner_id = k.owner_id AND f.id = k.id
WHERE k.peer_id IS NULL;
