-- wicket_get: get the wicket of a user, who gets one when they have none.
--
-- Params:   in_uid    user
-- Returns:  one row   data  JSON: wicket_id, hub_id, area
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL wicket_get('00000000000000a1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE wicket_get(
    IN in_uid VARCHAR(64) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id CHAR(16) COLLATE ascii_bin;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    CALL wicket_add(in_uid, v_id);
    SELECT JSON_OBJECT('wicket_id', v_id, 'hub_id', v_id, 'area', 'dmz') AS data;
END$$
DELIMITER ;
