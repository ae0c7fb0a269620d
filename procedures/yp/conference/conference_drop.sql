-- conference_drop: remove a socket from one room or from all its rooms, because it leaves or is taken out.
--
-- Params:   in_socket   socket that leaves
--           in_room     room, or NULL for all
-- Returns:  the two sets of conference_vacate for each room that the socket leaves
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL conference_drop('example-socket', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE conference_drop(
    IN in_socket VARCHAR(64) COLLATE ascii_bin,
    IN in_room   VARCHAR(64) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    CALL conference_vacate(in_socket, in_room, 0);
END$$
DELIMITER ;
