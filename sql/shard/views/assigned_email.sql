-- assigned_email: one email address of a contact: `record` as the REST API shows it, `full` as the RPC does.
-- Only this view knows the shapes; contact_sheet, contact_base_rest and contact_render aggregate them.
CREATE OR REPLACE VIEW assigned_email AS
SELECT
    e.owner_id,
    e.contact_id,
    e.position,
    JSON_OBJECT(
        'address', e.email, 'label', IF(
            e.category = 'prof' AND e.label <> 'work', LEFT(CONCAT('work ', e.label), 32),
            COALESCE(e.label, IF(e.category = 'prof', 'work', 'personal'))
        ),
        'primary', e.is_default = 1
    ) AS record,
    JSON_OBJECT(
        'email_id', e.id, 'email', e.email, 'category', e.category, 'is_default', e.is_default,
        'label', COALESCE(e.label, IF(e.category = 'prof', 'work', 'personal'))
    ) AS full
FROM contact_email AS e;
