-- contact_pair_lock: one at a time for two people: whoever changes something between them holds both until the commit.
--
-- Always in the same order, lower id first, so that two who start from both ends never wait for each other in a ring.
--
-- Params:   in_one, in_other   two people
-- Returns:  nothing
-- Errors:   none
-- Example:  CALL contact_pair_lock('00000000000000a1', '00000000000000b1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_pair_lock(
    IN in_one   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_other VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin;

    SELECT id INTO v_id FROM drumate WHERE id = LEAST(in_one, in_other) FOR UPDATE;
    SELECT id INTO v_id FROM drumate WHERE id = GREATEST(in_one, in_other) FOR UPDATE;
END$$
DELIMITER ;
