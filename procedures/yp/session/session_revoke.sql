-- session_revoke: end one of the sign-ins of a user, or all of them.
--
-- Params:   in_uid     user
--           in_id      the sign-in, as session_list shows it; NULL: all of them
--           in_keep    a sign-in that stays when all end, or NULL
-- Returns:  per room that sockets leave: the two sets of conference_drop
--           then rows     node, sockets  sockets of the sessions, to be closed
--           then one row  number of sign-ins that ended
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL session_revoke('00000000000000a1', NULL, NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE session_revoke(
    IN in_uid  CHAR(16) COLLATE ascii_bin,
    IN in_id   CHAR(16) COLLATE ascii_bin,
    IN in_keep CHAR(16) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_uid CHAR(16) COLLATE ascii_bin;
    DECLARE v_sessions LONGTEXT COLLATE utf8mb4_bin;
    DECLARE v_ended INT UNSIGNED;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- a sign-in at the same moment comes before all of this, or after it
    -- lock only: at another node, it comes after it
    SELECT id INTO v_uid FROM drumate WHERE id = in_uid FOR UPDATE;

    -- unlocked: the user is locked above
    SELECT COALESCE(JSON_ARRAYAGG(IF(s.kind = 'browser', s.full_id, NULL)), '[]'), COUNT(*)
    INTO v_sessions, v_ended
    FROM sign_in AS s
    WHERE s.uid = in_uid AND s.id = COALESCE(in_id, s.id) AND NOT s.id <=> in_keep;

    DELETE r
    FROM api_grant AS g
    JOIN api_refresh AS r ON r.grant_id = g.id
    WHERE g.uid = in_uid AND g.id = COALESCE(in_id, g.id) AND NOT g.id <=> in_keep;
    DELETE FROM api_grant WHERE uid = in_uid AND id = COALESCE(in_id, id) AND NOT id <=> in_keep;
    DELETE FROM api_token
    WHERE uid = in_uid AND LEFT(id, 16) = COALESCE(in_id, LEFT(id, 16)) AND NOT LEFT(id, 16) <=> in_keep;

    CALL session_end(v_sessions);
    SELECT v_ended AS ended;
END$$
DELIMITER ;
