-- conference_get_caller: get the call of one caller that rings a user at this moment.
--
-- Params:   in_callee   user who is called
--           in_caller   user who may be calling
-- Returns:  at most one row   data  JSON, call_card
-- Errors:   none
-- Example:  CALL conference_get_caller('00000000000000b1', '00000000000000a1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE conference_get_caller(
    IN in_callee VARCHAR(64) COLLATE ascii_bin,
    IN in_caller VARCHAR(64) COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT data
    FROM call_card
    WHERE callee_id = in_callee
      AND caller_id = in_caller
      AND status = 'ringing'
      AND expiry > UNIX_TIMESTAMP()
    ORDER BY ctime DESC
    LIMIT 1;
END$$
DELIMITER ;
