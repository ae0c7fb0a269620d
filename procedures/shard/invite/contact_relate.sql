-- contact_relate: set the status of an entry that stands for a registered user.
--
-- Params:   in_owner    owner of the address book
--           in_id       contact, locked by the caller
--           in_peer     user
--           in_status   received, sent, invitation, memory, informed or active; the last two establish the
--                       relation: the names and the address of the user fill those that the owner left out
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL contact_relate('00000000000000a1', '0000000000000c02', '00000000000000e1', 'sent');
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_relate(
    IN in_owner  CHAR(16) COLLATE ascii_bin,
    IN in_id     CHAR(16) COLLATE ascii_bin,
    IN in_peer   CHAR(16) COLLATE ascii_bin,
    IN in_status VARCHAR(16) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_related TINYINT DEFAULT IF(in_status IN ('informed', 'active'), 1, 0);
    DECLARE v_email, v_stored_email VARCHAR(255) COLLATE utf8mb4_bin;
    DECLARE v_firstname, v_lastname VARCHAR(255);
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SELECT email, NULLIF(firstname, ''), NULLIF(lastname, '') INTO v_email, v_firstname, v_lastname
    FROM yp.drumate
    WHERE id = in_peer;

    UPDATE contact
    SET changed = IF(status = in_status, changed, DEFAULT(changed)),
        status = in_status,
        entity = in_peer,
        peer_id = in_peer,
        uid = IF(v_related, in_peer, NULL),
        category = IF(v_related, 'drumate', category),
        lastname = CASE
            WHEN v_related AND (is_auto = 1
                                OR (NULLIF(firstname, '') IS NULL AND NULLIF(lastname, '') IS NULL))
            THEN v_lastname ELSE lastname END,
        firstname = CASE
            WHEN v_related AND (is_auto = 1 OR NULLIF(firstname, '') IS NULL) THEN v_firstname
            ELSE firstname END,
        is_auto = IF(v_related AND in_status = 'active', 0, is_auto),
        mtime = UNIX_TIMESTAMP()
    WHERE owner_id = in_owner AND id = in_id;

    IF v_related THEN
        -- unlocked: the row is locked by the UPDATE above
        SELECT email INTO v_stored_email FROM contact WHERE owner_id = in_owner AND id = in_id;
        IF v_stored_email IS NULL THEN
            INSERT INTO contact_email (owner_id, id, contact_id, email, category, is_default, position)
            VALUES (in_owner, LOWER(HEX(RANDOM_BYTES(8))), in_id, v_email, 'priv', 1, 1);
            UPDATE contact SET email = v_email WHERE owner_id = in_owner AND id = in_id;
        END IF;
    END IF;
    CALL contact_render_parts(in_owner, in_id, 'all', NULL);
END$$
DELIMITER ;
