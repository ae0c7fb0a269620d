-- app_password_drop: revoke an app password of a user.
--
-- Params:   in_uid   user
--           in_id    id of the app password
-- Returns:  one row  dropped  1; 0: the user has no such app password
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL app_password_drop('00000000000000a1', '0000000000000000');
DELIMITER $$
CREATE OR REPLACE PROCEDURE app_password_drop(
    IN in_uid CHAR(16) COLLATE ascii_bin,
    IN in_id  CHAR(16) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    DELETE FROM api_key WHERE id = in_id AND uid = in_uid AND scope = 'carddav';
    SELECT ROW_COUNT() AS dropped;
END$$
DELIMITER ;
