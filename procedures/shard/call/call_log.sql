-- call_log: log a call in the copy of one side of a conversation. There is one entry for each id: the first
-- event counts, but a call that took place (leave) replaces one that did not, and a longer one a shorter one.
-- A missed call has the status cancel, which is the word of the frontend for it, and `cause` missed in its
-- metadata.
--
-- Params:   in_owner      owner of the copy
--           in_peer       the other side
--           in_message    id of the entry, the same in both copies
--           in_author     caller
--           in_event      cancel, reject, decline, leave or missed
--           in_duration   milliseconds
--           in_invited    1: an invitation proves the call; 0: the peer must be a contact or a colleague
-- Returns:  one row    data  JSON for the push chat.post
--           rows       node, sockets: open sockets of the owner
--           nothing when the entry stays as it is
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL call_log('00000000000000a1', '00000000000000b1', '00000000000000d1', '00000000000000a1',
--                         'leave', 61000, 1);
DELIMITER $$
CREATE OR REPLACE PROCEDURE call_log(
    IN in_owner    CHAR(16) COLLATE ascii_bin,
    IN in_peer     CHAR(16) COLLATE ascii_bin,
    IN in_message  CHAR(16) COLLATE ascii_bin,
    IN in_author   CHAR(16) COLLATE ascii_bin,
    IN in_event    VARCHAR(16) COLLATE ascii_bin,
    IN in_duration BIGINT UNSIGNED,
    IN in_invited  TINYINT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_status VARCHAR(16) COLLATE ascii_bin DEFAULT IF(in_event = 'missed', 'cancel', in_event);
    DECLARE v_before VARCHAR(16) COLLATE ascii_bin;
    DECLARE v_duration BIGINT UNSIGNED;
    DECLARE v_known, v_write TINYINT DEFAULT 0;
    DECLARE v_room, v_total INT UNSIGNED;
    DECLARE v_metadata, v_entity LONGTEXT;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SET v_known = in_invited = 1 OR EXISTS (
        SELECT 1 FROM contact WHERE owner_id = in_owner AND peer_id = in_peer AND uid = in_peer
    ) OR EXISTS (
        SELECT 1
        FROM yp.drumate AS me
        JOIN yp.drumate AS peer ON peer.domain_id = me.domain_id AND peer.id = in_peer
        WHERE me.id = in_owner AND me.domain_id > 1
    );

    SELECT JSON_VALUE(metadata, '$.call_status'), JSON_VALUE(metadata, '$.duration')
    INTO v_before, v_duration
    FROM message
    WHERE owner_id = in_owner AND peer_id = in_peer AND message_id = in_message
    FOR UPDATE;
    SET v_write = v_known AND (
        v_before IS NULL OR (in_event = 'leave' AND (v_before <> 'leave' OR v_duration < in_duration))
    );

    IF v_write THEN
        SET v_metadata = JSON_OBJECT(
            'message_type', 'call', 'call_status', v_status, 'duration', in_duration + 0,
            'role', IF(in_author = in_owner, 'caller', 'callee')
        );
        IF in_event = 'missed' THEN
            SET v_metadata = JSON_INSERT(v_metadata, '$.cause', 'missed');
        END IF;
        INSERT INTO message (owner_id, peer_id, message_id, author_id, message_type, message, metadata,
                             is_read, is_seen, ctime)
        VALUES (in_owner, in_peer, in_message, in_author, 'call', 'call', v_metadata,
                IF(in_author = in_owner, 1, 0), IF(in_author = in_owner, 0, 1), v_now)
        -- Two at once see no entry above: the rule counts again for the one that comes second.
        ON DUPLICATE KEY UPDATE metadata = IF(
            in_event = 'leave' AND (JSON_VALUE(message.metadata, '$.call_status') <> 'leave'
                                    OR JSON_VALUE(message.metadata, '$.duration') < in_duration),
            v_metadata, message.metadata
        );

        SET v_room = (
            SELECT COUNT(*) FROM message WHERE owner_id = in_owner AND is_read = 0 AND peer_id = in_peer
        );
        SET v_total = (SELECT COUNT(*) FROM message WHERE owner_id = in_owner AND is_read = 0);
        SET v_entity = COALESCE(
            (
                SELECT k.data
                FROM contact AS c
                JOIN contact_card AS k ON k.owner_id = c.owner_id AND k.id = c.id
                WHERE c.owner_id = in_owner AND c.peer_id = in_peer AND c.uid = in_peer
                LIMIT 1
            ),
            (
                SELECT JSON_OBJECT(
                    'id', d.id, 'uid', d.id, 'entity', d.id, 'entity_id', d.id, 'drumate_id', d.id,
                    'firstname', d.firstname, 'lastname', d.lastname, 'username', d.username,
                    'status', 'nocontact'
                )
                FROM yp.drumate AS d WHERE d.id = in_peer
            ),
            '{}'
        );

        SELECT JSON_OBJECT(
            'message_id', m.message_id, 'author_id', m.author_id, 'entity_id', m.peer_id,
            'peer_id', m.peer_id, 'message', m.message, 'message_type', m.message_type, 'ctime', m.ctime,
            'metadata', v_metadata, 'is_attachment', 0, 'call_status', v_status,
            'call_duration', in_duration + 0, 'entity', JSON_COMPACT(v_entity), 'room', v_room + 0,
            'total', v_total + 0, 'to_id', m.owner_id
        ) AS data
        FROM message AS m
        WHERE m.owner_id = in_owner AND m.peer_id = in_peer AND m.message_id = in_message;
        CALL yp.user_sockets(in_owner, NULL);
    END IF;
END$$
DELIMITER ;
