-- get_user: get a user, their home and their organisation, as the desk needs them at start.
-- See docs/frontend-contract.md#signing-in.
--
-- Params:   in_uid    user
-- Returns:  at most one row   data  JSON: user, hub, organization
-- Errors:   none
-- Example:  CALL get_user('00000000000000a1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE get_user(
    IN in_uid VARCHAR(64) COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT JSON_OBJECT(
        'user', JSON_OBJECT(
            'id', d.id, 'uid', d.id, 'ident', d.username, 'username', d.username,
            'firstname', d.firstname, 'lastname', d.lastname, 'fullname', d.fullname,
            'email', d.email, 'lang', d.lang, 'status', e.status,
            'domain', o.name, 'domain_id', d.domain_id, 'mtime', d.mtime,
            'profile', JSON_MERGE_PATCH(d.profile, JSON_OBJECT(
                'firstname', d.firstname, 'lastname', d.lastname, 'fullname', d.fullname,
                'email', d.email, 'lang', d.lang
            )),
            'settings', JSON_COMPACT(e.settings),
            'quota', JSON_OBJECT(),
            'disk_usage', JSON_OBJECT('total', 0)
        ),
        'hub', JSON_OBJECT(
            'id', e.id, 'hub_id', e.id, 'area', e.area, 'name', d.fullname, 'home_id', e.home_id,
            'settings', JSON_COMPACT(e.settings), 'homepage', ''
        ),
        'organization', JSON_OBJECT(
            'id', o.id, 'name', o.title, 'domain', o.name, 'metadata', JSON_OBJECT(), 'privilege', 1
        ),
        'wicket_id', (SELECT w.id FROM hub AS w WHERE w.owner_id = d.id AND w.serial = 0),
        'home_id', e.home_id
    ) AS data
    FROM drumate AS d
    JOIN entity AS e ON e.id = d.id
    JOIN domain AS o ON o.id = d.domain_id
    WHERE d.id = in_uid;
END$$
DELIMITER ;
