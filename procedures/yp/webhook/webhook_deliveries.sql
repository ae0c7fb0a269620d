-- webhook_deliveries: list the events of a subscription, newest first.
--
-- Params:   in_uid      owner; '' for the site
--           in_id       subscription
--           in_before   only events before this one; NULL: the newest
--           in_limit    rows at most
-- Returns:  rows        data  JSON: see webhook_delivery_card
-- Errors:   WEBHOOK_NOT_FOUND   there is no such subscription
-- Example:  CALL webhook_deliveries('00000000000000a1', '0000000000000d01', NULL, 20);
DELIMITER $$
CREATE OR REPLACE PROCEDURE webhook_deliveries(
    IN in_uid    CHAR(16) COLLATE ascii_bin,
    IN in_id     CHAR(16) COLLATE ascii_bin,
    IN in_before BIGINT UNSIGNED,
    IN in_limit  INT UNSIGNED
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_before BIGINT UNSIGNED DEFAULT COALESCE(in_before, ~0);

    IF NOT EXISTS (SELECT 1 FROM webhook WHERE id = in_id AND uid = in_uid) THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'WEBHOOK_NOT_FOUND';
    END IF;

    SELECT c.data
    FROM (
        SELECT d.id
        FROM webhook_delivery AS d FORCE INDEX (by_webhook)
        WHERE d.webhook_id = in_id AND d.id < v_before
        ORDER BY d.id DESC
        LIMIT in_limit
    ) AS p
    JOIN webhook_delivery_card AS c ON c.id = p.id
    ORDER BY p.id DESC;
END$$
DELIMITER ;
