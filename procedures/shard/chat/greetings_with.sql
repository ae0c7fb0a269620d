-- greetings_with: put the text of the invitation, if any, in place of the first of two greetings.
--
-- Params:   in_greetings   JSON array, see contact_greet
--           in_message     text of the invitation, or NULL
-- Returns:  a value        JSON array, or NULL
-- Errors:   none
-- Example:  SELECT greetings_with('[{"message": "Hello"}]', 'Nice to meet you');
DELIMITER $$
CREATE OR REPLACE FUNCTION greetings_with(
    in_greetings LONGTEXT,
    in_message   TEXT
)
    RETURNS LONGTEXT
    DETERMINISTIC
    NO SQL
    SQL SECURITY DEFINER
BEGIN
    RETURN IF(COALESCE(in_message, '') = '', in_greetings,
              JSON_REPLACE(in_greetings, '$[0].message', in_message));
END$$
DELIMITER ;
