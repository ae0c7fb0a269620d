-- contact_outline: what contact_sheet makes of the row of a contact alone. Its lists are empty:
-- assigned_email, assigned_phone, address_sheet and assigned_tag have their entries.
-- Only this view knows the shape. The key extra is there only when the contact has some: JSON_INSERT at the
-- path of a key that exists changes nothing. `private` is what a revert needs besides the record; the history
-- stores it.
CREATE OR REPLACE VIEW contact_outline AS
SELECT
    c.owner_id,
    c.id,
    c.full_name,
    CONCAT_WS(' ', c.firstname, c.lastname, c.surname, c.display_name, c.company) AS names,
    c.ctime,
    c.mtime,
    IF(c.deleted_at IS NULL, 'active', 'deleted') AS state,
    JSON_OBJECT(
        'surname', c.surname,
        'display_name', c.display_name,
        'is_auto', c.is_auto,
        'phones', NULL,
        'addresses', NULL
    ) AS private,
    JSON_INSERT(JSON_OBJECT(
        'id', CONCAT(
            LEFT(c.id, 8), '-', SUBSTR(c.id, 9, 4), '-4', SUBSTR(c.id, 13, 3), '-8', RIGHT(c.id, 1),
            '00-000000000000'
        ),
        'display_name', c.full_name,
        'first_name', c.firstname,
        'last_name', c.lastname,
        'emails', JSON_ARRAY(),
        'phones', JSON_ARRAY(),
        'company', c.company,
        'job_title', c.job_title,
        'addresses', JSON_ARRAY(),
        'notes', NULLIF(c.comment, ''),
        'avatar_path', c.avatar_path,
        'tags', JSON_ARRAY(),
        'custom_fields', JSON_COMPACT(c.custom_fields),
        'source', COALESCE(c.origin, 'local'),
        'source_id', c.source_id,
        'created_at', NULL,
        'updated_at', NULL,
        'synced_at', CONCAT(REPLACE(c.synced_at, ' ', 'T'), 'Z'),
        'deleted_at', NULL,
        'archived', c.is_archived = 1,
        'groups', JSON_ARRAY()
    ), IF(c.extra IS NULL, '$.id', '$.extra'), JSON_COMPACT(c.extra)) AS record
FROM contact AS c
WHERE c.box <> 'hidden';
