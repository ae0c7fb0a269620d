-- channel_admit: refuse somebody who is no member of a hub.
--
-- Guests of one of its rooms are none, and an account is no hub.
--
-- Params:   in_hub      hub
--           in_member   user
-- Returns:  nothing
-- Errors:   NOT_A_MEMBER   the user may not read the whole hub
-- Example:  CALL channel_admit('00000000000000f1', '00000000000000a1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE channel_admit(
    IN in_hub    CHAR(16) COLLATE ascii_bin,
    IN in_member CHAR(16) COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF yp.hub_level(in_hub, in_member) < 2 OR NOT EXISTS (SELECT 1 FROM yp.hub WHERE id = in_hub) THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'NOT_A_MEMBER';
    END IF;
END$$
DELIMITER ;
