-- intro_acknowledge: record in the profile of a user that they have seen the introduction of the desk.
--
-- Params:   in_uid    user
-- Returns:  one row   data  JSON: profile, as get_user shows it, with intro no
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL intro_acknowledge('00000000000000a1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE intro_acknowledge(
    IN in_uid VARCHAR(64) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    UPDATE drumate
    SET profile = JSON_SET(profile, '$.intro', 'no'), mtime = UNIX_TIMESTAMP()
    WHERE id = in_uid AND NOT JSON_VALUE(profile, '$.intro') <=> 'no';

    SELECT JSON_OBJECT('profile', JSON_MERGE_PATCH(profile, JSON_OBJECT(
        'firstname', firstname, 'lastname', lastname, 'fullname', fullname, 'email', email, 'lang', lang
    ))) AS data
    FROM drumate
    WHERE id = in_uid;
END$$
DELIMITER ;
