-- contact_sweep: note down contacts that have no record: what an older routine wrote while newer ones were deployed.
--
-- Callers:  make deploy
-- Params:   none
-- Returns:  nothing
-- Errors:   none
-- Example:  CALL contact_sweep();
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_sweep()
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    INSERT INTO contact_stale (owner_id, contact_id)
    SELECT c.owner_id, c.id
    FROM contact AS c
    LEFT JOIN contact_record AS r ON r.owner_id = c.owner_id AND r.contact_id = c.id
    WHERE c.box <> 'hidden' AND r.contact_id IS NULL
    ON DUPLICATE KEY UPDATE contact_id = c.id;
END$$
DELIMITER ;
