-- my_contact_add: add an entry to the owner's address book, by address or by uid of a registered user.
--
-- Params:   in_owner     owner of the address book
--           in_contact   JSON: invitee_id or email (array of objects, one is_default), and
--                        other keys that contact_write takes; words (contact_render_first)
-- Returns:  one row      data  JSON, the full contact (contact_full)
--           rows         node, sockets: open sockets of the owner
-- Errors:   INVALID_DATA         both invitee_id and email, or neither
--           INVALID_INVITEE_ID   no user is registered under invitee_id
--           SELF_CONTACT         the owner
--           SAME_DOMAIN          a colleague in the organisation of the owner
--           ALREADY_IN_CONTACT   an entry for the user, or with one of the
--                                addresses, exists; the error names it
--           MANY_DEFAULT_EMAIL   more than one default address
--           NO_DEFAULT_MAIL      addresses, but none is the default one
--           INVALID_PARAM        the same address twice, a tag that does not exist,
--                                or a number that is too long
-- Needs:    a transaction
-- Example:  CALL my_contact_add('00000000000000a1',
--           '{"email": [{"email": "doc@example.com", "is_default": 1}]}');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_add(
    IN in_owner   CHAR(16) COLLATE ascii_bin,
    IN in_contact LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id CHAR(16) COLLATE ascii_bin DEFAULT LOWER(HEX(RANDOM_BYTES(8)));
    DECLARE v_no_id, v_peer CHAR(16) COLLATE ascii_bin;
    DECLARE v_is_by_email TINYINT DEFAULT COALESCE(JSON_LENGTH(in_contact, '$.email'), 0) > 0;
    DECLARE v_changed INT UNSIGNED;
    DECLARE v_former, v_record LONGTEXT;
    DECLARE v_card, v_full LONGTEXT COLLATE utf8mb4_bin;
    DECLARE v_rev BIGINT UNSIGNED;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    IF v_is_by_email = JSON_EXISTS(in_contact, '$.invitee_id') THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'INVALID_DATA';
    END IF;
    CALL contact_lock(in_owner, NULL, in_contact, v_no_id, v_peer);
    IF v_peer IS NULL AND NOT v_is_by_email THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'INVALID_INVITEE_ID';
    END IF;
    CALL contact_write(in_owner, v_id, in_contact, v_peer, 2, v_changed, v_former);
    CALL contact_render_first(in_owner, v_id, in_contact, v_rev, v_record, v_card, v_full);
    -- a text that waits for its tags, or none, as that of a user
    IF v_full IS NULL OR v_full LIKE '%[' THEN
        SELECT data FROM contact_full WHERE owner_id = in_owner AND id = v_id;
    ELSE
        SELECT v_full AS data;
    END IF;
    CALL yp.user_sockets(in_owner, NULL);
END$$
DELIMITER ;
