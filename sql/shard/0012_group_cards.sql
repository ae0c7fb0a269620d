-- 0012: the card of a group beside the group, as that of a contact beside the contact.
--
-- undo: ALTER TABLE contact_group DROP COLUMN card;

ALTER TABLE contact_group
    ADD COLUMN IF NOT EXISTS card MEDIUMTEXT NULL
        COMMENT 'the card in which the group came, decoded and unfolded; NULL: none';
