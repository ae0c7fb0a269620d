-- app_password_add: store an app password of a user: a key that opens their address book to one CardDAV
-- client, and nothing else. api_key_list lists it, with scope carddav.
--
-- Params:   in_uid     user
--           in_key     new key, random, never seen before
--           in_label   name of the device
--           in_most    app passwords that the user may have
-- Returns:  one row    id, created_at (unix seconds)
-- Errors:   NO_SUCH_USER            in_uid has no active account
--           TOO_MANY_APP_PASSWORDS  the user has in_most
-- Needs:    a transaction
-- Example:  CALL app_password_add('00000000000000a1', 'clk_example_phone', 'Phone', 50);
DELIMITER $$
CREATE OR REPLACE PROCEDURE app_password_add(
    IN in_uid   CHAR(16) COLLATE ascii_bin,
    IN in_key   VARCHAR(64) COLLATE ascii_bin,
    IN in_label VARCHAR(64),
    IN in_most  INT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_uid, v_id CHAR(16) COLLATE ascii_bin;
    DECLARE v_count INT UNSIGNED;
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- lock only: two requests of one user wait for each other, so that each counts the other's key
    SELECT d.id INTO v_uid
    FROM drumate AS d
    JOIN entity AS e ON e.id = d.id AND e.status = 'active'
    WHERE d.id = in_uid
    FOR UPDATE;
    IF v_uid IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'NO_SUCH_USER';
    END IF;
    -- unlocked: the row of the user is
    SELECT COUNT(*) INTO v_count FROM api_key WHERE uid = v_uid AND scope = 'carddav';
    IF v_count >= in_most THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'TOO_MANY_APP_PASSWORDS';
    END IF;

    SET v_id = LOWER(HEX(RANDOM_BYTES(8)));
    INSERT INTO api_key (id, uid, hash, hint, scope, label, ctime, mtime)
    VALUES (v_id, v_uid, SHA2(in_key, 256), LEFT(in_key, 8), 'carddav', in_label, v_now, 0);
    SELECT v_id AS id, v_now AS created_at;
END$$
DELIMITER ;
