-- api_key_add: store a key for a program.
--
-- Params:   in_who     email or uid of the owner
--           in_key     new key, random, never seen before
--           in_scope   agent (acts for the owner), system or sync (act for the user that a request names),
--                      carddav (opens CardDAV for the owner, and nothing else)
-- Returns:  one row    id, uid
-- Errors:   NO_SUCH_USER   in_who has no active account
-- Needs:    a transaction
-- Example:  CALL api_key_add('alice@example.org', 'clk_example_new', 'agent');
DELIMITER $$
CREATE OR REPLACE PROCEDURE api_key_add(
    IN in_who   VARCHAR(255) COLLATE utf8mb4_bin,
    IN in_key   VARCHAR(64) COLLATE ascii_bin,
    IN in_scope VARCHAR(16) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_uid, v_id CHAR(16) COLLATE ascii_bin;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- lock only: the key of an account that is closed meanwhile opens nothing
    SELECT d.id INTO v_uid
    FROM drumate AS d
    JOIN entity AS e ON e.id = d.id AND e.status = 'active'
    WHERE d.id = CONVERT(in_who USING ascii) OR d.email = LOWER(TRIM(in_who))
    FOR UPDATE;
    IF v_uid IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'NO_SUCH_USER';
    END IF;

    SET v_id = LOWER(HEX(RANDOM_BYTES(8)));
    INSERT INTO api_key (id, uid, hash, hint, scope, ctime, mtime)
    VALUES (v_id, v_uid, SHA2(in_key, 256), LEFT(in_key, 8), in_scope, UNIX_TIMESTAMP(), 0);
    SELECT v_id AS id, v_uid AS uid;
END$$
DELIMITER ;
