-- contact_pair_lock: lock the relations between up to three users.
--
-- Every transaction that changes two address books begins with it. The locks are taken in the order of ids,
-- so that two such transactions wait for each other instead of running into a deadlock. Each lock writes a
-- row: two nodes of a cluster grant the same lock, but let only one of two writes to a row pass.
--
-- Params:   in_uid     user
--           in_peer    second user, or NULL
--           in_third   third user, or NULL
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL contact_pair_lock('00000000000000a1', '00000000000000b1', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_pair_lock(
    IN in_uid   CHAR(16) COLLATE ascii_bin,
    IN in_peer  CHAR(16) COLLATE ascii_bin,
    IN in_third CHAR(16) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- a table of its own: the write is small, and neither sign-ins nor readers of drumate wait for it
    IF in_peer IS NULL AND in_third IS NULL THEN
        UPDATE entity_lock SET locked = locked + 1 WHERE id = in_uid;
    ELSE
        UPDATE entity_lock SET locked = locked + 1 WHERE id IN (in_uid, in_peer, in_third) ORDER BY id;
    END IF;
    IF ROW_COUNT() < 1 + COALESCE(in_peer <> in_uid, 0)
                     + COALESCE(in_third <> in_uid AND NOT in_third <=> in_peer, 0) THEN
        -- The first lock of a user. As the only statement it would fail with 1020 where others wait for the
        -- same row: the SELECT sees the row as it was before.
        INSERT INTO entity_lock (id)
        SELECT d.id FROM drumate AS d WHERE d.id IN (in_uid, in_peer, in_third) ORDER BY d.id
        ON DUPLICATE KEY UPDATE locked = locked + 1;
    END IF;
END$$
DELIMITER ;
