-- conference_vacate: end the participation of a socket in one room or in all its rooms (conference_unseat).
--
-- Rooms are locked in the order of their ids, so that two sockets that leave at once never wait for each
-- other in a circle.
--
-- Params:   in_socket   socket that leaves
--           in_room     room, or NULL for all
--           in_lost     1: its connection was lost, and its grace period is over
-- Returns:  the two sets of conference_unseat for each room that the socket leaves
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL conference_vacate('example-socket', NULL, 1);
DELIMITER $$
CREATE OR REPLACE PROCEDURE conference_vacate(
    IN in_socket VARCHAR(64) COLLATE ascii_bin,
    IN in_room   VARCHAR(64) COLLATE ascii_bin,
    IN in_lost   TINYINT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_left INT UNSIGNED;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    FOR r IN (
        -- unlocked: the rooms are locked before their participants; each is read again in there
        SELECT hub_id, room_id
        FROM conference
        WHERE socket_id = in_socket AND (in_room IS NULL OR room_id = in_room)
        ORDER BY hub_id, room_id
    ) DO
        CALL conference_unseat(r.hub_id, r.room_id, in_socket, in_lost, v_left);
    END FOR;
END$$
DELIMITER ;
