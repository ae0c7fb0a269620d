-- contact_stored: the texts of a contact for the RPC that were stored when it was written (contact_document),
-- where they hold: those of contacts that are neither users nor blocked. A contact without a row here, or
-- with NULL, is made when it is read: contact_card, contact_full.
CREATE OR REPLACE VIEW contact_stored AS
SELECT
    c.owner_id,
    c.id,
    CONCAT(r.rpc_card, '}') AS card,
    -- up to its first tag, or to its end (contact_document)
    r.rpc_full AS full
FROM contact AS c
JOIN contact_record AS r ON r.owner_id = c.owner_id AND r.contact_id = c.id
LEFT JOIN yp.contact_block AS b ON b.owner_id = c.owner_id AND b.contact_id = c.id
WHERE c.peer_id IS NULL AND c.deleted_at IS NULL AND b.contact_id IS NULL;
