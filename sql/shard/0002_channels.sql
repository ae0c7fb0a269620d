-- 0002: conversations of hubs. A hub has one copy of each message, and notes for each member what they have
-- read and hidden.
--
-- undo: DROP TABLE channel_hidden, channel_reader;
-- undo: ALTER TABLE message COMMENT 'private conversations; each side has its own copy';

ALTER TABLE message
    MODIFY COLUMN peer_id CHAR(16) COLLATE ascii_bin NOT NULL
        COMMENT 'the other side; in a hub: the hub again',
    COMMENT 'conversations: each side has its own copy, a hub has one';

CREATE TABLE IF NOT EXISTS channel_reader (
    owner_id   CHAR(16) COLLATE ascii_bin NOT NULL COMMENT 'hub',
    uid        CHAR(16) COLLATE ascii_bin NOT NULL,
    read_until INT UNSIGNED NOT NULL COMMENT 'unix time of the newest message that the member has read',
    PRIMARY KEY (owner_id, uid)
) ENGINE = InnoDB COMMENT 'what each member of a hub has read';

CREATE TABLE IF NOT EXISTS channel_hidden (
    owner_id   CHAR(16) COLLATE ascii_bin NOT NULL COMMENT 'hub',
    uid        CHAR(16) COLLATE ascii_bin NOT NULL,
    message_id CHAR(16) COLLATE ascii_bin NOT NULL,
    PRIMARY KEY (owner_id, uid, message_id),
    KEY by_message (owner_id, message_id)
) ENGINE = InnoDB COMMENT 'messages of a hub that a member has deleted for themselves';
