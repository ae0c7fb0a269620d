-- contact_drumate_chk: uid of a registered person.
--
-- Params:   in_key    uid, email or user name
-- Returns:  one row   uid
-- Errors:   NOT_A_DRUMATE   nobody is registered under the key
-- Example:  CALL contact_drumate_chk('alice@example.org');
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_drumate_chk(
    IN in_key VARCHAR(255) COLLATE utf8mb4_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_uid CHAR(16) CHARACTER SET ascii COLLATE ascii_bin;

    SELECT drumate_find(in_key) INTO v_uid;
    IF v_uid IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'NOT_A_DRUMATE';
    END IF;
    SELECT v_uid AS uid;
END$$
DELIMITER ;
