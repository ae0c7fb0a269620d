-- wicket_add: create the wicket of a user unless there is one. Two calls at once create one.
--
-- Params:   in_uid       user
--           out_wicket   hub id of the wicket
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL wicket_add('00000000000000a1', @wicket);
DELIMITER $$
CREATE OR REPLACE PROCEDURE wicket_add(
    IN in_uid      VARCHAR(64) COLLATE ascii_bin,
    OUT out_wicket CHAR(16) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_uid CHAR(16) COLLATE ascii_bin;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- lock only: the row of the user is the lock; at two nodes, the key by_owner lets one wicket pass
    SELECT id INTO v_uid FROM entity WHERE id = in_uid FOR UPDATE;
    SET out_wicket = (SELECT id FROM hub WHERE owner_id = in_uid AND serial = 0);

    IF out_wicket IS NULL THEN
        SET out_wicket = LOWER(HEX(RANDOM_BYTES(8)));
        INSERT INTO entity (id, type, area, dom_id, db_name, home_id, ctime, mtime)
        SELECT out_wicket, 'hub', 'dmz', e.dom_id, e.db_name, LOWER(HEX(RANDOM_BYTES(8))), v_now, v_now
        FROM entity AS e
        WHERE e.id = in_uid;
        INSERT INTO hub (id, owner_id, name, serial, ctime) VALUES (out_wicket, in_uid, 'wicket', 0, v_now);
        INSERT INTO permission (hub_id, resource_id, entity_id, level, ctime, mtime)
        VALUES (out_wicket, '*', in_uid, 7, v_now, v_now);
    END IF;
END$$
DELIMITER ;
