-- taken_email: one address of a contact that another contact of the owner has, too, as a refusal names it.
-- No routine reads it any more. Those of the version before do, which a rollback brings back; a later
-- migration drops it.
CREATE OR REPLACE VIEW taken_email AS
SELECT
    e.owner_id,
    e.contact_id,
    e.position,
    CONCAT('emails[', e.position - 1, '].address') AS field,
    IF(CHAR_LENGTH(e.email) > 90, CONCAT(LEFT(e.email, 89), '…'), e.email) AS value
FROM contact_email AS e
STRAIGHT_JOIN contact_email AS o FORCE INDEX (by_address)
   ON o.owner_id = e.owner_id AND o.email = e.email AND o.contact_id <> e.contact_id
STRAIGHT_JOIN contact AS c ON c.owner_id = o.owner_id AND c.id = o.contact_id
WHERE c.deleted_at IS NULL;
