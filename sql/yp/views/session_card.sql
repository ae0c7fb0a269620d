-- session_card: the user of a session as sys.hello describes them: an account, a guest, or a visitor.
-- Only this view knows the shape; routines select `user` from it.
CREATE OR REPLACE VIEW session_card AS
SELECT
    s.id,
    s.uid,
    e.db_name,
    IF(d.id IS NULL, JSON_OBJECT(
        'id', s.uid, 'uid', s.uid, 'firstname', COALESCE(s.guest_name, ''), 'lastname', '',
        'fullname', COALESCE(s.guest_name, ''), 'connection', 'offline', 'signed_in', 0,
        'is_guest', IF(s.uid = 'ffffffffffffffff', 0, 1)
    ), JSON_OBJECT(
        'id', d.id, 'uid', d.id, 'ident', d.username, 'username', d.username,
        'firstname', d.firstname, 'lastname', d.lastname, 'fullname', d.fullname,
        'email', d.email, 'lang', d.lang, 'domain', o.name, 'domain_id', d.domain_id,
        'connection', 'online', 'signed_in', 1
    )) AS user
FROM session AS s
LEFT JOIN drumate AS d ON d.id = s.uid
LEFT JOIN entity AS e ON e.id = d.id
LEFT JOIN domain AS o ON o.id = d.domain_id;
