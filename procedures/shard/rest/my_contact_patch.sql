-- my_contact_patch: change a contact for an API other than the RPC. Keys that are present replace stored
-- values; the rest stays.
--
-- Params:   in_owner     owner of the address book
--           in_id        contact, not in the trash
--           in_contact   JSON as contact_write takes it, with from_api; or custom: keys to set in
--                        custom_fields, or to remove when null
--           in_rev       revision that the caller has seen, or NULL
-- Returns:  one row      data  JSON, the contact as the lists of the RPC show it (contact_card)
--           rows         node, sockets: open sockets of the owner
--           at most one row   data  JSON, when the entry stands for somebody else than
--                             before: out_former of contact_write
--           one row      data  JSON, the record; rev
-- Errors:   CONTACT_NOT_FOUND     no such contact of the owner
--           PRECONDITION_FAILED   the contact has another revision
--           TOO_LARGE             custom_fields or extra would exceed 65,535 bytes, a list of emails, phones
--                                 or addresses 100 entries, or tags 1,000
--           NO_NAME               the contact would have none of display_name, firstname, lastname
--           SELF_CONTACT          an address of the owner
--           SAME_DOMAIN           a new address belongs to a colleague
--           MANY_DEFAULT_EMAIL    more than one default address
--           NO_DEFAULT_MAIL       addresses, but none is the default one
--           INVALID_PARAM         the same address twice, or a number that is too long
-- Excludes: ALREADY_IN_CONTACT   another contact may have the addresses, too
-- Needs:    a transaction
-- Example:  CALL my_contact_patch('00000000000000a1', '0000000000000c01',
--           '{"from_api": 1, "company": "Acme"}', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_patch(
    IN in_owner   CHAR(16) COLLATE ascii_bin,
    IN in_id      CHAR(16) COLLATE ascii_bin,
    IN in_contact LONGTEXT,
    IN in_rev     BIGINT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id, v_peer CHAR(16) COLLATE ascii_bin;
    DECLARE v_box VARCHAR(8) COLLATE ascii_bin;
    DECLARE v_custom_fields, v_former, v_refusal, v_card LONGTEXT;
    DECLARE v_excess VARCHAR(32);
    DECLARE v_changed, v_nameless_count INT UNSIGNED;
    DECLARE v_rev BIGINT UNSIGNED;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    CALL contact_lock(in_owner, in_id, in_contact, v_id, v_peer);
    -- unlocked: contact_lock has locked it
    SELECT box, COALESCE(custom_fields, '{}') INTO v_box, v_custom_fields
    FROM contact
    WHERE owner_id = in_owner AND id = v_id;
    IF COALESCE(v_box, 'hidden') = 'hidden' THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'CONTACT_NOT_FOUND';
    END IF;
    -- Repeats contact_revision_check, which would be the eleventh routine that a patch reaches; unlocked: the
    -- owner is locked
    SELECT rev INTO v_rev FROM contact_record WHERE owner_id = in_owner AND contact_id = v_id;
    IF COALESCE(v_rev, 0) <> in_rev THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'PRECONDITION_FAILED';
    END IF;

    IF JSON_EXISTS(in_contact, '$.custom') THEN
        SET v_custom_fields = JSON_COMPACT(
            shallow_merge(v_custom_fields, JSON_QUERY(in_contact, '$.custom'))
        );
        SET in_contact = JSON_SET(in_contact, '$.custom_fields', JSON_COMPACT(v_custom_fields));
    END IF;
    -- an import adds to the lists and to extra of a contact, so that several files may exceed the limits
    SET v_excess = CASE
        WHEN OCTET_LENGTH(v_custom_fields) > 65535 THEN 'custom_fields 65535 bytes'
        WHEN OCTET_LENGTH(JSON_COMPACT(JSON_QUERY(in_contact, '$.extra'))) > 65535 THEN 'extra 65535 bytes'
        WHEN JSON_LENGTH(in_contact, '$.email') > 100 THEN 'emails 100'
        WHEN JSON_LENGTH(in_contact, '$.mobile') > 100 THEN 'phones 100'
        WHEN JSON_LENGTH(in_contact, '$.address') > 100 THEN 'addresses 100'
        WHEN JSON_LENGTH(in_contact, '$.tags') > 1000 THEN 'tags 1000'
    END;
    IF v_excess IS NOT NULL THEN
        SET v_refusal = JSON_OBJECT(
            'code', 'TOO_LARGE', 'field', SUBSTRING_INDEX(v_excess, ' ', 1),
            'reason', CONCAT('more than ', SUBSTRING(v_excess, LOCATE(' ', v_excess) + 1))
        );
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = v_refusal;
    END IF;
    CALL contact_write(in_owner, v_id, in_contact, v_peer, 0, v_changed, v_former);

    IF JSON_EXISTS(in_contact, '$.display_name')
       OR JSON_EXISTS(in_contact, '$.firstname')
       OR JSON_EXISTS(in_contact, '$.lastname') THEN
        -- unlocked: contact_lock has locked it
        SELECT COUNT(*) INTO v_nameless_count
        FROM contact
        WHERE owner_id = in_owner AND id = v_id
          AND display_name IS NULL AND surname IS NULL AND firstname IS NULL AND lastname IS NULL;
        IF v_nameless_count = 1 THEN
            SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'NO_NAME';
        END IF;
    END IF;
    SELECT card INTO v_card FROM contact_stored WHERE owner_id = in_owner AND id = v_id;
    IF v_card IS NULL THEN
        SELECT data FROM contact_card WHERE owner_id = in_owner AND id = v_id;
    ELSE
        SELECT v_card AS data;
    END IF;
    CALL yp.user_sockets(in_owner, NULL);
    SELECT v_former AS data FROM DUAL WHERE v_former IS NOT NULL;
    SELECT record AS data, rev FROM contact_record WHERE owner_id = in_owner AND contact_id = v_id;
END$$
DELIMITER ;
