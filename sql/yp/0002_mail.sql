-- 0002: which process sends a mail; who wants no invitation mails; the look at what one person mailed to one
-- address lately.
-- undo: DROP TABLE mail_optout; ALTER TABLE mail_outbox DROP KEY by_sender, DROP KEY by_claim, DROP COLUMN claim;

CREATE TABLE IF NOT EXISTS mail_optout (
    email VARCHAR(255) COLLATE utf8mb4_bin NOT NULL,
    ctime INT UNSIGNED NOT NULL,
    PRIMARY KEY (email)
) ENGINE = InnoDB COMMENT 'addresses that asked for no more invitation mails';

ALTER TABLE mail_outbox
    ADD COLUMN IF NOT EXISTS claim CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'batch of the process that sends it now',
    ADD KEY IF NOT EXISTS by_sender (sender_id, recipient, ctime),
    ADD KEY IF NOT EXISTS by_claim (claim);
