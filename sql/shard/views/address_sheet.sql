-- address_sheet: one postal address of a contact: `record` as the REST API shows it, `full` as the RPC does;
-- `private` as a revert needs it.
-- Only this view knows the shapes; contact_sheet, contact_base_rest and contact_render aggregate them.
CREATE OR REPLACE VIEW address_sheet AS
SELECT
    a.owner_id,
    a.contact_id,
    a.position,
    JSON_OBJECT(
        'street', NULLIF(a.street, ''), 'city', NULLIF(a.city, ''), 'state', NULLIF(a.state, ''),
        'postal_code', NULLIF(a.postal_code, ''), 'country', NULLIF(a.country, ''),
        'label', IF(
            a.category = 'prof' AND a.label <> 'work', LEFT(CONCAT('work ', a.label), 32),
            COALESCE(a.label, IF(a.category = 'prof', 'work', 'home'))
        )
    ) AS record,
    JSON_OBJECT(
        'address_id', a.id, 'street', a.street, 'city', a.city, 'country', a.country,
        'category', a.category, 'is_default', a.is_default, 'state', a.state, 'postal_code', a.postal_code,
        'label', COALESCE(a.label, IF(a.category = 'prof', 'work', 'home'))
    ) AS full,
    CONCAT(a.position, ' ', a.is_default) AS private
FROM contact_address AS a;
