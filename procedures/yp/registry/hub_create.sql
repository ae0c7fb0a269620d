-- hub_create: create a workspace with its owner.
--
-- Params:   in_id       id of the hub, or NULL for a new one
--           in_name     name for the members
--           in_owner    email or uid of the owner
--           in_area     private, share, dmz or public
-- Returns:  one row     hub_id, owner_id, db_name
-- Errors:   NOT_A_DRUMATE   in_owner is not registered
-- Needs:    a transaction
-- Example:  CALL hub_create(NULL, 'Example', 'alice@example.org', 'private');
DELIMITER $$
CREATE OR REPLACE PROCEDURE hub_create(
    IN in_id    VARCHAR(64) COLLATE ascii_bin,
    IN in_name  VARCHAR(255),
    IN in_owner VARCHAR(255) COLLATE utf8mb4_bin,
    IN in_area  VARCHAR(16) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_id CHAR(16) COLLATE ascii_bin
        DEFAULT COALESCE(in_id, LOWER(HEX(RANDOM_BYTES(8))));
    DECLARE v_owner CHAR(16) COLLATE ascii_bin DEFAULT drumate_find(in_owner);
    DECLARE v_serial INT UNSIGNED;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    IF v_owner IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'NOT_A_DRUMATE';
    END IF;

    -- the row of the owner is the lock that gives each of their hubs its own serial
    -- lock only: at two nodes, the key by_owner lets one hub pass
    SELECT id INTO v_owner FROM entity WHERE id = v_owner FOR UPDATE;
    SET v_serial = (SELECT COALESCE(MAX(serial), 0) + 1 FROM hub WHERE owner_id = v_owner);

    INSERT INTO entity (id, type, area, dom_id, db_name, home_id, ctime, mtime)
    SELECT v_id, 'hub', in_area, e.dom_id, e.db_name, LOWER(HEX(RANDOM_BYTES(8))), v_now, v_now
    FROM entity AS e
    WHERE e.id = v_owner;
    INSERT INTO hub (id, owner_id, name, serial, ctime) VALUES (v_id, v_owner, in_name, v_serial, v_now);
    INSERT INTO permission (hub_id, resource_id, entity_id, level, ctime, mtime)
    VALUES (v_id, '*', v_owner, 7, v_now, v_now);

    SELECT e.id AS hub_id, v_owner AS owner_id, e.db_name FROM entity AS e WHERE e.id = v_id;
END$$
DELIMITER ;
