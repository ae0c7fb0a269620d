-- 0008: phone numbers in international form, by which all writings of a number find each other. The heartbeat
-- fills the column (contact_phone_unknown), and makes the words of these contacts again.
--
-- undo: ALTER TABLE contact_phone DROP KEY by_international, DROP COLUMN international;

ALTER TABLE contact_phone
    ADD COLUMN IF NOT EXISTS international VARCHAR(16) COLLATE ascii_bin NULL
        COMMENT 'E.164 without the plus; empty: no such number; NULL: not known yet',
    ADD KEY IF NOT EXISTS by_international (international, owner_id);
