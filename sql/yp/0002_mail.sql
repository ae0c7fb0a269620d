-- 0002: who wants no invitation mails, and the look at what one person mailed to one address lately.
-- undo: DROP TABLE mail_optout; ALTER TABLE mail_outbox DROP KEY by_sender;

CREATE TABLE IF NOT EXISTS mail_optout (
    email VARCHAR(255) COLLATE utf8mb4_bin NOT NULL,
    ctime INT UNSIGNED NOT NULL,
    PRIMARY KEY (email)
) ENGINE = InnoDB COMMENT 'addresses that asked for no more invitation mails';

ALTER TABLE mail_outbox ADD KEY IF NOT EXISTS by_sender (sender_id, recipient, ctime);
