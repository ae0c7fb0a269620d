-- contact_invite: the inviter's side of an invitation (contract 3.2). The pair is locked, the other side written.
--
-- An invitation that crossed one of the other person, or a second one of the owner himself, is no error: what
-- stands was made while this request was on its way, and the owner could not know it. Where two invitations crossed
-- there may be more on their way, which no node has read yet: for ten seconds they are no error either.
--
-- Params:   in_owner      who invites
--           in_peer       whom, when registered, else NULL
--           in_contact    JSON: email (typed address, or absent), firstname, lastname, surname, message
--           in_status     of the owner's entry from now on: sent, active or informed
--           in_asked      when the request arrived, microseconds since 1970
--           in_greetings  JSON, see contact_greet, or NULL
-- Returns:  one row       data  JSON, the full contact (my_contact_get)
--           rows          data  the greetings as the owner sees them
--           rows          node, sockets: the owner's open sockets
-- Errors:   ALREADY_IN_CONTACT   the relation stood before the request arrived, or the address is another contact's
--           INVITE_RECEIVED      he was invited himself before; he should accept
-- Example:  CALL contact_invite('00000000000000a1', NULL, '{"email": "doc@example.com"}', 'sent', 0, NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_invite(
    IN in_owner     CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_peer      CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_contact   LONGTEXT,
    IN in_status    VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_asked     BIGINT UNSIGNED,
    IN in_greetings LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_email VARCHAR(255) COLLATE utf8mb4_bin DEFAULT JSON_VALUE(in_contact, '$.email');
    DECLARE v_id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin;
    DECLARE v_status VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin;
    DECLARE v_changed, v_crossed BIGINT UNSIGNED;
    DECLARE EXIT HANDLER FOR 1062
        RESIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'ALREADY_IN_CONTACT', MYSQL_ERRNO = 1644;

    IF in_peer IS NULL THEN
        -- unlocked: only finds the entry, which is read again under a lock below
        SELECT c.id INTO v_id
        FROM contact AS c
        LEFT JOIN contact_email AS e ON e.owner_id = c.owner_id AND e.contact_id = c.id AND e.email = v_email
        WHERE c.owner_id = in_owner AND (c.entity = v_email OR e.id IS NOT NULL)
        ORDER BY c.entity = v_email DESC
        LIMIT 1;
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
                IF(JSON_VALUE(in_contact, '$.firstname') IS NULL AND JSON_VALUE(in_contact, '$.lastname') IS NULL, 1, 0),
                JSON_OBJECT('source', COALESCE(v_email, in_peer)), v_now, v_now);
        IF v_email IS NOT NULL THEN
            INSERT INTO contact_email (owner_id, id, contact_id, email, is_default, position)
            VALUES (in_owner, LOWER(HEX(RANDOM_BYTES(8))), v_id, v_email, 1, 1);
            UPDATE contact SET email = v_email WHERE owner_id = in_owner AND id = v_id;
        END IF;
        CALL my_contact_terms(in_owner, v_id);
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
                UPDATE contact SET metadata = JSON_SET(metadata, '$.crossed', now_us() + 0)
                WHERE owner_id = in_owner AND id = v_id;
            END IF;
        ELSE
            UPDATE contact SET changed = IF(status = 'sent', changed, now_us()), status = 'sent'
            WHERE owner_id = in_owner AND id = v_id;
        END IF;
    END IF;

    IF in_peer IS NULL OR v_status IN ('active', 'informed') THEN
        CALL my_contact_touch(in_owner, v_id); -- contact_relate has done it for the others
    END IF;
    CALL my_contact_get(in_owner, v_id);
    CALL contact_greet(in_owner, in_peer, in_greetings);
    CALL yp.user_sockets(in_owner, NULL);
END$$
DELIMITER ;
