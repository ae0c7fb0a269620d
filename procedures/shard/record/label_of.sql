-- label_of: what an address or a number is called: by its label while that says the same as the category.
--
-- Params:   in_label      text, or NULL
--           in_category   prof or priv
--           in_private    what a private one is called when it has no label of its own
-- Returns:  a value       the label
-- Errors:   none
-- Example:  SELECT label_of('home', 'priv', 'personal');
DELIMITER $$
CREATE OR REPLACE FUNCTION label_of(
    in_label    VARCHAR(32),
    in_category VARCHAR(4),
    in_private  VARCHAR(8)
)
    RETURNS VARCHAR(32)
    DETERMINISTIC
    NO SQL
    SQL SECURITY DEFINER
BEGIN
    RETURN IF(in_label <> '' AND (LOWER(in_label) COLLATE utf8mb4_bin = 'work') = (in_category = 'prof'), in_label,
              IF(in_category = 'prof', 'work', in_private));
END$$
DELIMITER ;
