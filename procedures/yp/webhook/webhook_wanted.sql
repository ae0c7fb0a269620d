-- webhook_wanted: say whether somebody has subscribed to the changes of an address book.
--
-- Callers:  the end of a transaction (service/store/database.py)
-- Params:   in_uid       owner of the address book
--           out_wanted   1: the owner, or the site, has a subscription
-- Returns:  nothing
-- Errors:   none
-- Example:  CALL webhook_wanted('00000000000000a1', @wanted);
DELIMITER $$
CREATE OR REPLACE PROCEDURE webhook_wanted(
    IN in_uid      CHAR(16) COLLATE ascii_bin,
    OUT out_wanted TINYINT
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    -- most sites have none at all, which costs half as much to find out
    SET out_wanted = EXISTS (SELECT 1 FROM webhook);
    IF out_wanted THEN
        SET out_wanted = EXISTS (SELECT 1 FROM webhook WHERE uid IN (in_uid, ''));
    END IF;
END$$
DELIMITER ;
