-- presence_recipients: get the presence of a user, and the sockets of mutual contacts, who may see it.
--
-- A contact in the trash still sees the user as before. Users who are blocked, or who blocked the user, see
-- nothing.
--
-- Params:   in_owner   user
-- Returns:  the row of presence_state
--           rows       node, sockets (JSON array of one id)
-- Errors:   none
-- Example:  CALL presence_recipients('00000000000000a1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE presence_recipients(
    IN in_owner CHAR(16) COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    CALL presence_state(in_owner);

    -- the process as in yp.socket_route, which is not in the directory
    IF EXISTS (SELECT 1 FROM contact_relation_aside WHERE owner_id = in_owner AND uid IS NOT NULL) THEN
        SELECT IF(s.state = 'lost', '', s.node) AS node, JSON_ARRAY(s.id) AS sockets
        FROM (
            SELECT k.uid
            FROM contact AS k FORCE INDEX (by_peer)
            WHERE k.owner_id = in_owner AND k.peer_id IS NOT NULL AND k.uid IS NOT NULL
            UNION
            SELECT a.uid FROM contact_relation_aside AS a WHERE a.owner_id = in_owner AND a.uid IS NOT NULL
        ) AS c
        JOIN yp.socket AS s ON s.uid = c.uid AND s.state <> 'idle'
        WHERE NOT EXISTS (
            SELECT 1 FROM yp.contact_block AS b
            WHERE (b.owner_id = in_owner AND b.uid = c.uid) OR (b.owner_id = c.uid AND b.uid = in_owner)
        );
    ELSE
        -- the same without a temporary table
        SELECT IF(s.state = 'lost', '', s.node) AS node, JSON_ARRAY(s.id) AS sockets
        -- of 100,000 contacts, only those who are users
        FROM contact AS k FORCE INDEX (by_peer)
        JOIN yp.socket AS s ON s.uid = k.uid AND s.state <> 'idle'
        LEFT JOIN yp.contact_block AS own ON own.uid = k.uid AND own.owner_id = in_owner
        LEFT JOIN yp.contact_block AS theirs ON theirs.uid = in_owner AND theirs.owner_id = k.uid
        WHERE k.owner_id = in_owner AND k.peer_id IS NOT NULL AND k.uid IS NOT NULL
          AND own.owner_id IS NULL AND theirs.owner_id IS NULL;
    END IF;
END$$
DELIMITER ;
