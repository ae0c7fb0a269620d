-- contact_render: render the record of a contact with all of its lists, as contact_render_parts does.
--
-- For tools and for repairs by hand. Routines call contact_render_parts itself: one more routine would make
-- eleven that some writes reach.
--
-- Callers:  the command that mends relations (service/deploy/relations.py)
-- Params:   in_owner   owner of the address book
--           in_id      contact, in the address book, in the trash, or deleted
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL contact_render('00000000000000a1', '0000000000000c01');
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_render(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_id    CHAR(16) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    CALL contact_render_parts(in_owner, in_id, 'all', NULL);
END$$
DELIMITER ;
