-- 0011: pictures that were replaced stay for as long as the history, so that a revert brings them back.
--
-- no undo: several pictures of a contact do not fit the former key; delete those with replaced_at first

ALTER TABLE contact_picture
    ADD COLUMN IF NOT EXISTS replaced_at INT UNSIGNED NULL
        COMMENT 'since when the contact has another picture, or none; NULL: this is its picture',
    DROP PRIMARY KEY,
    ADD PRIMARY KEY (owner_id, contact_id, hash),
    ADD KEY IF NOT EXISTS by_age (owner_id, replaced_at),
    COMMENT 'pictures of contacts, also former ones; contact_render deletes those of a purged contact';
