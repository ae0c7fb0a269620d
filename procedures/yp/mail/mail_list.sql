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
    SELECT JSON_OBJECT('id', id, 'email', recipient, 'template', template, 'lang', lang,
                       'data', JSON_COMPACT(data), 'status', status, 'attempts', attempts,
                       'next_try', next_try, 'last_error', last_error, 'ctime', ctime) AS data
    FROM mail_outbox
    WHERE status <> 'sent'
    ORDER BY ctime DESC, id
    LIMIT in_limit;
END$$
DELIMITER ;
