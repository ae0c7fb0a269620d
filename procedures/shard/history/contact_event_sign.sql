-- contact_event_sign: say who has caused the events that this transaction has written, and through which API.
--
-- The service calls it at the end of each transaction that has rendered records. Events of other connections
-- stay as they are: those of changes by hand are never signed.
--
-- Callers:  the end of a transaction (service/store/database.py)
-- Params:   in_owner        owner of the address book
--           in_actor        user who has sent the request, or NULL for the service itself
--           in_api          rpc, login-token, rest, carddav, shell, or system
--           in_change_set   id that all changes of a merge, an import or a revert have in common, or NULL
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL contact_event_sign('00000000000000a1', '00000000000000a1', 'rpc', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_event_sign(
    IN in_owner      CHAR(16) COLLATE ascii_bin,
    IN in_actor      CHAR(16) COLLATE ascii_bin,
    IN in_api        VARCHAR(16) COLLATE ascii_bin,
    IN in_change_set CHAR(16) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_rev, v_signed_rev BIGINT UNSIGNED;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- unlocked: a transaction that has written events holds the lock of the ledger
    SELECT rev, signed_rev INTO v_rev, v_signed_rev FROM contact_ledger WHERE owner_id = in_owner;
    IF v_rev > v_signed_rev THEN
        UPDATE contact_event
        SET actor = in_actor, api = in_api, change_set = in_change_set, writer = NULL
        WHERE owner_id = in_owner AND rev > v_signed_rev AND writer = CONNECTION_ID();
        UPDATE contact_ledger SET signed_rev = GREATEST(signed_rev, v_rev) WHERE owner_id = in_owner;
    END IF;
END$$
DELIMITER ;
