-- my_contact_update: change an entry of the owner's address book. Absent keys stay; lists replace lists.
--
-- Params:   in_owner     owner of the address book
--           in_id        contact
--           in_contact   JSON as contact_write takes it. The service leaves out the lists that it has found
--                        unchanged (my_contact_form), and adds them as unchanged, a JSON object, with
--                        word_changes (contact_write) and rev, the revision for which both hold: at another
--                        one, the lists are written as well, and SQL finds the words
-- Returns:  one row      data  JSON, the full contact (contact_full)
--           rows         node, sockets: open sockets of the owner
--           at most one row   data  JSON, when the entry stands for somebody else than
--                             before: out_former of contact_write
-- Errors:   CONACT_NOT_EXIST      no such contact of the owner
--           EMPTY_FIRSTNAME       the entry of a related user needs a first name
--           EMPTY_LASTNAME        the entry of a related user needs a last name
--           SELF_CONTACT          an address of the owner
--           SAME_DOMAIN           a new address belongs to a colleague, or a colleague is invited
--           ALREADY_IN_CONTACT    another contact has a new address, or a relation with the user who is
--                                 invited; the error names the address
--           MANY_DEFAULT_EMAIL    more than one default address
--           NO_DEFAULT_MAIL       no default address in the list, although it holds
--                                 addresses or the contact has one (is_need_email)
--           INVALID_PARAM         the same address twice, a tag that does not exist,
--                                 or a number that is too long
-- Needs:    a transaction
-- Example:  CALL my_contact_update('00000000000000a1', '0000000000000c01', '{"comment": "met in Rome"}');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_update(
    IN in_owner   CHAR(16) COLLATE ascii_bin,
    IN in_id      VARCHAR(64) COLLATE ascii_bin,
    IN in_contact LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id, v_uid, v_peer CHAR(16) COLLATE ascii_bin;
    DECLARE v_rev BIGINT UNSIGNED DEFAULT JSON_VALUE(in_contact, '$.rev');
    DECLARE v_changed INT UNSIGNED;
    DECLARE v_whole, v_former, v_data LONGTEXT;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SET v_whole = IF(v_rev IS NULL, in_contact, JSON_REMOVE(
        JSON_MERGE_PATCH(in_contact, JSON_QUERY(in_contact, '$.unchanged')), '$.unchanged', '$.word_changes'
    ));
    CALL contact_lock(in_owner, in_id, v_whole, v_id, v_peer);
    IF v_id IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'CONACT_NOT_EXIST';
    END IF;
    -- unlocked: the owner is locked
    SELECT c.uid, IF(l.rev = v_rev AND v_peer IS NULL, in_contact, v_whole) INTO v_uid, in_contact
    FROM contact AS c
    LEFT JOIN contact_ledger AS l ON l.owner_id = in_owner
    WHERE c.owner_id = in_owner AND c.id = v_id;
    IF v_uid IS NOT NULL AND COALESCE(JSON_VALUE(in_contact, '$.firstname'), '') = '' THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'EMPTY_FIRSTNAME';
    ELSEIF v_uid IS NOT NULL AND COALESCE(JSON_VALUE(in_contact, '$.lastname'), '') = '' THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'EMPTY_LASTNAME';
    END IF;
    CALL contact_write(in_owner, v_id, in_contact, v_peer, 0, v_changed, v_former);
    -- not by my_contact_get, which would be the eleventh routine that an update reaches
    SELECT full INTO v_data
    FROM contact_stored
    WHERE owner_id = in_owner AND id = v_id AND full LIKE '%]}';
    IF v_data IS NULL THEN
        SELECT data FROM contact_full WHERE owner_id = in_owner AND id = v_id;
    ELSE
        SELECT v_data AS data;
    END IF;
    CALL yp.user_sockets(in_owner, NULL);
    SELECT v_former AS data FROM DUAL WHERE v_former IS NOT NULL;
END$$
DELIMITER ;
