-- contact_sweep: mark contacts as stale whose records older routines wrote, or failed to write, during a
-- deploy.
--
-- Migrations change the tables before the routines are replaced. After a migration, the records written since
-- the start of the deploy are rendered again with all their words, even if they do not differ. The hour
-- before it counts as well: a contact that was imported then may have got its record, with the times of the
-- contact, only during the deploy.
--
-- Contacts without a record are marked, too, and those whose stored texts for the RPC are missing or old, as
-- routines leave them that know nothing of these texts (contact_document).
--
-- Callers:  make deploy
-- Params:   none
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL contact_sweep();
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_sweep()
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_since DATETIME(3);
    DECLARE v_last_deploy INT UNSIGNED;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- since the first run after the last complete one: a run that was
    -- killed left old routines behind new tables
    SELECT TIMESTAMPADD(SECOND, MIN(r.started) - 3600, '1970-01-01') INTO v_since
    FROM yp.deploy_run AS r
    WHERE r.id > (SELECT COALESCE(MAX(d.id), 0) FROM yp.deploy_run AS d WHERE d.outcome = 'done')
      AND EXISTS (
        SELECT 1 FROM yp.deploy_item AS i
        WHERE i.db_name = DATABASE() AND i.kind = 'migration' AND i.ctime >= r.started
      );
    IF v_since IS NOT NULL THEN
        -- before they are marked, so that a process that renders them meanwhile sees a difference
        UPDATE contact_ledger AS l
        STRAIGHT_JOIN contact_record AS r ON r.owner_id = l.owner_id
        SET r.digest = REPEAT('\0', 16)
        WHERE r.state = 'active' AND r.updated_at >= v_since;
        INSERT INTO contact_stale (owner_id, contact_id)
        SELECT r.owner_id, r.contact_id
        FROM contact_ledger AS l
        STRAIGHT_JOIN contact_record AS r ON r.owner_id = l.owner_id
        WHERE r.state <> 'purged' AND r.updated_at >= v_since
        ON DUPLICATE KEY UPDATE contact_id = r.contact_id;
    END IF;
    -- what the routines that a rollback brought back have written
    SELECT COALESCE(MAX(started), 0) INTO v_last_deploy FROM yp.deploy_run WHERE outcome = 'done';
    INSERT INTO contact_stale (owner_id, contact_id)
    SELECT c.owner_id, c.id
    FROM contact AS c
    LEFT JOIN contact_record AS r ON r.owner_id = c.owner_id AND r.contact_id = c.id
    WHERE c.box <> 'hidden'
      AND (r.contact_id IS NULL
           OR c.peer_id IS NULL AND c.deleted_at IS NULL AND r.rpc_card IS NULL
           OR c.mtime >= v_last_deploy AND JSON_VALUE(CONCAT(r.rpc_card, '}'), '$.mtime') <> c.mtime
           -- a text that ends without tags
           OR r.updated_at >= TIMESTAMPADD(SECOND, v_last_deploy, '1970-01-01') AND r.rpc_full LIKE '%]}'
              AND EXISTS (SELECT 1 FROM map_tag AS m WHERE m.owner_id = c.owner_id AND m.entity_id = c.id))
    ON DUPLICATE KEY UPDATE contact_id = c.id;
END$$
DELIMITER ;
