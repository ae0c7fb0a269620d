-- contact_write: write a new or an existing entry of the owner's address book, for every API.
--
-- The default address decides whom the entry stands for as long as no relation exists (memory, sent). After
-- that, addresses are information only. Two entries may have the same address, but only one of them stands
-- for its user: the first, or the one that is invited. The others stand for themselves (entity is their id).
-- A new address that a person types is refused when another entry has it. Every routine that adds an address
-- holds the lock of the owner: an address that is free under the lock stays free.
--
-- The five steps share their variables and stand in one routine: each routine of its own would be one more
-- than the ten that a patch reaches.
--
-- Params:   in_owner      owner of the address book; the caller has locked them and the
--                         people concerned (contact_lock)
--           in_id         contact that the caller has locked, or a new id
--           in_contact    JSON with any of firstname, lastname, surname, comment, message ('' clears), email,
--                         mobile, address, tag (contact_details_set; each replaces the whole list); invite, 1
--                         when the user is invited in the same transaction; origin, the source of the entry.
--                         With from_api, from another API than the RPC: needs no address, leaves the address
--                         that the entry was made from (source), and takes any of display_name, company,
--                         job_title, avatar_path, source_id (texts; '' or null clears), synced_at (ISO, UTC),
--                         custom_fields and extra (objects or null), tags (names). Another entry may have the
--                         addresses then, unless in_contact has is_typed. With keeps_person, an entry that is
--                         invited goes on to stand for the same user, whichever addresses it gets.
--                         word_changes: search words, as contact_render_parts takes them
--           in_peer       uid of the registered user whom in_contact identifies, or NULL
--           in_is_new     1: create the entry; 2: create it, and leave its record to the caller
--                         (contact_render_first)
--           out_changed   0: nothing differs from the stored entry, and nothing was written
--           out_former    when the entry stands for somebody else than before, JSON: contact_id, entity, peer
--                         (the new ones), withdrawn (1: the former one had been invited), old_peer, old_db
--                         (shard of that user), old_entity
-- Returns:  nothing
-- Errors:   SELF_CONTACT         the owner, or an address of the owner
--           SAME_DOMAIN          a new address belongs to a colleague, or a colleague is invited
--           ALREADY_IN_CONTACT   another entry stands for the user, or has one of the new
--                                addresses that a person typed; the error names it
--           MANY_DEFAULT_EMAIL   more than one default address
--           NO_DEFAULT_MAIL      no default address where one is needed
--           INVALID_PARAM        the same address twice, a tag that does not exist,
--                                or a number that is too long
-- Needs:    a transaction
-- Example:  CALL contact_write('00000000000000a1', '0000000000000c01', '{}', NULL, 0, @changed, @former);
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_write(
    IN in_owner     CHAR(16) COLLATE ascii_bin,
    IN in_id        CHAR(16) COLLATE ascii_bin,
    IN in_contact   LONGTEXT,
    IN in_peer      CHAR(16) COLLATE ascii_bin,
    IN in_is_new    TINYINT,
    OUT out_changed INT UNSIGNED,
    OUT out_former  LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_has_emails TINYINT DEFAULT JSON_EXISTS(in_contact, '$.email');
    DECLARE v_is_from_api TINYINT DEFAULT JSON_EXISTS(in_contact, '$.from_api');
    DECLARE v_may_share TINYINT DEFAULT v_is_from_api AND NOT JSON_EXISTS(in_contact, '$.is_typed');
    DECLARE v_invite TINYINT DEFAULT COALESCE(JSON_VALUE(in_contact, '$.invite'), 0);
    DECLARE v_email_count, v_default_count, v_removed_count, v_detail_changes INT UNSIGNED DEFAULT 0;
    DECLARE v_is_twice, v_is_default, v_is_known, v_is_own, v_is_colleague, v_default_is_known,
        v_default_is_colleague TINYINT DEFAULT 0;
    -- places in the list of addresses, from 1
    DECLARE v_place, v_default_place, v_taken_place INT;
    DECLARE v_domain, v_own_domain INT UNSIGNED;
    DECLARE v_address, v_own_email VARCHAR(255) COLLATE utf8mb4_bin;
    DECLARE v_sets_person, v_is_new_person, v_keeps_person, v_is_auto TINYINT DEFAULT 0;
    DECLARE v_email, v_person_email, v_old_email, v_old_entity, v_entity VARCHAR(255) COLLATE utf8mb4_bin;
    DECLARE v_firstname, v_lastname VARCHAR(255);
    DECLARE v_peer, v_old_peer, v_holder_id CHAR(16) COLLATE ascii_bin;
    DECLARE v_status, v_old_status, v_holder_status VARCHAR(16) COLLATE ascii_bin DEFAULT 'memory';
    DECLARE v_refusal VARCHAR(500);
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    IF NOT in_is_new THEN
        -- unlocked: the caller has locked it
        SELECT peer_id, entity, email, status INTO v_old_peer, v_old_entity, v_old_email, v_old_status
        FROM contact
        WHERE owner_id = in_owner AND id = in_id;
        SET v_keeps_person = v_old_status = 'sent' AND JSON_EXISTS(in_contact, '$.keeps_person');
    END IF;

    -- 1. check the addresses
    IF v_has_emails THEN
        SET v_place = 0, v_email_count = COALESCE(JSON_LENGTH(in_contact, '$.email'), 0);
        IF v_email_count > 0 THEN
            SELECT email, IF(domain_id > 1, domain_id, 0) INTO v_own_email, v_own_domain
            FROM yp.drumate
            WHERE id = in_owner;
        END IF;
        IF v_email_count > 1 THEN
            SELECT COUNT(DISTINCT j.email) < v_email_count INTO v_is_twice
            FROM JSON_TABLE(in_contact, '$.email[*]' COLUMNS (
                email VARCHAR(255) COLLATE utf8mb4_bin PATH '$.email'
            )) AS j;
        END IF;
        WHILE v_place < v_email_count DO
            SET v_address = JSON_VALUE(in_contact, CONCAT('$.email[', v_place, '].email')),
                v_is_default = COALESCE(
                    JSON_VALUE(in_contact, CONCAT('$.email[', v_place, '].is_default')) = 1, 0
                ),
                v_place = v_place + 1,
                v_is_known = 0, v_domain = NULL,
                v_is_own = v_is_own OR COALESCE(v_address = v_own_email, 0);
            IF NOT in_is_new THEN
                -- unlocked: the owner is locked
                SELECT 1 INTO v_is_known
                FROM contact_email
                WHERE owner_id = in_owner AND contact_id = in_id AND email = v_address;
            END IF;
            IF v_own_domain > 0 THEN
                SELECT domain_id INTO v_domain FROM yp.drumate WHERE email = v_address;
            END IF;
            SET v_is_colleague = v_is_colleague OR COALESCE(v_domain = v_own_domain, 0) AND NOT v_is_known;
            IF v_is_default THEN
                SET v_default_count = v_default_count + 1, v_email = v_address, v_default_place = v_place,
                    v_default_is_known = v_is_known,
                    v_default_is_colleague = COALESCE(v_domain = v_own_domain, 0);
            END IF;
            -- an address that the entry has already is not typed now
            IF v_taken_place IS NULL AND NOT (v_may_share OR v_is_known) THEN
                -- unlocked: the owner is locked
                SELECT v_place INTO v_taken_place
                FROM contact_email AS o FORCE INDEX (by_address)
                STRAIGHT_JOIN contact AS c FORCE INDEX (PRIMARY)
                   ON c.owner_id = o.owner_id AND c.id = o.contact_id AND c.deleted_at IS NULL
                -- with <> in its place, the server looks for ranges, which takes as long again
                WHERE o.owner_id = in_owner AND o.email = v_address AND NOT o.contact_id <=> in_id
                LIMIT 1;
            END IF;
        END WHILE;
        IF v_is_twice THEN
            SIGNAL SQLSTATE '45000'
                SET MESSAGE_TEXT = '{"code": "INVALID_PARAM", "field": "email",'
                    ' "reason": "the same address twice"}';
        ELSEIF v_default_count > 1 THEN
            SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'MANY_DEFAULT_EMAIL';
        ELSEIF v_default_count = 0
               AND (v_email_count > 0
                    -- is_need_email of contact_card
                    OR NOT (v_is_from_api OR in_is_new) AND v_old_email IS NOT NULL) THEN
            SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'NO_DEFAULT_MAIL';
        ELSEIF v_is_own THEN
            SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'SELF_CONTACT';
        ELSEIF v_is_colleague THEN
            SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'SAME_DOMAIN';
        END IF;
    END IF;

    -- an invitation that a merge has moved here is of another address than the default one
    IF v_has_emails AND v_old_status = 'sent' AND v_invite = 0 AND v_email <=> v_old_email THEN
        SELECT COUNT(*) INTO v_removed_count
        FROM contact_email AS k
        LEFT JOIN yp.drumate AS d ON d.id = v_old_peer
        LEFT JOIN JSON_TABLE(in_contact, '$.email[*]' COLUMNS (
            email VARCHAR(255) COLLATE utf8mb4_bin PATH '$.email'
        )) AS j ON j.email = k.email
        WHERE k.owner_id = in_owner AND k.contact_id = in_id AND k.email IN (v_old_entity, d.email)
          AND j.email IS NULL;
        SET v_keeps_person = v_keeps_person OR v_removed_count = 0;
    END IF;

    -- 2. find whom the entry stands for
    SET v_firstname = NULLIF(JSON_VALUE(in_contact, '$.firstname'), ''),
        v_lastname = NULLIF(JSON_VALUE(in_contact, '$.lastname'), ''),
        v_person_email = v_email;
    IF in_is_new THEN
        SET v_sets_person = 1, v_peer = in_peer;
        IF v_peer IS NOT NULL AND v_email_count = 0 THEN
            SELECT d.email, IF(me.domain_id > 1 AND d.domain_id = me.domain_id, 1, 0),
                   IF(v_firstname IS NULL AND v_lastname IS NULL, 1, 0),
                   IF(v_firstname IS NULL AND v_lastname IS NULL, d.firstname, v_firstname),
                   IF(v_firstname IS NULL AND v_lastname IS NULL, d.lastname, v_lastname)
            INTO v_person_email, v_default_is_colleague, v_is_auto, v_firstname, v_lastname
            FROM yp.drumate AS d
            JOIN yp.drumate AS me ON me.id = in_owner
            WHERE d.id = v_peer;
        END IF;
        IF v_peer = in_owner THEN
            SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'SELF_CONTACT';
        ELSEIF v_default_is_colleague > 0 THEN
            SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'SAME_DOMAIN';
        END IF;
    ELSEIF v_keeps_person THEN
        -- the invitation may be of an address that the entry does not have: a merge has moved it here
        SET v_sets_person = 0;
    ELSEIF v_email_count > 0 AND v_old_status IN ('memory', 'sent') THEN
        -- an address that the entry had before its user became a colleague stays
        IF v_default_is_colleague > 0 AND (v_invite = 1 OR NOT (v_email <=> v_old_email)) THEN
            SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'SAME_DOMAIN';
        END IF;
        SET v_sets_person = 1, v_peer = in_peer;
    ELSEIF v_has_emails AND v_email_count = 0 AND v_is_from_api AND v_old_peer IS NULL THEN
        -- the entry stands for nobody any more
        SET v_sets_person = 1;
    END IF;
    IF v_sets_person AND COALESCE(v_peer, v_email) IS NOT NULL THEN
        -- unlocked: the owner is locked
        IF v_peer IS NULL THEN
            SELECT c.id, c.status INTO v_holder_id, v_holder_status
            FROM contact AS c FORCE INDEX (by_entity)
            WHERE c.owner_id = in_owner AND c.entity = v_person_email AND c.id <> in_id;
        ELSE
            -- unlocked: the owner is locked
            SELECT c.id, c.status INTO v_holder_id, v_holder_status
            FROM contact AS c FORCE INDEX (by_entity)
            WHERE c.owner_id = in_owner AND c.entity IN (v_peer, v_person_email) AND c.id <> in_id
            ORDER BY c.status <> 'memory' DESC, c.id
            LIMIT 1;
        END IF;
        IF v_holder_id IS NULL AND v_email_count = 0 THEN
            -- unlocked: the owner is locked. An entry without relation also stands for the user when
            -- it holds their address among others
            SELECT MIN(o.contact_id) INTO v_holder_id
            FROM contact_email AS o FORCE INDEX (by_address)
            JOIN contact AS c
              ON c.owner_id = in_owner AND c.id = o.contact_id AND c.peer_id IS NULL AND c.deleted_at IS NULL
            WHERE o.owner_id = in_owner AND o.email = v_person_email AND o.contact_id <> in_id;
        END IF;
        IF v_holder_id IS NOT NULL AND NOT (v_may_share OR v_default_is_known)
           OR v_invite = 1 AND v_holder_status <> 'memory' THEN
            SET v_taken_place = COALESCE(v_default_place, 0);
        ELSEIF v_holder_id IS NOT NULL AND v_invite = 1 THEN
            -- the entry that is invited takes the place of one that only has the address
            INSERT INTO contact_stale (owner_id, contact_id)
            SELECT in_owner, id
            FROM contact
            WHERE owner_id = in_owner AND entity IN (v_peer, v_person_email) AND id <> in_id
            ON DUPLICATE KEY UPDATE contact_id = id;
            UPDATE contact AS c
            LEFT JOIN contact_record AS r ON r.owner_id = in_owner AND r.contact_id = c.id
            SET c.entity = c.id, c.peer_id = NULL, c.category = 'independant',
                r.rpc_card = NULL, r.rpc_full = NULL
            WHERE c.owner_id = in_owner AND c.entity IN (v_peer, v_person_email) AND c.id <> in_id;
        ELSEIF v_holder_id IS NOT NULL THEN
            SET v_peer = NULL, v_entity = in_id;
        END IF;
    END IF;
    IF v_taken_place IS NOT NULL THEN
        SET v_email = JSON_VALUE(in_contact, CONCAT('$.email[', v_taken_place - 1, '].email')),
            v_refusal = IF(v_email IS NULL, 'ALREADY_IN_CONTACT', JSON_OBJECT(
                'code', 'ALREADY_IN_CONTACT',
                'field', CONCAT('emails[', v_taken_place - 1, '].address'),
                'value', IF(CHAR_LENGTH(v_email) > 90, CONCAT(LEFT(v_email, 89), '…'), v_email)
            ));
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = v_refusal;
    END IF;
    -- an entry without user and address is its own entity
    SET v_entity = COALESCE(v_entity, v_peer, v_email, in_id);
    IF in_is_new THEN
        SET v_status = IF(v_invite, 'sent', 'memory');
    ELSE
        -- the same address, whose user has registered meanwhile, is no change of person
        SET v_is_new_person = IF(v_email_count = 0, v_sets_person AND v_old_status = 'sent',
                                 v_sets_person AND v_entity <> v_old_entity
                                 AND (v_email <> v_old_entity OR v_entity = in_id)),
            v_status = IF(v_is_new_person OR v_sets_person AND v_email_count = 0, 'memory', v_old_status),
            v_invite = v_invite = 1 AND v_status IN ('memory', 'sent', 'invitation'),
            v_status = IF(v_invite, 'sent', v_status);
    END IF;

    -- 3. write the entry
    IF in_is_new THEN
        INSERT INTO contact (owner_id, id, entity, peer_id, email, surname, display_name, firstname, lastname,
                             company, job_title, category, status, invitetime, comment, message, is_auto,
                             metadata, avatar_path, custom_fields, extra, source_id, synced_at, ctime, mtime)
        VALUES (in_owner, in_id, v_entity, v_peer, v_email,
                NULLIF(JSON_VALUE(in_contact, '$.surname'), ''),
                NULLIF(JSON_VALUE(in_contact, '$.display_name'), ''),
                v_firstname, v_lastname,
                NULLIF(JSON_VALUE(in_contact, '$.company'), ''),
                NULLIF(JSON_VALUE(in_contact, '$.job_title'), ''),
                IF(v_peer IS NULL, 'independant', 'drumate'), v_status, IF(v_invite, v_now, NULL),
                NULLIF(JSON_VALUE(in_contact, '$.comment'), ''),
                NULLIF(JSON_VALUE(in_contact, '$.message'), ''),
                v_is_auto,
                JSON_MERGE_PATCH(JSON_OBJECT('source', COALESCE(v_email, v_peer, '')),
                                 JSON_OBJECT('from', JSON_VALUE(in_contact, '$.origin'))),
                NULLIF(JSON_VALUE(in_contact, '$.avatar_path'), ''),
                JSON_QUERY(in_contact, '$.custom_fields'),
                JSON_QUERY(in_contact, '$.extra'),
                NULLIF(JSON_VALUE(in_contact, '$.source_id'), ''),
                REPLACE(REPLACE(JSON_VALUE(in_contact, '$.synced_at'), 'T', ' '), 'Z', ''),
                v_now, v_now);
    ELSE
        UPDATE contact
        SET entity = IF(v_sets_person, v_entity, entity),
            peer_id = IF(v_sets_person, v_peer, peer_id),
            category = IF(v_sets_person AND v_email_count > 0,
                          IF(v_peer IS NULL, 'independant', 'drumate'), category),
            changed = IF(v_is_new_person AND v_old_status <> 'memory' OR v_status <> v_old_status,
                         DEFAULT(changed), changed),
            status = v_status,
            invitetime = IF(v_invite, v_now, invitetime),
            metadata = IF(v_sets_person AND NOT v_is_from_api,
                          JSON_SET(metadata, '$.source', v_email), metadata),
            email = IF(v_has_emails, v_email, email),
            firstname = IF(JSON_EXISTS(in_contact, '$.firstname'), v_firstname, firstname),
            lastname = IF(JSON_EXISTS(in_contact, '$.lastname'), v_lastname, lastname),
            surname = IF(JSON_EXISTS(in_contact, '$.surname'),
                         NULLIF(JSON_VALUE(in_contact, '$.surname'), ''), surname),
            comment = IF(JSON_EXISTS(in_contact, '$.comment'),
                         NULLIF(JSON_VALUE(in_contact, '$.comment'), ''), comment),
            message = IF(v_invite OR JSON_EXISTS(in_contact, '$.message'),
                         NULLIF(JSON_VALUE(in_contact, '$.message'), ''), message),
            is_auto = IF(JSON_EXISTS(in_contact, '$.firstname') OR JSON_EXISTS(in_contact, '$.lastname'),
                         0, is_auto)
        WHERE owner_id = in_owner AND id = in_id;
        SET out_changed = ROW_COUNT();
        IF v_is_from_api THEN
            UPDATE contact
            SET display_name = IF(JSON_EXISTS(in_contact, '$.display_name'),
                                  NULLIF(JSON_VALUE(in_contact, '$.display_name'), ''), display_name),
                company = IF(JSON_EXISTS(in_contact, '$.company'),
                             NULLIF(JSON_VALUE(in_contact, '$.company'), ''), company),
                job_title = IF(JSON_EXISTS(in_contact, '$.job_title'),
                               NULLIF(JSON_VALUE(in_contact, '$.job_title'), ''), job_title),
                avatar_path = IF(JSON_EXISTS(in_contact, '$.avatar_path'),
                                 NULLIF(JSON_VALUE(in_contact, '$.avatar_path'), ''), avatar_path),
                source_id = IF(JSON_EXISTS(in_contact, '$.source_id'),
                               NULLIF(JSON_VALUE(in_contact, '$.source_id'), ''), source_id),
                synced_at = IF(JSON_EXISTS(in_contact, '$.synced_at'),
                               REPLACE(REPLACE(JSON_VALUE(in_contact, '$.synced_at'), 'T', ' '), 'Z', ''),
                               synced_at),
                custom_fields = IF(JSON_EXISTS(in_contact, '$.custom_fields'),
                                   JSON_QUERY(in_contact, '$.custom_fields'), custom_fields),
                extra = IF(JSON_EXISTS(in_contact, '$.extra'), JSON_QUERY(in_contact, '$.extra'), extra),
                metadata = IF(JSON_VALUE(in_contact, '$.origin') <> '',
                              JSON_SET(metadata, '$.from', JSON_VALUE(in_contact, '$.origin')), metadata)
            WHERE owner_id = in_owner AND id = in_id;
            SET out_changed = out_changed + ROW_COUNT();
        END IF;
    END IF;

    -- 4. write its addresses, numbers and tags
    CALL contact_details_set(in_owner, in_id, in_contact, in_is_new, v_detail_changes);
    SET out_changed = IF(in_is_new, 1, out_changed + v_detail_changes);

    -- 5. report a change of person, and render the record
    IF v_is_new_person THEN
        SELECT JSON_OBJECT('contact_id', in_id, 'entity', v_entity, 'peer', v_peer,
                           'withdrawn', IF(v_old_status = 'sent', 1, 0), 'old_entity', v_old_entity,
                           'old_peer', v_old_peer,
                           'old_db', (SELECT e.db_name FROM yp.entity AS e WHERE e.id = v_old_peer))
        INTO out_former;
    END IF;
    IF out_changed > 0 AND in_is_new < 2 THEN
        IF NOT in_is_new THEN
            UPDATE contact SET mtime = v_now WHERE owner_id = in_owner AND id = in_id AND mtime <> v_now;
        END IF;
        CALL contact_render_parts(
            in_owner, in_id, IF(in_is_new OR v_detail_changes > 0, 'all', 'fields'),
            JSON_QUERY(in_contact, '$.word_changes')
        );
    END IF;
END$$
DELIMITER ;
