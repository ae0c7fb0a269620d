-- contact_join: write the side of a user who followed the link of an invitation mail. The link is used up.
--
-- An existing entry for the inviter keeps its notes. Invitations by other users to this address now wait for
-- an answer.
--
-- Params:   in_owner      user who joins
--           in_inviter    inviter
--           in_others     JSON array of objects with inviter: other users who invited the address
--           in_greetings  JSON, see contact_greet
-- Returns:  one row       data  JSON, the full contact (contact_full)
--           rows          data  the greetings, for the owner
--           one row       data  JSON: push for the owner
--           rows          node, sockets: open sockets of the owner
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL contact_join('00000000000000a1', '00000000000000b1', '[]', '[]');
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_join(
    IN in_owner     CHAR(16) COLLATE ascii_bin,
    IN in_inviter   CHAR(16) COLLATE ascii_bin,
    IN in_others    LONGTEXT,
    IN in_greetings LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id, v_other_inviter CHAR(16) COLLATE ascii_bin;
    DECLARE v_index INT UNSIGNED DEFAULT 0;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SELECT my_contact_of(in_owner, in_inviter) INTO v_id;
    IF v_id IS NULL THEN
        CALL contact_received(in_owner, in_inviter, NULL);
        SELECT my_contact_of(in_owner, in_inviter) INTO v_id;
    END IF;
    CALL contact_relate(in_owner, v_id, in_inviter, 'active');

    WHILE v_index < JSON_LENGTH(in_others) DO
        SET v_other_inviter = JSON_VALUE(in_others, CONCAT('$[', v_index, '].inviter'));
        IF my_contact_of(in_owner, v_other_inviter) IS NULL THEN
            CALL contact_received(in_owner, v_other_inviter, NULL);
        END IF;
        SET v_index = v_index + 1;
    END WHILE;

    SELECT data FROM contact_full WHERE owner_id = in_owner AND id = v_id;
    CALL contact_greet(in_owner, in_inviter, in_greetings);
    CALL contact_notification_by_entity(in_owner, in_inviter);
END$$
DELIMITER ;
