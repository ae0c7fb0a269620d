-- presence_recipients: get the presence of a user, and the sockets of mutual contacts, who may see it.
--
-- A contact in the trash still sees the user as before. Users who are blocked, or who blocked the user, see
-- nothing.
--
-- Params:   in_owner   user
-- Returns:  one row    data      JSON: user_id, status (0 offline, 1 online, 2 in a conference)
--                      moved_to  shard to which the user was moved, with the contacts; NULL: not moved
--           rows       node, sockets (JSON array of ids)
-- Errors:   none
-- Example:  CALL presence_recipients('00000000000000a1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE presence_recipients(
    IN in_owner CHAR(16) COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT JSON_OBJECT('user_id', in_owner, 'status', CASE
        WHEN EXISTS (SELECT 1 FROM yp.conference WHERE uid = in_owner) THEN 2
        WHEN EXISTS (SELECT 1 FROM yp.socket WHERE uid = in_owner AND state <> 'idle') THEN 1
        ELSE 0
    END) AS data, (SELECT m.to_db FROM moved_out AS m WHERE m.owner_id = in_owner) AS moved_to;

    -- the process as in yp.socket_route, which is not in the directory
    SELECT IF(s.state = 'lost', '', s.node) AS node, JSON_ARRAYAGG(s.id) AS sockets
    FROM (
        SELECT k.uid FROM contact AS k WHERE k.owner_id = in_owner AND k.uid IS NOT NULL
        UNION
        SELECT a.uid FROM contact_relation_aside AS a WHERE a.owner_id = in_owner AND a.uid IS NOT NULL
    ) AS c
    JOIN yp.socket AS s ON s.uid = c.uid AND s.state <> 'idle'
    WHERE NOT EXISTS (
        SELECT 1 FROM yp.contact_block AS b
        WHERE (b.owner_id = in_owner AND b.uid = c.uid) OR (b.owner_id = c.uid AND b.uid = in_owner)
    )
    GROUP BY IF(s.state = 'lost', '', s.node);
END$$
DELIMITER ;
