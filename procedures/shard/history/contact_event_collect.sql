-- contact_event_collect: collect the changes that this transaction has written, for the subscriptions.
--
-- The service calls it at the end of a transaction, before contact_event_sign. A change that only the RPC
-- shows (private) is left out.
--
-- Callers:  the end of a transaction (service/store/database.py)
-- Params:   in_owner      owner of the address book
--           in_wanted     1: somebody has subscribed to the changes (webhook_wanted); 0: nothing is read
--           out_changes   JSON array of type and data, in the order of revisions; NULL: there is none
-- Returns:  nothing
-- Errors:   none
-- Example:  CALL contact_event_collect('00000000000000a1', 1, @changes);
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_event_collect(
    IN in_owner     CHAR(16) COLLATE ascii_bin,
    IN in_wanted    TINYINT,
    OUT out_changes LONGTEXT
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_signed_rev BIGINT UNSIGNED;

    IF in_wanted THEN
        -- unlocked: a transaction that has written events holds the lock of the ledger
        SELECT signed_rev INTO v_signed_rev FROM contact_ledger WHERE owner_id = in_owner;
        SELECT JSON_ARRAYAGG(JSON_OBJECT(
            'type',
            CONCAT('contact.', IF(e.event = 'purged' AND r.merged_into IS NOT NULL, 'merged', e.event)),
            -- as a text: JSON_TABLE, which reads it, finds no objects
            'data', CONCAT(JSON_OBJECT(
                'user_id', e.owner_id, 'contact', JSON_COMPACT(r.record), 'merged_into', r.merged_into
            ))
        ) ORDER BY e.rev) INTO out_changes
        FROM contact_event AS e
        JOIN contact_record AS r ON r.owner_id = e.owner_id AND r.contact_id = e.contact_id
        WHERE e.owner_id = in_owner AND e.rev > v_signed_rev AND e.writer = CONNECTION_ID()
          AND e.event <> 'private';
    END IF;
END$$
DELIMITER ;
