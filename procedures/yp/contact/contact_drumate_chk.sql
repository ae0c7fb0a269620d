-- contact_drumate_chk: get the uid of a registered user.
--
-- Params:   in_key    uid, email or user name
-- Returns:  one row   uid
-- Errors:   NOT_A_DRUMATE   no registered user has the key
-- Example:  CALL contact_drumate_chk('alice@example.org');
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_drumate_chk(
    IN in_key VARCHAR(255) COLLATE utf8mb4_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_uid CHAR(16) COLLATE ascii_bin;

    SELECT drumate_find(in_key) INTO v_uid;
    IF v_uid IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'NOT_A_DRUMATE';
    END IF;
    SELECT v_uid AS uid;
END$$
DELIMITER ;
