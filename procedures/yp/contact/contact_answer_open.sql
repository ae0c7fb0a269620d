-- contact_answer_open: begin to answer an invitation: find the inviter, lock the pair, record the activity.
--
-- When the answer is refused later, the transaction rolls the record back.
--
-- Params:   in_uid     user who answers
--           in_key     uid, email or user name of the inviter
--           in_event   activity to record (invite_accepted, invite_refused)
-- Returns:  one row    data  JSON: peer, db (shard of the peer), lang
-- Errors:   NOT_A_DRUMATE   no registered user has the key
-- Needs:    a transaction
-- Example:  CALL contact_answer_open('00000000000000a1', 'bob@example.net', 'invite_accepted');
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_answer_open(
    IN in_uid   CHAR(16) COLLATE ascii_bin,
    IN in_key   VARCHAR(255) COLLATE utf8mb4_bin,
    IN in_event VARCHAR(32) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_peer CHAR(16) COLLATE ascii_bin;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SELECT drumate_find(in_key) INTO v_peer;
    IF v_peer IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'NOT_A_DRUMATE';
    END IF;
    CALL contact_pair_lock(in_uid, v_peer, NULL);

    INSERT INTO contact_activity (uid, target_uid, event, data, ctime)
    SELECT in_uid, v_peer, in_event, JSON_OBJECT('email', me.email), UNIX_TIMESTAMP()
    FROM drumate AS me
    WHERE me.id = in_uid;
    CALL webhook_invitation(
        v_peer, in_uid, IF(in_event = 'invite_accepted', 'invitation.accepted', 'invitation.refused'), NULL
    );

    SELECT JSON_OBJECT('peer', v_peer, 'db', e.db_name, 'lang', d.lang) AS data
    FROM drumate AS d
    JOIN entity AS e ON e.id = d.id
    WHERE d.id = v_peer;
END$$
DELIMITER ;
