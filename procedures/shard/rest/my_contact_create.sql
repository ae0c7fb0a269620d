-- my_contact_create: add a contact for an API that needs no address.
--
-- Params:   in_owner     owner of the address book
--           in_contact   JSON as contact_write takes it, with from_api; at least one of
--                        display_name, firstname, lastname; words (contact_render_first)
-- Returns:  one row      data  JSON, the contact as the lists of the RPC show it (contact_card)
--           rows         node, sockets: open sockets of the owner
--           one row      data  JSON, the record; rev
-- Errors:   NO_NAME              none of the three names
--           SELF_CONTACT         an address of the owner
--           SAME_DOMAIN          a colleague in the organisation of the owner
--           MANY_DEFAULT_EMAIL   more than one default address
--           NO_DEFAULT_MAIL      addresses, but none is the default one
--           INVALID_PARAM        the same address twice, or a number that is too long
-- Excludes: ALREADY_IN_CONTACT   another contact may have the addresses, too
-- Needs:    a transaction
-- Example:  CALL my_contact_create('00000000000000a1', '{"from_api": 1, "firstname": "Ada"}');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_create(
    IN in_owner   CHAR(16) COLLATE ascii_bin,
    IN in_contact LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id CHAR(16) COLLATE ascii_bin DEFAULT LOWER(HEX(RANDOM_BYTES(8)));
    DECLARE v_no_id, v_peer CHAR(16) COLLATE ascii_bin;
    DECLARE v_rev BIGINT UNSIGNED;
    DECLARE v_changed INT UNSIGNED;
    DECLARE v_card, v_full LONGTEXT COLLATE utf8mb4_bin;
    DECLARE v_former, v_record LONGTEXT;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    IF COALESCE(NULLIF(JSON_VALUE(in_contact, '$.display_name'), ''),
                NULLIF(JSON_VALUE(in_contact, '$.firstname'), ''),
                NULLIF(JSON_VALUE(in_contact, '$.lastname'), '')) IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'NO_NAME';
    END IF;
    CALL contact_lock(in_owner, NULL, in_contact, v_no_id, v_peer);
    CALL contact_write(in_owner, v_id, in_contact, v_peer, 2, v_changed, v_former);
    CALL contact_render_first(in_owner, v_id, in_contact, v_rev, v_record, v_card, v_full);
    -- Repeats my_contact_patch, which reaches ten routines without one for this
    IF v_card IS NULL THEN
        SELECT data FROM contact_card WHERE owner_id = in_owner AND id = v_id;
    ELSE
        SELECT v_card AS data;
    END IF;
    CALL yp.user_sockets(in_owner, NULL);
    SELECT v_record AS data, v_rev AS rev;
END$$
DELIMITER ;
