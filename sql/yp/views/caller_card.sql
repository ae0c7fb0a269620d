-- caller_card: a user with an active account, for the gates of the other APIs: the keys of session_open
-- without stale and expiry, with the user as the hub. `mark` changes with the password.
CREATE OR REPLACE VIEW caller_card AS
SELECT
    d.id AS uid,
    CONVERT(SHA2(d.password_hash, 256) USING ascii) COLLATE ascii_bin AS mark,
    JSON_OBJECT(
        'uid', d.id,
        'signed_in', 1,
        'dom_id', d.domain_id,
        'db', e.db_name,
        'firstname', d.firstname,
        'lastname', d.lastname,
        'fullname', d.fullname,
        'username', d.username,
        'email', d.email,
        'lang', d.lang,
        'guest_name', NULL,
        'hub', e.id,
        'area', e.area,
        'hub_db', e.db_name,
        'hub_owner', e.id,
        'level', 7,
        'moving', IF(EXISTS (
            SELECT 1 FROM entity_move AS m WHERE m.entity_id = e.id AND m.until > UNIX_TIMESTAMP()
        ), 1, 0)
    ) AS data
FROM drumate AS d
JOIN entity AS e ON e.id = d.id AND e.status = 'active';
