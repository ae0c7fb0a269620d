-- 0009: find what reports of imports say about one contact, so that its permanent deletion removes it.
--
-- undo: ALTER TABLE import_entry DROP KEY by_contact;

ALTER TABLE import_entry
    ADD KEY IF NOT EXISTS by_contact (owner_id, contact_id);
