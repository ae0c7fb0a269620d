-- 0009: a participant without its socket cannot exist: whatever forgets a socket ends its participations.
-- undo: ALTER TABLE conference DROP FOREIGN KEY conference_of_socket;

DELETE FROM conference WHERE NOT EXISTS (SELECT 1 FROM socket AS s WHERE s.id = conference.socket_id);
DELETE FROM conference_room WHERE NOT EXISTS (
    SELECT 1 FROM conference AS c WHERE c.hub_id = conference_room.hub_id AND c.room_id = conference_room.id
);

ALTER TABLE conference
    ADD CONSTRAINT conference_of_socket FOREIGN KEY IF NOT EXISTS (socket_id) REFERENCES socket (id) ON DELETE CASCADE;
