-- hub_home: get the root folder of a hub or user, where the frontend opens a conversation.
--
-- Params:   in_hub           hub or user
-- Returns:  at most one row  data  JSON: hub_id, home_id, chat_upload_id (folder of attachments: the root),
--                            name, area
-- Errors:   none
-- Example:  CALL hub_home('00000000000000a1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE hub_home(
    IN in_hub VARCHAR(64) COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT JSON_OBJECT('hub_id', e.id, 'home_id', e.home_id, 'chat_upload_id', e.home_id,
                       'name', COALESCE(h.name, d.fullname), 'area', e.area) AS data
    FROM entity AS e
    LEFT JOIN hub AS h ON h.id = e.id
    LEFT JOIN drumate AS d ON d.id = e.id
    WHERE e.id = in_hub;
END$$
DELIMITER ;
