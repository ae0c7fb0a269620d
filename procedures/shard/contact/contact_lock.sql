-- contact_lock: lock the people whom a change of a contact concerns, then the contact itself. The people are
-- the owner, the user whom the contact stands for, and the user whom it shall stand for.
--
-- Params:   in_owner     owner of the address book
--           in_id        contact; NULL for a new one
--           in_contact   JSON to be written; its default email or its invitee_id identifies a user
--           out_id       the contact, or NULL when it is not in the address book
--           out_peer     uid of the user whom in_contact identifies, or NULL
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL contact_lock('00000000000000a1', '0000000000000c01', '{}', @id, @peer);
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_lock(
    IN in_owner   CHAR(16) COLLATE ascii_bin,
    IN in_id      VARCHAR(64) COLLATE ascii_bin,
    IN in_contact LONGTEXT,
    OUT out_id    CHAR(16) COLLATE ascii_bin,
    OUT out_peer  CHAR(16) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_email_count INT UNSIGNED DEFAULT COALESCE(JSON_LENGTH(in_contact, '$.email'), 0);
    DECLARE v_index INT UNSIGNED DEFAULT 0;
    -- wider than our ids, so that a longer value matches no user instead of failing
    DECLARE v_invitee_id VARCHAR(64) COLLATE ascii_bin DEFAULT JSON_VALUE(in_contact, '$.invitee_id');
    DECLARE v_email VARCHAR(255) COLLATE utf8mb4_bin;
    DECLARE v_old_peer CHAR(16) COLLATE ascii_bin;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    WHILE v_index < v_email_count DO
        IF JSON_VALUE(in_contact, CONCAT('$.email[', v_index, '].is_default')) = 1 THEN
            SET v_email = JSON_VALUE(in_contact, CONCAT('$.email[', v_index, '].email')),
                v_index = v_email_count;
        END IF;
        SET v_index = v_index + 1;
    END WHILE;
    IF v_email IS NOT NULL THEN
        SELECT id INTO out_peer FROM yp.drumate WHERE email = v_email;
    ELSEIF v_invitee_id IS NOT NULL THEN
        SELECT id INTO out_peer FROM yp.drumate WHERE id = v_invitee_id;
    END IF;
    IF in_id IS NOT NULL THEN
        -- unlocked: people are locked before their address books
        SELECT peer_id INTO v_old_peer FROM contact WHERE owner_id = in_owner AND id = in_id;
    END IF;
    CALL yp.contact_pair_lock(in_owner, v_old_peer, out_peer);
    IF in_id IS NOT NULL THEN
        -- lock only: the locks of the people are written
        SELECT id INTO out_id
        FROM contact
        WHERE owner_id = in_owner AND id = in_id AND deleted_at IS NULL
        FOR UPDATE;
    END IF;
END$$
DELIMITER ;
