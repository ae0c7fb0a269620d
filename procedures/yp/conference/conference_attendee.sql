-- conference_attendee: find the participant who has an endpoint id, for callers who share a room or a hub
-- with them. A guest must be in the room; who waits at its door sees nobody, and is seen by nobody.
--
-- Params:   in_sid           session of the caller
--           in_participant   endpoint id, from conference.update
--           in_hub           hub to look in, or NULL for all
--           in_room          room to look in, or NULL for all
-- Returns:  at most one row  data  JSON, attendee row
-- Errors:   none
-- Example:  CALL conference_attendee('example-sid', 'abcd1234', NULL, NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE conference_attendee(
    IN in_sid         VARCHAR(128) COLLATE ascii_bin,
    IN in_participant VARCHAR(64) COLLATE ascii_bin,
    IN in_hub         VARCHAR(64) COLLATE ascii_bin,
    IN in_room        VARCHAR(64) COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_session CHAR(64) COLLATE ascii_bin DEFAULT SHA2(in_sid, 256);

    SELECT a.data
    FROM attendee_card AS a
    JOIN session AS me ON me.id = v_session AND me.expiry > v_now
    WHERE a.participant_id = in_participant
      AND a.status = 'started'
      AND a.hub_id = COALESCE(in_hub, a.hub_id)
      AND a.room_id = COALESCE(in_room, a.room_id)
      AND (
        EXISTS (
            SELECT 1
            FROM socket AS s
            JOIN conference AS own ON own.socket_id = s.id
            WHERE s.session_id = me.id AND own.hub_id = a.hub_id AND own.room_id = a.room_id
              AND own.status = 'started'
        )
        OR EXISTS (
            SELECT 1
            FROM permission AS p
            JOIN drumate AS d ON d.id = p.entity_id
            WHERE p.hub_id = a.hub_id
              AND p.resource_id IN ('*', a.room_id)
              AND p.entity_id = me.uid
              AND p.level >= 2
              AND (p.expiry = 0 OR p.expiry > v_now)
              -- a lock hides the room from members, too
              AND NOT EXISTS (
                SELECT 1
                FROM socket AS s
                JOIN conference AS own ON own.socket_id = s.id
                WHERE s.session_id = me.id AND own.hub_id = a.hub_id AND own.room_id = a.room_id
                  AND own.status = 'waiting'
              )
        )
      )
    ORDER BY a.ctime DESC
    LIMIT 1;
END$$
DELIMITER ;
