-- presence_state: get the presence of a user.
--
-- Params:   in_owner   user
-- Returns:  one row    data      JSON: user_id, status (0 offline, 1 online, 2 in a conference)
--                      moved_to  shard to which the user was moved, with the contacts; NULL: not moved
-- Errors:   none
-- Example:  CALL presence_state('00000000000000a1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE presence_state(
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
END$$
DELIMITER ;
