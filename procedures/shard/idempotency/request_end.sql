-- request_end: store the answer to a request that request_begin has admitted.
--
-- Params:   in_owner    user who sends the request
--           in_id       SHA-256 of the path and the key, hex
--           in_answer   JSON
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL request_end('00000000000000a1', SHA2('/contacts example', 256), '{}');
DELIMITER $$
CREATE OR REPLACE PROCEDURE request_end(
    IN in_owner  CHAR(16) COLLATE ascii_bin,
    IN in_id     CHAR(64) COLLATE ascii_bin,
    IN in_answer MEDIUMTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    UPDATE request_once SET answer = in_answer WHERE owner_id = in_owner AND id = in_id;
END$$
DELIMITER ;
