-- chat_room: show a private conversation as lists show it: the peer, and the last message.
-- See docs/frontend-contract.md#private-conversation.
--
-- Params:   in_owner     owner of the list
--           in_peer      the other side
--           in_contact   contact of the owner for the peer, or NULL
--           in_page      page that the row is on
-- Returns:  a value      JSON
-- Errors:   none
-- Example:  SELECT chat_room('00000000000000a1', '00000000000000b1', NULL, 1);
DELIMITER $$
CREATE OR REPLACE FUNCTION chat_room(
    in_owner   CHAR(16) COLLATE ascii_bin,
    in_peer    CHAR(16) COLLATE ascii_bin,
    in_contact CHAR(16) COLLATE ascii_bin,
    in_page    INT UNSIGNED
)
    RETURNS LONGTEXT
    NOT DETERMINISTIC
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    RETURN (
        SELECT JSON_OBJECT(
            'id', in_peer, 'entity_id', in_peer, 'hub_id', in_peer, 'drumate_id', in_peer, 'contact_id', c.id,
            'firstname', COALESCE(c.firstname, d.firstname), 'lastname', COALESCE(c.lastname, d.lastname),
            'surname', COALESCE(c.display, d.fullname), 'display', COALESCE(c.display, d.fullname),
            'flag', 'contact',
            'status', COALESCE(c.status,
                               IF(d.domain_id > 1 AND d.domain_id = me.domain_id, 'mate', 'nocontact')),
            'online', CASE
                WHEN c.uid IS NULL AND (d.domain_id = 1 OR d.domain_id <> me.domain_id) THEN 0
                WHEN yp.is_blocked(in_owner, in_peer) OR yp.is_blocked(in_peer, in_owner) THEN 0
                WHEN EXISTS (SELECT 1 FROM yp.conference AS r WHERE r.uid = in_peer) THEN 2
                WHEN EXISTS (SELECT 1 FROM yp.socket AS s WHERE s.uid = in_peer AND s.state <> 'idle') THEN 1
                ELSE 0
            END,
            'is_blocked', IF(yp.is_blocked(in_owner, in_peer), 1, 0),
            'is_blocked_me', IF(yp.is_blocked(in_peer, in_owner), 1, 0),
            'is_archived', COALESCE(c.is_archived, 0),
            'room_count', (
                SELECT COUNT(*) FROM message AS u
                WHERE u.owner_id = in_owner AND u.is_read = 0 AND u.peer_id = in_peer
            ),
            'message_id', m.message_id, 'author_id', m.author_id, 'message', COALESCE(m.message, ''),
            'message_type', m.message_type, 'metadata', CAST(COALESCE(m.metadata, '{}') AS CHAR),
            'ctime', m.ctime, 'is_attachment', IF(JSON_LENGTH(m.metadata, '$.attachment') > 0, 1, 0),
            'page', in_page + 0
        )
        FROM yp.drumate AS d
        JOIN yp.drumate AS me ON me.id = in_owner
        LEFT JOIN contact AS c ON c.owner_id = in_owner AND c.id = in_contact
        LEFT JOIN message AS m ON m.owner_id = in_owner AND m.peer_id = in_peer
        WHERE d.id = in_peer
        ORDER BY m.ctime DESC, m.message_id DESC
        LIMIT 1
    );
END$$
DELIMITER ;
