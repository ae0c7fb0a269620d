-- hub_limits: limit the rooms of a hub (conference_limit). NULL leaves a limit as it is; rooms that are open
-- keep theirs.
--
-- Params:   in_hub       hub
--           in_people    participants of one room at most; 0: any number; -1: as the service allows
--           in_minutes   minutes that a room lasts; 0: any number; -1: as the service allows
-- Returns:  one row      data  JSON: people and minutes of the hub; NULL: as the service allows
-- Errors:   HUB_NOT_FOUND   no such hub
-- Needs:    a transaction
-- Example:  CALL hub_limits('00000000000000f1', 20, NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE hub_limits(
    IN in_hub     VARCHAR(64) COLLATE ascii_bin,
    IN in_people  INT,
    IN in_minutes INT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    IF NOT EXISTS (SELECT 1 FROM hub WHERE id = in_hub) THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'HUB_NOT_FOUND';
    END IF;
    UPDATE entity SET settings = CASE
        WHEN in_people IS NULL THEN settings
        WHEN in_people < 0 THEN JSON_REMOVE(settings, '$.conference_people')
        ELSE JSON_SET(settings, '$.conference_people', in_people)
    END
    WHERE id = in_hub;
    UPDATE entity SET settings = CASE
        WHEN in_minutes IS NULL THEN settings
        WHEN in_minutes < 0 THEN JSON_REMOVE(settings, '$.conference_minutes')
        ELSE JSON_SET(settings, '$.conference_minutes', in_minutes)
    END
    WHERE id = in_hub;

    SELECT JSON_OBJECT('people', conference_limit(settings, 'conference_people', NULL) + 0,
                       'minutes', conference_limit(settings, 'conference_minutes', NULL) + 0) AS data
    FROM entity WHERE id = in_hub;
END$$
DELIMITER ;
