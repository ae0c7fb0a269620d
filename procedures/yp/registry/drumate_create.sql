-- drumate_create: register a user, with their home and their wicket (the hidden hub that hosts their calls).
--
-- Params:   in_id             uid, or NULL for a new one
--           in_email          address for signing in
--           in_username       name for signing in, unique in the domain
--           in_password_hash  argon2id
--           in_firstname, in_lastname
--           in_domain         name of the domain, NULL for the free one; created when it is new
--           in_db             shard of the user, NULL for the emptiest open one
-- Returns:  one row           uid, wicket_id, db_name
-- Errors:   EMAIL_IN_USE      another user has that email, or that name in the domain
--           NO_SHARD          no open shard of that name
-- Needs:    a transaction
-- Example:  CALL drumate_create(NULL, 'doc@example.org', 'doc', '-', 'Doc', 'Example', NULL, NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE drumate_create(
    IN in_id            VARCHAR(64) COLLATE ascii_bin,
    IN in_email         VARCHAR(255) COLLATE utf8mb4_bin,
    IN in_username      VARCHAR(80) COLLATE utf8mb4_bin,
    IN in_password_hash VARCHAR(255),
    IN in_firstname     VARCHAR(255),
    IN in_lastname      VARCHAR(255),
    IN in_domain        VARCHAR(190) COLLATE ascii_bin,
    IN in_db            VARCHAR(64) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_uid CHAR(16) COLLATE ascii_bin
        DEFAULT COALESCE(in_id, LOWER(HEX(RANDOM_BYTES(8))));
    DECLARE v_domain INT UNSIGNED DEFAULT 1;
    DECLARE v_db VARCHAR(64) COLLATE ascii_bin DEFAULT shard_pick(in_db);
    DECLARE v_wicket CHAR(16) COLLATE ascii_bin;
    DECLARE EXIT HANDLER FOR 1062
        RESIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'EMAIL_IN_USE', MYSQL_ERRNO = 1644;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    IF in_domain IS NOT NULL THEN
        INSERT INTO domain (name, title, ctime) VALUES (LOWER(in_domain), in_domain, v_now)
        ON DUPLICATE KEY UPDATE id = LAST_INSERT_ID(id);
        SET v_domain = LAST_INSERT_ID();
    END IF;

    INSERT INTO entity (id, type, area, dom_id, db_name, home_id, ctime, mtime)
    VALUES (v_uid, 'drumate', 'personal', v_domain, v_db, LOWER(HEX(RANDOM_BYTES(8))), v_now, v_now);

    INSERT INTO drumate (id, domain_id, username, email, password_hash, firstname, lastname, ctime, mtime)
    VALUES (v_uid, v_domain, in_username, LOWER(TRIM(in_email)), in_password_hash,
            COALESCE(in_firstname, ''), COALESCE(in_lastname, ''), v_now, v_now);

    INSERT INTO permission (hub_id, resource_id, entity_id, level, ctime, mtime)
    VALUES (v_uid, '*', v_uid, 7, v_now, v_now);

    CALL wicket_add(v_uid, v_wicket);

    SELECT v_uid AS uid, v_wicket AS wicket_id, v_db AS db_name;
END$$
DELIMITER ;
