-- contact_invite_post: write the invited user's side of an invitation. The caller has locked the pair.
--
-- See docs/frontend-contract.md#contact-status.
--
-- Without an entry for the inviter the status becomes received; with one, invitation. If the owner had
-- invited the inviter, both become related, the owner as informed. A block by the owner, or an existing
-- relation, leaves this side as it is.
--
-- Params:   in_owner      invited user
--           in_inviter    inviter
--           in_message    text of the inviter, or NULL
--           in_asked      time when the request arrived, microseconds since 1970
--           in_greetings  JSON, see contact_greet: used when this establishes the relation
-- Returns:  one row       data  JSON: status (new one of the inviter's entry), changed (1: the owner is
--                               notified), greetings (NULL, or those for the inviter's side)
--           rows          data  the greetings, for the owner
--           at most one row  data  push for the owner
--           rows          node, sockets: open sockets of the owner
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL contact_invite_post('00000000000000a1', '00000000000000b1', 'Hello', 0, '[]');
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_invite_post(
    IN in_owner     CHAR(16) COLLATE ascii_bin,
    IN in_inviter   CHAR(16) COLLATE ascii_bin,
    IN in_message   TEXT,
    IN in_asked     BIGINT UNSIGNED,
    IN in_greetings LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id CHAR(16) COLLATE ascii_bin;
    DECLARE v_old_status, v_inviter_status VARCHAR(16) COLLATE ascii_bin;
    DECLARE v_message TEXT;
    DECLARE v_greetings LONGTEXT;
    DECLARE v_status_changed BIGINT UNSIGNED;
    DECLARE v_changed TINYINT DEFAULT 1;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SELECT my_contact_of(in_owner, in_inviter) INTO v_id;
    SELECT status, message, changed INTO v_old_status, v_message, v_status_changed
    FROM contact
    WHERE owner_id = in_owner AND id = v_id
    FOR UPDATE;

    SET v_inviter_status = CASE v_old_status WHEN 'sent' THEN 'active' WHEN 'informed' THEN 'active'
        WHEN 'active' THEN 'informed'
        ELSE 'sent' END;

    IF v_old_status IS NULL THEN
        CALL contact_received(in_owner, in_inviter, in_message);
    ELSEIF v_old_status = 'sent' THEN
        CALL contact_relate(in_owner, v_id, in_inviter, 'informed');
        SET v_greetings = greetings_with(in_greetings, v_message);
        IF v_status_changed >= in_asked THEN
            UPDATE contact SET metadata = JSON_SET(metadata, '$.crossed', DEFAULT(changed))
            WHERE owner_id = in_owner AND id = v_id;
        END IF;
    ELSEIF v_old_status IN ('memory', 'received', 'invitation') THEN
        SET v_changed = IF(v_old_status = 'memory', 1, 0);
        CALL contact_relate(in_owner, v_id, in_inviter,
                            IF(v_old_status = 'memory', 'invitation', v_old_status));
        UPDATE contact SET message = in_message WHERE owner_id = in_owner AND id = v_id;
    ELSE
        SET v_changed = 0;
    END IF;

    SELECT JSON_OBJECT('status', v_inviter_status, 'changed', v_changed + 0,
                       'greetings', v_greetings) AS data;
    CALL contact_greet(in_owner, in_inviter, v_greetings);
    SELECT n.data FROM contact_notice AS n WHERE n.owner_id = in_owner AND n.peer_id = in_inviter;
    CALL yp.user_sockets(in_owner, NULL);
END$$
DELIMITER ;
