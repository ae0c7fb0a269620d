-- my_contact_set_comment: change the comment of a contact whose new record the service has rendered.
--
-- Only while the contact is still as the service has read it (my_contact_edit), and stands for nobody who is
-- registered. Otherwise it changes nothing, and the caller goes on with my_contact_update.
--
-- Params:   in_owner         owner of the address book
--           in_id            contact
--           in_digest        MD5 of the record, in hexadecimal digits, as it was read
--           in_full_digest   the same of the stored text of the RPC
--           in_comment       comment, or NULL
--           in_words         JSON: removed and added, arrays of search words
--           in_record        JSON, the new record, with null for its update
--           in_new_digest    MD5 of the new record, in hexadecimal digits
--           in_card          the contact in lists of the RPC (contact_document), with null for mtime
--           in_full          the full contact of the RPC, in the same way
-- Returns:  nothing when the contact has changed; otherwise
--           one row   data  JSON, the full contact (contact_full)
--           rows      node, sockets: open sockets of the owner
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL my_contact_set_comment('00000000000000a1', '0000000000000c01', MD5(''), MD5(''), NULL, '{}',
--           '{}', MD5(''), '{}', '{}');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_set_comment(
    IN in_owner       CHAR(16) COLLATE ascii_bin,
    IN in_id          CHAR(16) COLLATE ascii_bin,
    IN in_digest      CHAR(32) COLLATE ascii_bin,
    IN in_full_digest CHAR(32) COLLATE ascii_bin,
    IN in_comment     TEXT COLLATE utf8mb4_bin,
    IN in_words       LONGTEXT COLLATE utf8mb4_bin,
    IN in_record      LONGTEXT COLLATE utf8mb4_bin,
    IN in_new_digest  CHAR(32) COLLATE ascii_bin,
    IN in_card        LONGTEXT COLLATE utf8mb4_bin,
    IN in_full        LONGTEXT COLLATE utf8mb4_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now DATETIME(3) DEFAULT UTC_TIMESTAMP(3);
    DECLARE v_time VARCHAR(32) COLLATE ascii_bin;
    DECLARE v_seconds INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_rev BIGINT UNSIGNED;
    DECLARE v_name VARCHAR(64);
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    CALL yp.contact_pair_lock(in_owner, NULL, NULL);
    -- unlocked: the owner is locked
    SELECT LEFT(c.full_name, 64), GREATEST(r.created_at, v_now) INTO v_name, v_now
    FROM contact AS c
    JOIN contact_record AS r ON r.owner_id = in_owner AND r.contact_id = in_id
    WHERE c.owner_id = in_owner AND c.id = in_id AND c.deleted_at IS NULL AND c.peer_id IS NULL
      AND r.state = 'active' AND r.digest = UNHEX(in_digest)
      AND UNHEX(MD5(r.rpc_full)) = UNHEX(in_full_digest);

    IF v_name IS NOT NULL THEN
        UPDATE contact_ledger SET rev = LAST_INSERT_ID(rev + 1) WHERE owner_id = in_owner;
        SET v_rev = LAST_INSERT_ID(),
            v_time = CONCAT(REPLACE(v_now, ' ', 'T'), 'Z'),
            in_record = REPLACE(in_record, '"updated_at": null', CONCAT('"updated_at": "', v_time, '"')),
            in_card = REPLACE(in_card, '"mtime": null', CONCAT('"mtime": ', v_seconds)),
            in_full = REPLACE(in_full, '"mtime": null', CONCAT('"mtime": ', v_seconds));
        UPDATE contact SET comment = in_comment, mtime = v_seconds WHERE owner_id = in_owner AND id = in_id;
        INSERT INTO contact_event (owner_id, rev, contact_id, event, at, writer, before_record,
                                   before_private)
        SELECT in_owner, v_rev, in_id, 'updated', v_seconds, CONNECTION_ID(), record, private
        FROM contact_record
        WHERE owner_id = in_owner AND contact_id = in_id;
        UPDATE contact_record
        SET rev = v_rev, card_rev = NULL, card_at = NULL, updated_at = v_now, digest = UNHEX(in_new_digest),
            record = in_record, rpc_card = TRIM(TRAILING '}' FROM in_card), rpc_full = in_full
        WHERE owner_id = in_owner AND contact_id = in_id;
        UPDATE contact_index
        SET word = v_time
        WHERE owner_id = in_owner AND contact_id = in_id AND kind = 'updated_at';
        -- Repeats contact_render_parts
        IF JSON_LENGTH(in_words, '$.removed') > 0 THEN
            DELETE i
            FROM JSON_TABLE(in_words, '$.removed[*]' COLUMNS (
                word VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$'
            )) AS j
            STRAIGHT_JOIN contact_index AS i FORCE INDEX (PRIMARY)
               ON i.owner_id = in_owner AND i.is_deleted = 0 AND i.kind = 'text' AND i.word = j.word
              AND i.contact_id = in_id;
        END IF;
        IF JSON_LENGTH(in_words, '$.added') > 0 THEN
            INSERT INTO contact_index (owner_id, is_deleted, kind, word, contact_id, name)
            SELECT in_owner, 0, 'text', j.word, in_id, v_name
            FROM JSON_TABLE(in_words, '$.added[*]' COLUMNS (
                word VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$'
            )) AS j
            WHERE j.word <> ''
            ON DUPLICATE KEY UPDATE name = v_name;
        END IF;
        SELECT in_full AS data;
        CALL yp.user_sockets(in_owner, NULL);
    END IF;
END$$
DELIMITER ;
