-- token_show: describe the link of an invitation mail, or of a mail for a new password, to the page that it
-- opens.
--
-- Params:   in_secret   secret of the link
-- Returns:  one row     data  JSON: method (signup or forgot_password), email (the address that the link was
--                             sent to), uid (the account with that address, or NULL), inviter (full name) and
--                             inviter_email (both NULL unless method is signup), name (first name by which
--                             the mail greets, or NULL), lang (of the account, or of the inviter), expiry
-- Errors:   INVALID_TOKEN    no such link
--           EXPIRIED_TOKEN   the link was used before, or is too old
-- Example:  CALL token_show('example-signup-secret');
DELIMITER $$
CREATE OR REPLACE PROCEDURE token_show(
    IN in_secret VARCHAR(255)
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id CHAR(64) COLLATE ascii_bin DEFAULT SHA2(in_secret, 256);
    DECLARE v_status VARCHAR(16) COLLATE ascii_bin;
    DECLARE v_expiry INT UNSIGNED;

    SELECT status, expiry INTO v_status, v_expiry FROM token WHERE id = v_id;
    IF v_status IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'INVALID_TOKEN';
    ELSEIF v_status <> 'active' OR v_expiry <= UNIX_TIMESTAMP() THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'EXPIRIED_TOKEN';
    END IF;

    SELECT JSON_OBJECT(
        'method', t.method,
        'email', t.email,
        'uid', d.id,
        'inviter', IF(t.method = 'signup', i.fullname, NULL),
        'inviter_email', IF(t.method = 'signup', i.email, NULL),
        'name', (
            SELECT JSON_VALUE(m.data, '$.name')
            FROM mail_outbox AS m
            WHERE m.sender_id = t.inviter_id AND m.recipient = t.email
            ORDER BY m.ctime DESC
            LIMIT 1
        ),
        'lang', COALESCE(d.lang, i.lang),
        'expiry', t.expiry
    ) AS data
    FROM token AS t
    LEFT JOIN drumate AS d ON d.email = t.email
    LEFT JOIN drumate AS i ON i.id = t.inviter_id
    WHERE t.id = v_id;
END$$
DELIMITER ;
