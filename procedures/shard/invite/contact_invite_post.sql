-- contact_invite_post: the invited person's side of an invitation (contract 3.2). The pair is locked.
--
-- Nobody in the book: received. An entry: invitation. He had invited the inviter: both are related, he as
-- informed. A block by him, or a relation that stands, leaves his side as it is.
--
-- Params:   in_owner      who is invited
--           in_inviter    by whom
--           in_message    the inviter's words, or NULL
--           in_asked      when his request arrived, microseconds since 1970
--           in_greetings  JSON, see contact_greet: the first words of both, should this establish the relation
-- Returns:  one row       data  JSON: status (of the inviter's entry from now on), changed (1: the owner has news),
--                               greetings (NULL, or what to give the inviter's side)
--           rows          data  the greetings as the owner sees them
--           at most one row  data  what the owner is told
--           rows          node, sockets: the owner's open sockets
-- Errors:   none
-- Example:  CALL contact_invite_post('00000000000000a1', '00000000000000b1', 'Hello', 0, '[]');
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_invite_post(
    IN in_owner     CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_inviter   CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_message   TEXT,
    IN in_asked     BIGINT UNSIGNED,
    IN in_greetings LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin;
    DECLARE v_before, v_mine VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin;
    DECLARE v_message TEXT;
    DECLARE v_greetings LONGTEXT;
    DECLARE v_sent BIGINT UNSIGNED;
    DECLARE v_changed TINYINT DEFAULT 1;

    SELECT my_contact_of(in_owner, in_inviter) INTO v_id;
    SELECT status, message, changed INTO v_before, v_message, v_sent
    FROM contact
    WHERE owner_id = in_owner AND id = v_id
    FOR UPDATE;

    SET v_mine = CASE v_before WHEN 'sent' THEN 'active' WHEN 'informed' THEN 'active' WHEN 'active' THEN 'informed'
        ELSE 'sent' END;

    IF v_before IS NULL THEN
        CALL contact_received(in_owner, in_inviter, in_message);
    ELSEIF v_before = 'sent' THEN
        CALL contact_relate(in_owner, v_id, in_inviter, 'informed');
        SET v_greetings = greetings_with(in_greetings, v_message);
        IF v_sent >= in_asked THEN
            UPDATE contact SET metadata = JSON_SET(metadata, '$.crossed', now_us() + 0)
            WHERE owner_id = in_owner AND id = v_id;
        END IF;
    ELSEIF v_before IN ('memory', 'received', 'invitation') THEN
        SET v_changed = IF(v_before = 'memory', 1, 0);
        CALL contact_relate(in_owner, v_id, in_inviter, IF(v_before = 'memory', 'invitation', v_before));
        UPDATE contact SET message = in_message WHERE owner_id = in_owner AND id = v_id;
    ELSE
        SET v_changed = 0;
    END IF;

    SELECT JSON_OBJECT('status', v_mine, 'changed', v_changed + 0, 'greetings', v_greetings) AS data;
    CALL contact_greet(in_owner, in_inviter, v_greetings);
    CALL contact_notification_by_entity(in_owner, in_inviter);
END$$
DELIMITER ;
