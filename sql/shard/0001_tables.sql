-- 0001: what belongs to one entity (a person or a hub). Every table leads its primary key with owner_id,
-- so that the rows of one owner lie together and moving an owner is one range copy.
-- no undo: this is the first version of the schema; dropping it drops everything.

CREATE TABLE IF NOT EXISTS contact (
    owner_id    CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'whose address book',
    id          CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    entity      VARCHAR(255) COLLATE utf8mb4_bin NOT NULL COMMENT 'uid of a registered person, else his email',
    peer_id     CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'drumate behind the entity, when registered',
    uid         CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'peer_id once the relation is established',
    email       VARCHAR(255) COLLATE utf8mb4_bin NULL COMMENT 'default address, copied from contact_email for lists',
    surname     VARCHAR(255) NULL COMMENT 'nickname given by the owner',
    firstname   VARCHAR(255) NULL,
    lastname    VARCHAR(255) NULL,
    display     VARCHAR(255) AS (LEFT(COALESCE(
        NULLIF(surname, ''),
        NULLIF(TRIM(CONCAT(COALESCE(firstname, ''), ' ', COALESCE(lastname, ''))), ''),
        email,
        entity
    ), 255)) PERSISTENT COMMENT 'name that lists show and sort by',
    category    ENUM ('drumate', 'independant', 'social') NOT NULL DEFAULT 'independant',
    status      ENUM ('memory', 'sent', 'received', 'invitation', 'informed', 'active') NOT NULL DEFAULT 'memory',
    is_archived TINYINT NOT NULL DEFAULT 0,
    box         ENUM ('active', 'archived', 'hidden') AS (
        IF(status = 'received', 'hidden', IF(is_archived = 1, 'archived', 'active'))
    ) PERSISTENT COMMENT 'which list shows it; an invitation without an entry of mine is hidden',
    comment     TEXT NULL,
    message     TEXT NULL COMMENT 'text of the invitation: mine when sent, his when received',
    is_auto     TINYINT NOT NULL DEFAULT 0 COMMENT '1: names were derived, not typed by the owner',
    metadata    JSON NOT NULL DEFAULT '{}',
    invitetime  INT UNSIGNED NULL COMMENT 'when I last sent an invitation',
    ctime       INT UNSIGNED NOT NULL,
    mtime       INT UNSIGNED NOT NULL,
    PRIMARY KEY (owner_id, id),
    UNIQUE KEY by_entity (owner_id, entity),
    KEY by_name (owner_id, box, display, id),
    KEY by_date (owner_id, box, ctime, id),
    KEY by_status (owner_id, status, display, id),
    KEY by_peer (owner_id, peer_id)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS contact_email (
    owner_id   CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    id         CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    contact_id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    email      VARCHAR(255) COLLATE utf8mb4_bin NOT NULL COMMENT 'trimmed, lower case; one contact per address and owner',
    category   ENUM ('prof', 'priv') NOT NULL DEFAULT 'priv',
    is_default TINYINT NOT NULL DEFAULT 0,
    position   SMALLINT UNSIGNED NOT NULL,
    PRIMARY KEY (owner_id, id),
    UNIQUE KEY by_email (owner_id, email),
    KEY by_contact (owner_id, contact_id, position),
    FOREIGN KEY (owner_id, contact_id) REFERENCES contact (owner_id, id) ON DELETE CASCADE
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS contact_phone (
    owner_id   CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    id         CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    contact_id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    areacode   VARCHAR(16) NOT NULL DEFAULT '',
    phone      VARCHAR(64) NOT NULL,
    category   ENUM ('prof', 'priv') NOT NULL DEFAULT 'priv',
    is_default TINYINT NOT NULL DEFAULT 0,
    position   SMALLINT UNSIGNED NOT NULL,
    PRIMARY KEY (owner_id, id),
    KEY by_contact (owner_id, contact_id, position),
    FOREIGN KEY (owner_id, contact_id) REFERENCES contact (owner_id, id) ON DELETE CASCADE
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS contact_address (
    owner_id   CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    id         CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    contact_id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    street     VARCHAR(255) NOT NULL DEFAULT '',
    city       VARCHAR(255) NOT NULL DEFAULT '',
    country    VARCHAR(255) NOT NULL DEFAULT '',
    category   ENUM ('prof', 'priv') NOT NULL DEFAULT 'priv',
    is_default TINYINT NOT NULL DEFAULT 0,
    position   SMALLINT UNSIGNED NOT NULL,
    PRIMARY KEY (owner_id, id),
    KEY by_contact (owner_id, contact_id, position),
    FOREIGN KEY (owner_id, contact_id) REFERENCES contact (owner_id, id) ON DELETE CASCADE
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS contact_term (
    owner_id   CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    term       VARCHAR(64) COLLATE utf8mb4_unicode_520_ci NOT NULL COMMENT 'one word of a name, or an address',
    contact_id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    PRIMARY KEY (owner_id, term, contact_id),
    KEY by_contact (owner_id, contact_id, term),
    FOREIGN KEY (owner_id, contact_id) REFERENCES contact (owner_id, id) ON DELETE CASCADE
) ENGINE = InnoDB COMMENT 'words that searches find a contact by, case and accents ignored';

CREATE TABLE IF NOT EXISTS tag (
    owner_id      CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    tag_id        CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    parent_tag_id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NULL,
    name          VARCHAR(255) NOT NULL,
    position      INT NOT NULL DEFAULT 0,
    ctime         INT UNSIGNED NOT NULL,
    PRIMARY KEY (owner_id, tag_id),
    UNIQUE KEY by_name (owner_id, name),
    KEY by_parent (owner_id, parent_tag_id, position),
    FOREIGN KEY (owner_id, parent_tag_id) REFERENCES tag (owner_id, tag_id) ON DELETE CASCADE
) ENGINE = InnoDB COMMENT 'a tree of labels';

CREATE TABLE IF NOT EXISTS map_tag (
    owner_id  CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    tag_id    CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    entity_id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'contact or hub',
    category  ENUM ('contact', 'group') NOT NULL DEFAULT 'contact',
    PRIMARY KEY (owner_id, tag_id, entity_id),
    KEY by_entity (owner_id, entity_id),
    FOREIGN KEY (owner_id, tag_id) REFERENCES tag (owner_id, tag_id) ON DELETE CASCADE
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS contact_group (
    owner_id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    id       CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    name     VARCHAR(255) NOT NULL,
    comment  TEXT NULL,
    avatar   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
    ctime    INT UNSIGNED NOT NULL,
    mtime    INT UNSIGNED NOT NULL,
    PRIMARY KEY (owner_id, id),
    UNIQUE KEY by_name (owner_id, name)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS contact_group_member (
    owner_id   CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    group_id   CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    contact_id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    ctime      INT UNSIGNED NOT NULL,
    PRIMARY KEY (owner_id, group_id, contact_id),
    KEY by_contact (owner_id, contact_id),
    FOREIGN KEY (owner_id, group_id) REFERENCES contact_group (owner_id, id) ON DELETE CASCADE,
    FOREIGN KEY (owner_id, contact_id) REFERENCES contact (owner_id, id) ON DELETE CASCADE
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS message (
    owner_id     CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'whose copy',
    peer_id      CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'the other side of the conversation',
    message_id   CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'the same in both copies',
    author_id    CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    message_type ENUM ('chat', 'call') NOT NULL DEFAULT 'chat',
    message      TEXT NOT NULL,
    metadata     JSON NOT NULL DEFAULT '{}',
    is_read      TINYINT NOT NULL DEFAULT 0,
    ctime        INT UNSIGNED NOT NULL,
    PRIMARY KEY (owner_id, peer_id, message_id),
    KEY by_time (owner_id, peer_id, ctime),
    KEY by_unread (owner_id, is_read, peer_id)
) ENGINE = InnoDB COMMENT 'private conversations; each side holds its copy';

CREATE TABLE IF NOT EXISTS media (
    owner_id  CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    id        CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    parent_id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'NULL for the root',
    author_id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    filename  VARCHAR(255) NOT NULL,
    category  ENUM ('folder', 'schedule', 'image', 'document') NOT NULL DEFAULT 'folder',
    metadata  JSON NOT NULL DEFAULT '{}',
    ctime     INT UNSIGNED NOT NULL,
    mtime     INT UNSIGNED NOT NULL,
    PRIMARY KEY (owner_id, id),
    KEY by_parent (owner_id, parent_id)
) ENGINE = InnoDB COMMENT 'nodes: folders and scheduled meetings that rooms are made of';
