-- wicket_ensure: the wicket of a person, made when he has none. Two calls at once make one.
--
-- Params:   in_uid    the person
-- Returns:  a value   hub id of the wicket
-- Errors:   none
-- Example:  SELECT wicket_ensure('00000000000000a1');
DELIMITER $$
CREATE OR REPLACE FUNCTION wicket_ensure(
    in_uid VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin
)
    RETURNS CHAR(16) CHARACTER SET ascii COLLATE ascii_bin
    NOT DETERMINISTIC
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin;

    -- the person's own row is the lock
    SELECT id INTO v_id FROM entity WHERE id = in_uid FOR UPDATE;
    SET v_id = (SELECT id FROM hub WHERE owner_id = in_uid AND serial = 0);

    IF v_id IS NULL THEN
        SET v_id = LOWER(HEX(RANDOM_BYTES(8)));
        INSERT INTO entity (id, type, area, dom_id, db_name, home_id, ctime, mtime)
        SELECT v_id, 'hub', 'dmz', e.dom_id, e.db_name, LOWER(HEX(RANDOM_BYTES(8))), v_now, v_now
        FROM entity AS e
        WHERE e.id = in_uid;
        INSERT INTO hub (id, owner_id, name, serial, ctime) VALUES (v_id, in_uid, 'wicket', 0, v_now);
        INSERT INTO permission (hub_id, resource_id, entity_id, level, ctime, mtime)
        VALUES (v_id, '*', in_uid, 7, v_now, v_now);
    END IF;
    RETURN v_id;
END$$
DELIMITER ;
