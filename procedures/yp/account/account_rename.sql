-- account_rename: set the name of a user.
--
-- Params:   in_uid                       user
--           in_firstname, in_lastname    the name; the last name may be empty
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL account_rename('00000000000000a1', 'Alice', 'Ardent');
DELIMITER $$
CREATE OR REPLACE PROCEDURE account_rename(
    IN in_uid       CHAR(16) COLLATE ascii_bin,
    IN in_firstname VARCHAR(255),
    IN in_lastname  VARCHAR(255)
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    UPDATE drumate
    SET firstname = in_firstname, lastname = in_lastname, mtime = UNIX_TIMESTAMP()
    WHERE id = in_uid;
END$$
DELIMITER ;
