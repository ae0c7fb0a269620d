-- dmz_link_create: create a link that lets guests without an account into one room. The same secret again
-- changes its title and its end.
--
-- Params:   in_hub      hub of the room
--           in_room     room, or NULL for the hub's home
--           in_token    secret in the link, random; only its hash is stored
--           in_title    name of the meeting for guests, or NULL
--           in_expiry   unix seconds, 0 for never; NULL: as it is, never for a new link
-- Returns:  one row     hub_id, room_id
-- Errors:   HUB_NOT_FOUND   no such hub, or its area is neither dmz nor public
-- Needs:    a transaction
-- Example:  CALL dmz_link_create('00000000000000f3', NULL, 'example-token', 'Example', 0);
DELIMITER $$
CREATE OR REPLACE PROCEDURE dmz_link_create(
    IN in_hub    VARCHAR(64) COLLATE ascii_bin,
    IN in_room   VARCHAR(64) COLLATE ascii_bin,
    IN in_token  VARCHAR(128) COLLATE ascii_bin,
    IN in_title  VARCHAR(255),
    IN in_expiry INT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_room VARCHAR(64) COLLATE ascii_bin;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SELECT COALESCE(in_room, home_id) INTO v_room
    FROM entity
    WHERE id = in_hub AND area IN ('dmz', 'public') AND status = 'active';

    IF v_room IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'HUB_NOT_FOUND';
    END IF;

    INSERT INTO dmz_link (id, hub_id, room_id, title, expiry, ctime)
    VALUES (SHA2(in_token, 256), in_hub, v_room, COALESCE(in_title, ''), COALESCE(in_expiry, 0),
            UNIX_TIMESTAMP())
    ON DUPLICATE KEY UPDATE title = VALUE(title), expiry = COALESCE(in_expiry, expiry);

    SELECT in_hub AS hub_id, v_room AS room_id;
END$$
DELIMITER ;
