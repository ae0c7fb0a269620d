-- get_redirect_state: check the state of a user who returns from another site. It works once, and only for
-- the user who left.
--
-- Params:   in_state   state parameter of the address
--           in_uid     user who returns
-- Returns:  one row    verifier
-- Errors:   INVALID_STATE   the state is unknown, used, too old, or that of another user
-- Needs:    a transaction
-- Example:  CALL get_redirect_state('example', '00000000000000a1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE get_redirect_state(
    IN in_state VARCHAR(255),
    IN in_uid   CHAR(16) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_verifier VARCHAR(128) COLLATE ascii_bin;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SELECT verifier INTO v_verifier
    FROM redirect_state
    WHERE id = SHA2(in_state, 256) AND uid = in_uid AND expiry >= UNIX_TIMESTAMP()
    FOR UPDATE;
    IF v_verifier IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'INVALID_STATE';
    END IF;
    DELETE FROM redirect_state WHERE id = SHA2(in_state, 256);
    SELECT v_verifier AS verifier;
END$$
DELIMITER ;
