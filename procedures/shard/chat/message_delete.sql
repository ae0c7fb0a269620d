-- message_delete: delete messages from the owner's copy of their conversations.
--
-- The caller deletes the copies of the other sides with message_drop, in the same transaction.
--
-- Params:   in_owner      owner of the copy
--           in_messages   JSON array of message ids
--           in_option     me: only this copy; all: that of the other side as well
-- Returns:  rows          data  JSON, see message_drop
--           rows          node, sockets: open sockets of the owner
--           rows          data  JSON: owner_id, db, messages, see message_drop
--           rows          data  JSON: uid, db (shard), messages (ids): copies that in_option means besides
-- Errors:   INVALID_MESSAGES   the owner has no message of one of the ids
--           INVALID_OPTION     all, and somebody else wrote one of the messages
-- Needs:    a transaction
-- Example:  CALL message_delete('00000000000000a1', '[]', 'me');
DELIMITER $$
CREATE OR REPLACE PROCEDURE message_delete(
    IN in_owner    CHAR(16) COLLATE ascii_bin,
    IN in_messages LONGTEXT,
    IN in_option   VARCHAR(16) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_wanted, v_known, v_foreign INT UNSIGNED;
    DECLARE v_peers LONGTEXT;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SELECT COUNT(DISTINCT j.message_id), COUNT(DISTINCT m.message_id),
           COUNT(DISTINCT IF(m.author_id <> in_owner, m.message_id, NULL))
    INTO v_wanted, v_known, v_foreign
    FROM JSON_TABLE(in_messages, '$[*]' COLUMNS (
        message_id VARCHAR(64) COLLATE ascii_bin PATH '$'
    )) AS j
    LEFT JOIN message AS m ON m.owner_id = in_owner AND m.message_id = j.message_id
    FOR UPDATE;
    IF v_known < v_wanted THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'INVALID_MESSAGES';
    ELSEIF in_option = 'all' AND v_foreign > 0 THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'INVALID_OPTION';
    END IF;

    SELECT COALESCE(
        JSON_ARRAYAGG(DISTINCT JSON_OBJECT('uid', m.peer_id, 'message_id', m.message_id)), '[]'
    )
    INTO v_peers
    FROM JSON_TABLE(in_messages, '$[*]' COLUMNS (
        message_id CHAR(16) COLLATE ascii_bin PATH '$'
    )) AS j
    JOIN message AS m ON m.owner_id = in_owner AND m.message_id = j.message_id
    WHERE in_option = 'all'
    FOR UPDATE;

    CALL message_drop(in_owner, in_messages, NULL);
    SELECT JSON_OBJECT('uid', e.id, 'db', e.db_name, 'messages', JSON_ARRAYAGG(j.message_id)) AS data
    FROM JSON_TABLE(v_peers, '$[*]' COLUMNS (
        uid        CHAR(16) COLLATE ascii_bin PATH '$.uid',
        message_id CHAR(16) COLLATE ascii_bin PATH '$.message_id'
    )) AS j
    JOIN yp.entity AS e ON e.id = j.uid
    GROUP BY e.id, e.db_name;
END$$
DELIMITER ;
