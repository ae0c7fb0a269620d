-- api_grant_drop: a sign-in to /api/v1 ends; its access and refresh tokens are good for nothing any more.
--
-- Params:   in_grant   id of the sign-in, or NULL
--           in_token   a refresh token of it, when the id is not known, or NULL
-- Returns:  at most one row   uid  whose sign-in it was
-- Errors:   none
-- Example:  CALL api_grant_drop('00000000000000aa', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE api_grant_drop(
    IN in_grant CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_token VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_grant CHAR(16) CHARACTER SET ascii COLLATE ascii_bin DEFAULT in_grant;

    IF v_grant IS NULL THEN
        SELECT grant_id INTO v_grant FROM api_refresh WHERE id = SHA2(in_token, 256) FOR UPDATE;
    END IF;
    SELECT uid FROM api_grant WHERE id = v_grant FOR UPDATE;
    DELETE FROM api_refresh WHERE grant_id = v_grant;
    DELETE FROM api_grant WHERE id = v_grant;
END$$
DELIMITER ;
