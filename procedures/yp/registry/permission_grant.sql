-- permission_grant: grant a level on a hub or on one resource of it. A later grant replaces it.
--
-- Params:   in_hub        hub
--           in_resource   * for the whole hub, else a node or room
--           in_who        uid, email, or ffffffffffffffff for everybody
--           in_level      1 guest … 7 owner; 0 removes the grant
--           in_expiry     unix seconds, 0 for never
-- Returns:  one row       entity_id, level
-- Errors:   NOT_A_DRUMATE    in_who is not registered
--           HUB_NOT_FOUND    no such hub
--           WEAK_PRIVILEGE   the change would remove the grant of the owner
-- Needs:    a transaction
-- Example:  CALL permission_grant('00000000000000f1', '*', 'bob@example.net', 4, 0);
DELIMITER $$
CREATE OR REPLACE PROCEDURE permission_grant(
    IN in_hub      VARCHAR(64) COLLATE ascii_bin,
    IN in_resource VARCHAR(64) COLLATE ascii_bin,
    IN in_who      VARCHAR(255) COLLATE utf8mb4_bin,
    IN in_level    TINYINT UNSIGNED,
    IN in_expiry   INT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_owner CHAR(16) COLLATE ascii_bin
        DEFAULT (SELECT owner_id FROM hub WHERE id = in_hub);
    DECLARE v_who CHAR(16) COLLATE ascii_bin
        DEFAULT IF(in_who = 'ffffffffffffffff', in_who, drumate_find(in_who));
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    IF v_owner IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'HUB_NOT_FOUND';
    END IF;
    IF v_who IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'NOT_A_DRUMATE';
    END IF;
    IF v_who = v_owner AND in_resource = '*' AND in_level < 7 THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'WEAK_PRIVILEGE';
    END IF;

    IF in_level = 0 THEN
        DELETE FROM permission
        WHERE hub_id = in_hub AND resource_id = in_resource AND entity_id = v_who;
    ELSE
        INSERT INTO permission (hub_id, resource_id, entity_id, level, expiry, ctime, mtime)
        VALUES (in_hub, in_resource, v_who, in_level, in_expiry, v_now, v_now)
        ON DUPLICATE KEY UPDATE level = in_level, expiry = in_expiry, mtime = v_now;
    END IF;

    SELECT v_who AS entity_id, in_level AS level;
END$$
DELIMITER ;
