-- drumate_region: set the country of a user's phone numbers that have no country code.
--
-- Params:   in_user     uid
--           in_region   country, two capital letters; '': that of the own number, or of the service
-- Returns:  one row     region: as it is now, or NULL
-- Errors:   USER_NOT_FOUND   no such user
-- Needs:    a transaction
-- Example:  CALL drumate_region('00000000000000a1', 'DE');
DELIMITER $$
CREATE OR REPLACE PROCEDURE drumate_region(
    IN in_user   VARCHAR(64) COLLATE ascii_bin,
    IN in_region VARCHAR(2) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    IF NOT EXISTS (SELECT 1 FROM drumate WHERE id = in_user) THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'USER_NOT_FOUND';
    END IF;
    UPDATE drumate
    SET profile = IF(in_region = '', JSON_REMOVE(profile, '$.phone_region'),
                     JSON_SET(profile, '$.phone_region', in_region))
    WHERE id = in_user;
    SELECT JSON_VALUE(profile, '$.phone_region') AS region FROM drumate WHERE id = in_user;
END$$
DELIMITER ;
