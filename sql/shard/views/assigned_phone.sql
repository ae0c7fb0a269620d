-- assigned_phone: one phone number of a contact: `record` as the REST API shows it, `alone` the same for the
-- only number of a contact; `full` as the RPC shows it; `international` as search words are made of it;
-- `private` as a revert needs it.
-- Only this view knows the shapes; contact_sheet, contact_base_rest and contact_render aggregate them.
CREATE OR REPLACE VIEW assigned_phone AS
SELECT
    p.owner_id,
    p.contact_id,
    p.position,
    JSON_OBJECT(
        'number', TRIM(CONCAT(p.areacode, ' ', p.phone)),
        'label', IF(
            p.category = 'prof' AND p.label <> 'work', LEFT(CONCAT('work ', p.label), 32),
            COALESCE(p.label, IF(p.category = 'prof', 'work', 'mobile'))
        ),
        -- without a default number, the first one is primary
        'primary', p.is_default = 1 OR NOT EXISTS (
            SELECT 1 FROM contact_phone AS b
            WHERE b.owner_id = p.owner_id AND b.contact_id = p.contact_id
              AND (b.is_default = 1 OR b.position < p.position)
        )
    ) AS record,
    -- Repeats assigned_phone: the only number is primary, which takes no sub-select to find out
    JSON_OBJECT(
        'number', TRIM(CONCAT(p.areacode, ' ', p.phone)),
        'label', IF(
            p.category = 'prof' AND p.label <> 'work', LEFT(CONCAT('work ', p.label), 32),
            COALESCE(p.label, IF(p.category = 'prof', 'work', 'mobile'))
        ),
        'primary', 1 = 1
    ) AS alone,
    JSON_OBJECT(
        'phone_id', p.id, 'areacode', p.areacode, 'phone', p.phone, 'category', p.category,
        'is_default', p.is_default,
        'label', COALESCE(p.label, IF(p.category = 'prof', 'work', 'mobile'))
    ) AS full,
    COALESCE(NULLIF(p.international, ''), '-') AS international,
    CONCAT(p.position, ' ', CHAR_LENGTH(p.areacode), ' ', p.is_default) AS private
FROM contact_phone AS p;
