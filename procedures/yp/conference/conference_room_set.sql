-- conference_room_set: change the title and the limits of a room, as a host. NULL leaves a value as it is.
--
-- A host cannot raise a limit above that of the hub, else of the service. People inside stay inside.
--
-- Params:   in_sid         session of the caller; the socket must be bound to it
--           in_socket      socket of the caller
--           in_room        room
--           in_title       title; empty: the name of the node
--           in_people      participants at most; 0: as many as the hub allows
--           in_minutes     the room ends so long after its start; 0: as the hub allows
--           in_top_people    participants that the service allows; 0: any number
--           in_top_minutes   minutes that the service allows; 0: any number
-- Returns:  one row   data  JSON, room_card
--           rows      node, sockets: of everybody in the room
-- Errors:   WEAK_PRIVILEGE   the caller is no host of the room
--           LIMIT_TOO_HIGH   the hub or the service allows less
-- Needs:    a transaction
-- Example:  CALL conference_room_set('example-sid', 'example-socket', '00000000000000f2', 'Weekly', NULL,
--           NULL, 0, 0);
DELIMITER $$
CREATE OR REPLACE PROCEDURE conference_room_set(
    IN in_sid         VARCHAR(128) COLLATE ascii_bin,
    IN in_socket      VARCHAR(64) COLLATE ascii_bin,
    IN in_room        VARCHAR(64) COLLATE ascii_bin,
    IN in_title       VARCHAR(255),
    IN in_people      INT UNSIGNED,
    IN in_minutes     INT UNSIGNED,
    IN in_top_people  INT UNSIGNED,
    IN in_top_minutes INT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_hub CHAR(16) COLLATE ascii_bin;
    DECLARE v_level TINYINT UNSIGNED;
    DECLARE v_serial BIGINT UNSIGNED;
    DECLARE v_people, v_minutes INT UNSIGNED;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    CALL conference_command(in_sid, in_socket, in_room, v_hub, v_level, v_serial);
    SELECT conference_limit(settings, 'conference_people', in_top_people),
           conference_limit(settings, 'conference_minutes', in_top_minutes)
    INTO v_people, v_minutes
    FROM entity WHERE id = v_hub;
    IF (v_people > 0 AND in_people > v_people) OR (v_minutes > 0 AND in_minutes > v_minutes) THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'LIMIT_TOO_HIGH';
    END IF;

    UPDATE conference_room
    SET title = COALESCE(in_title, title),
        people = COALESCE(IF(in_people = 0, v_people, in_people), people),
        minutes = COALESCE(IF(in_minutes = 0, v_minutes, in_minutes), minutes)
    WHERE hub_id = v_hub AND id = in_room;
    SELECT data FROM room_card WHERE hub_id = v_hub AND room_id = in_room;
    CALL room_sockets(v_hub, in_room, NULL);
END$$
DELIMITER ;
