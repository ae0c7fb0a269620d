-- token_withdraw: void the link that a user sent to an address.
--
-- Params:   in_inviter   user who sent it
--           in_email     address
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL token_withdraw('00000000000000a1', 'x@example.com');
DELIMITER $$
CREATE OR REPLACE PROCEDURE token_withdraw(
    IN in_inviter CHAR(16) COLLATE ascii_bin,
    IN in_email   VARCHAR(255) COLLATE utf8mb4_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    UPDATE token SET status = 'expired'
    WHERE email = in_email AND method = 'signup' AND inviter_id = in_inviter AND status = 'active';
END$$
DELIMITER ;
