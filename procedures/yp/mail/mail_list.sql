-- mail_list: list mails that were not sent, newest first.
--
-- Params:   in_limit   mails at most
-- Returns:  rows       data  JSON: id, email, template, lang, data, status, attempts, next_try, last_error,
--                      ctime
-- Errors:   none
-- Example:  CALL mail_list(50);
DELIMITER $$
CREATE OR REPLACE PROCEDURE mail_list(
    IN in_limit INT UNSIGNED
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT JSON_INSERT(c.data, '$.status', m.status, '$.attempts', m.attempts, '$.next_try', m.next_try,
                       '$.last_error', m.last_error, '$.ctime', m.ctime) AS data
    FROM mail_outbox AS m
    JOIN mail_card AS c ON c.id = m.id
    WHERE m.status <> 'sent'
    ORDER BY m.ctime DESC, m.id
    LIMIT in_limit;
END$$
DELIMITER ;
