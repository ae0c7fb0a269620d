-- session_touch: extend a session by its ttl after its use, but not beyond its absolute end.
--
-- Params:   in_sid        value of the session cookie
--           in_lifetime   seconds from the sign-in to the absolute end
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL session_touch('example-sid', 3600);
DELIMITER $$
CREATE OR REPLACE PROCEDURE session_touch(
    IN in_sid      VARCHAR(128) COLLATE ascii_bin,
    IN in_lifetime INT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    UPDATE session
    SET mtime = v_now, expiry = LEAST(v_now + ttl, ctime + in_lifetime)
    WHERE id = SHA2(in_sid, 256) AND expiry > v_now;
END$$
DELIMITER ;
