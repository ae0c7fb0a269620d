-- contact_notice: what somebody is told of a person who invited him or accepted (contract 2.5, contact.invite).
-- The one place that knows the shape; routines select `data` from here.
CREATE OR REPLACE VIEW contact_notice AS
SELECT
    c.owner_id,
    c.id,
    c.peer_id,
    c.status,
    c.mtime,
    JSON_OBJECT(
        'drumate_id', c.peer_id,
        'email', d.email,
        'contact_id', c.id,
        'entity', c.peer_id,
        'firstname', COALESCE(c.firstname, d.firstname),
        'lastname', COALESCE(c.lastname, d.lastname),
        'fullname', IF(c.is_auto = 1, d.fullname, c.display),
        'display', IF(c.is_auto = 1, d.fullname, c.display),
        'message', COALESCE(c.message, ''),
        'status', c.status
    ) AS data
FROM contact AS c
JOIN yp.drumate AS d ON d.id = c.peer_id;
