-- contact_notice: notice about a user who invites the owner, or who has accepted an invitation.
-- See contact.invite in docs/frontend-contract.md#live-updates.
-- Only this view knows the shape; routines select `data` from it.
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
