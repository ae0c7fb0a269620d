-- sign_in: the sessions of browsers and the sign-ins of the other APIs, each with an id that says nothing
-- about its secret. `full_id` is the key of its table.
CREATE OR REPLACE VIEW sign_in AS
SELECT LEFT(s.id, 16) AS id, s.id AS full_id, 'browser' AS kind,
       s.uid, s.ua, s.address, s.ctime, s.mtime, s.expiry
FROM session AS s
UNION ALL
SELECT g.id, g.id, 'rest',
       g.uid, g.ua, g.address, g.ctime, g.mtime, g.expiry
FROM api_grant AS g
UNION ALL
SELECT LEFT(t.id, 16), t.id, 'token',
       t.uid, t.ua, t.address, t.ctime, t.mtime, t.expiry
FROM api_token AS t;
