-- wicket_get: the wicket of a person, made when he has none.
--
-- Params:   in_uid    the person
-- Returns:  one row   data  JSON: wicket_id, hub_id, area
-- Errors:   none
-- Example:  CALL wicket_get('00000000000000a1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE wicket_get(
    IN in_uid VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin DEFAULT wicket_ensure(in_uid);

    SELECT JSON_OBJECT('wicket_id', v_id, 'hub_id', v_id, 'area', 'dmz') AS data;
END$$
DELIMITER ;
