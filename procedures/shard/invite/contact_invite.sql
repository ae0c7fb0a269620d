-- contact_invite: write the inviter's side of an invitation. The caller has locked the pair and written the
-- other side.
--
-- See docs/frontend-contract.md#contact-status.
--
-- An invitation that crossed one of the other user is no error, nor is a second one of the owner: the
-- relation was established while this request was under way, and the owner could not know it. When two
-- invitations have crossed, more may be under way that no node has read yet; for ten seconds they are no
-- errors either.
--
-- Params:   in_owner      inviter
--           in_peer       invited user when registered, else NULL
--           in_contact    JSON: email (typed address, or absent), firstname, lastname, surname, message
--           in_status     new status of the owner's entry: sent, active or informed
--           in_asked      time when the request arrived, microseconds since 1970
--           in_greetings  JSON, see contact_greet, or NULL
-- Returns:  one row       data  JSON, the full contact (contact_full)
--           rows          data  the greetings, for the owner
--           rows          node, sockets: open sockets of the owner
-- Errors:   ALREADY_IN_CONTACT   the relation existed before the request arrived, or the
--                                address belongs to another contact
--           INVITE_RECEIVED      the other user invited first; the owner should accept
-- Needs:    a transaction
-- Example:  CALL contact_invite('00000000000000a1', NULL, '{"email": "doc@example.com"}', 'sent', 0, NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_invite(
    IN in_owner     CHAR(16) COLLATE ascii_bin,
    IN in_peer      CHAR(16) COLLATE ascii_bin,
    IN in_contact   LONGTEXT,
    IN in_status    VARCHAR(16) COLLATE ascii_bin,
    IN in_asked     BIGINT UNSIGNED,
    IN in_greetings LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_email VARCHAR(255) COLLATE utf8mb4_bin DEFAULT JSON_VALUE(in_contact, '$.email');
    DECLARE v_id CHAR(16) COLLATE ascii_bin;
    DECLARE v_status VARCHAR(16) COLLATE ascii_bin;
    DECLARE v_changed, v_crossed BIGINT UNSIGNED;
    DECLARE v_taken INT UNSIGNED;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    IF in_peer IS NULL THEN
        -- unlocked: only finds the entry, which is read again under a lock below
        SELECT COALESCE(
            (SELECT id FROM contact WHERE owner_id = in_owner AND entity = v_email),
            (SELECT c.id
             FROM contact_email AS e
             JOIN contact AS c ON c.owner_id = in_owner AND c.id = e.contact_id AND c.deleted_at IS NULL
             WHERE e.owner_id = in_owner AND e.email = v_email
             ORDER BY c.ctime, c.id
             LIMIT 1)
        ) INTO v_id;
    ELSE
        SELECT my_contact_of(in_owner, in_peer) INTO v_id;
    END IF;
    SELECT status, changed, COALESCE(JSON_VALUE(metadata, '$.crossed'), 0) INTO v_status, v_changed, v_crossed
    FROM contact
    WHERE owner_id = in_owner AND id = v_id
    FOR UPDATE;

    IF v_status IN ('active', 'informed') AND v_changed < in_asked AND v_crossed + 10000000 < in_asked THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'ALREADY_IN_CONTACT';
    ELSEIF v_status = 'received' AND v_changed < in_asked THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'INVITE_RECEIVED';
    END IF;

    IF v_id IS NULL THEN
        SET v_id = LOWER(HEX(RANDOM_BYTES(8)));
        INSERT INTO contact (owner_id, id, entity, peer_id, surname, firstname, lastname, category, is_auto,
                             metadata, ctime, mtime)
        VALUES (in_owner, v_id, COALESCE(in_peer, v_email), in_peer, JSON_VALUE(in_contact, '$.surname'),
                JSON_VALUE(in_contact, '$.firstname'), JSON_VALUE(in_contact, '$.lastname'),
                IF(in_peer IS NULL, 'independant', 'drumate'),
                IF(JSON_VALUE(in_contact, '$.firstname') IS NULL
                   AND JSON_VALUE(in_contact, '$.lastname') IS NULL, 1, 0),
                JSON_OBJECT('source', COALESCE(v_email, in_peer)), v_now, v_now);
        IF v_email IS NOT NULL THEN
            -- unlocked: every routine that adds an address holds the lock of the owner
            SELECT COUNT(*) INTO v_taken
            FROM contact_email AS e
            JOIN contact AS c ON c.owner_id = in_owner AND c.id = e.contact_id AND c.deleted_at IS NULL
            WHERE e.owner_id = in_owner AND e.email = v_email;
            IF v_taken > 0 THEN
                SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'ALREADY_IN_CONTACT';
            END IF;
            INSERT INTO contact_email (owner_id, id, contact_id, email, is_default, position)
            VALUES (in_owner, LOWER(HEX(RANDOM_BYTES(8))), v_id, v_email, 1, 1);
            UPDATE contact SET email = v_email WHERE owner_id = in_owner AND id = v_id;
        END IF;
    ELSE
        UPDATE contact
        SET surname = COALESCE(JSON_VALUE(in_contact, '$.surname'), surname),
            firstname = COALESCE(JSON_VALUE(in_contact, '$.firstname'), firstname),
            lastname = COALESCE(JSON_VALUE(in_contact, '$.lastname'), lastname),
            mtime = v_now
        WHERE owner_id = in_owner AND id = v_id;
    END IF;

    IF COALESCE(v_status, '') NOT IN ('active', 'informed') THEN
        UPDATE contact
        SET message = JSON_VALUE(in_contact, '$.message'), invitetime = v_now
        WHERE owner_id = in_owner AND id = v_id;
        IF in_peer IS NOT NULL THEN
            CALL contact_relate(in_owner, v_id, in_peer, in_status);
            IF in_status IN ('active', 'informed') AND v_status = 'received' AND v_changed >= in_asked THEN
                UPDATE contact SET metadata = JSON_SET(metadata, '$.crossed', DEFAULT(changed))
                WHERE owner_id = in_owner AND id = v_id;
            END IF;
        ELSE
            -- an entry that shares the address stood for itself until now; nobody else stands for it
            UPDATE contact
            SET changed = IF(status = 'sent', changed, DEFAULT(changed)), status = 'sent',
                entity = IF(entity = id AND email = v_email, v_email, entity)
            WHERE owner_id = in_owner AND id = v_id;
        END IF;
    END IF;

    IF in_peer IS NULL OR v_status IN ('active', 'informed') THEN
        CALL contact_render_parts(in_owner, v_id, 'all', NULL); -- contact_relate has done it for the others
    END IF;
    SELECT data FROM contact_full WHERE owner_id = in_owner AND id = v_id;
    CALL contact_greet(in_owner, in_peer, in_greetings);
    CALL yp.user_sockets(in_owner, NULL);
END$$
DELIMITER ;
