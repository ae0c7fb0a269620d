-- set_redirect_state: remember a user who leaves for another site and returns within ten minutes.
--
-- Params:   in_state      state parameter, new and random
--           in_uid        user who leaves
--           in_verifier   PKCE verifier
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL set_redirect_state('example-state', '00000000000000a1', 'verifier');
DELIMITER $$
CREATE OR REPLACE PROCEDURE set_redirect_state(
    IN in_state    VARCHAR(128) COLLATE ascii_bin,
    IN in_uid      CHAR(16) COLLATE ascii_bin,
    IN in_verifier VARCHAR(128) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    DELETE FROM redirect_state WHERE expiry < v_now ORDER BY expiry LIMIT 100;
    INSERT INTO redirect_state (id, uid, verifier, expiry)
    VALUES (SHA2(in_state, 256), in_uid, in_verifier, v_now + 600);
END$$
DELIMITER ;
