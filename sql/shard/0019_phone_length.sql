-- 0019: a number as long as an area code and a number of the RPC are together: the REST API shows the two as one, and must
-- be able to send back what it has read.
-- undo: ALTER TABLE contact_phone MODIFY COLUMN phone VARCHAR(64) NOT NULL; longer numbers must be gone first

ALTER TABLE contact_phone
    MODIFY COLUMN phone VARCHAR(81) NOT NULL;
