-- contact_join: the side of somebody who followed the link of an invitation mail. The link is used up.
--
-- His entry about the inviter, if he has one, keeps what he noted. Others who invited his address are waiting
-- for his answer from now on.
--
-- Params:   in_owner      who joins
--           in_inviter    whose link
--           in_others     JSON array of objects with inviter: more people who invited him
--           in_greetings  JSON, see contact_greet
-- Returns:  one row       data  JSON, the full contact (my_contact_get)
--           rows          data  the greetings as the owner sees them
--           rows          node, sockets: the owner's open sockets
-- Errors:   none
-- Example:  CALL contact_join('00000000000000a1', '00000000000000b1', '[]', '[]');
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_join(
    IN in_owner     CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_inviter   CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_others    LONGTEXT,
    IN in_greetings LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id, v_other CHAR(16) CHARACTER SET ascii COLLATE ascii_bin;
    DECLARE v_turn INT UNSIGNED DEFAULT 0;

    SELECT my_contact_of(in_owner, in_inviter) INTO v_id;
    IF v_id IS NULL THEN
        CALL contact_received(in_owner, in_inviter, NULL);
        SELECT my_contact_of(in_owner, in_inviter) INTO v_id;
    END IF;
    CALL contact_relate(in_owner, v_id, in_inviter, 'active');

    WHILE v_turn < JSON_LENGTH(in_others) DO
        SET v_other = JSON_VALUE(in_others, CONCAT('$[', v_turn, '].inviter'));
        IF my_contact_of(in_owner, v_other) IS NULL THEN
            CALL contact_received(in_owner, v_other, NULL);
        END IF;
        SET v_turn = v_turn + 1;
    END WHILE;

    CALL my_contact_get(in_owner, v_id);
    CALL contact_greet(in_owner, in_inviter, in_greetings);
    CALL yp.user_sockets(in_owner, NULL);
END$$
DELIMITER ;
