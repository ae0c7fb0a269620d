-- api_grant_drop: end a sign-in to /api/v1. Its access and refresh tokens become void.
--
-- Params:   in_grant   id of the sign-in, or NULL
--           in_token   one of its refresh tokens when the id is unknown, or NULL
-- Returns:  at most one row   uid  user of the sign-in
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL api_grant_drop('00000000000000aa', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE api_grant_drop(
    IN in_grant CHAR(16) COLLATE ascii_bin,
    IN in_token VARCHAR(64) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_grant CHAR(16) COLLATE ascii_bin DEFAULT in_grant;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    IF v_grant IS NULL THEN
        SELECT grant_id INTO v_grant FROM api_refresh WHERE id = SHA2(in_token, 256) FOR UPDATE;
    END IF;
    SELECT uid FROM api_grant WHERE id = v_grant FOR UPDATE;
    DELETE FROM api_refresh WHERE grant_id = v_grant;
    DELETE FROM api_grant WHERE id = v_grant;
END$$
DELIMITER ;
