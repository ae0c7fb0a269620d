-- 0001: what belongs to one entity, a user or a hub.
--
-- Every primary key begins with owner_id, so that the rows of one owner lie together and a move to another
-- shard is one range copy. Ids and times are as in the registry (sql/yp).
-- no undo: this is the first version of the schema; dropping it drops everything.

-- Address books

CREATE TABLE IF NOT EXISTS contact (
    owner_id      CHAR(16) COLLATE ascii_bin NOT NULL COMMENT 'user whose address book it is',
    id            CHAR(16) COLLATE ascii_bin NOT NULL,
    entity        VARCHAR(255) COLLATE utf8mb4_bin NOT NULL
        COMMENT 'uid of a registered user, else the email address',
    peer_id       CHAR(16) COLLATE ascii_bin NULL COMMENT 'registered user behind the entity',
    uid           CHAR(16) COLLATE ascii_bin NULL COMMENT 'peer_id once the relation is established',
    email         VARCHAR(255) COLLATE utf8mb4_bin NULL
        COMMENT 'default address, copied from contact_email for lists',
    surname       VARCHAR(255) NULL COMMENT 'nickname given by the owner',
    display_name  VARCHAR(255) NULL COMMENT 'replaces all other names; NULL: derived',
    firstname     VARCHAR(255) NULL,
    lastname      VARCHAR(255) NULL,
    company       VARCHAR(255) NULL,
    job_title     VARCHAR(255) NULL,
    display       VARCHAR(255) AS (LEFT(COALESCE(
        NULLIF(surname, ''),
        NULLIF(display_name, ''),
        NULLIF(TRIM(CONCAT(COALESCE(firstname, ''), ' ', COALESCE(lastname, ''))), ''),
        email,
        NULLIF(company, ''),
        entity
    ), 255)) PERSISTENT COMMENT 'name that lists of the RPC show and sort by',
    full_name     VARCHAR(255) AS (LEFT(COALESCE(
        NULLIF(display_name, ''),
        NULLIF(TRIM(CONCAT(COALESCE(firstname, ''), ' ', COALESCE(lastname, ''))), ''),
        NULLIF(surname, ''),
        email,
        NULLIF(company, ''),
        entity
    ), 255)) VIRTUAL COMMENT 'name that the other APIs show',
    category      ENUM ('drumate', 'independant', 'social') NOT NULL DEFAULT 'independant',
    status        ENUM (
        'memory', 'sent', 'received', 'invitation', 'informed', 'active'
    ) NOT NULL DEFAULT 'memory',
    is_archived   TINYINT NOT NULL DEFAULT 0,
    deleted_at    INT UNSIGNED NULL COMMENT 'unix time of the move to the trash; NULL: not in the trash',
    box           ENUM ('active', 'archived', 'hidden', 'trash') AS (
        IF(deleted_at IS NOT NULL, 'trash',
           IF(status = 'received', 'hidden',
              IF(is_archived = 1, 'archived', 'active')))
    ) PERSISTENT COMMENT 'list that shows the entry; an invitation without an entry of the owner is hidden',
    comment       TEXT NULL,
    message       TEXT NULL COMMENT 'text of the invitation that was sent or received',
    is_auto       TINYINT NOT NULL DEFAULT 0 COMMENT '1: names were derived, not typed by the owner',
    metadata      JSON NOT NULL DEFAULT '{}',
    invitetime    INT UNSIGNED NULL COMMENT 'time of the last invitation that the owner sent',
    ctime         INT UNSIGNED NOT NULL,
    mtime         INT UNSIGNED NOT NULL,
    changed       BIGINT UNSIGNED NOT NULL DEFAULT (CAST(UNIX_TIMESTAMP(SYSDATE(6)) * 1000000 AS UNSIGNED))
        COMMENT 'last change of status, microseconds since 1970: tells crossing from late invitations',
    dismissed     BIGINT UNSIGNED NULL
        COMMENT 'value of changed when the owner removed the invitation from the notification center',
    origin        VARCHAR(32) AS (LEFT(JSON_VALUE(metadata, '$.from'), 32)) PERSISTENT
        COMMENT 'source: google, filemail, or what a REST client says; NULL: made here',
    avatar_path   VARCHAR(1024) NULL,
    custom_fields JSON NULL COMMENT 'an object, or NULL',
    source_id     VARCHAR(255) NULL COMMENT 'id in the source (origin)',
    synced_at     DATETIME(3) NULL COMMENT 'UTC; time of the last comparison with the source',
    PRIMARY KEY (owner_id, id),
    UNIQUE KEY by_entity (owner_id, entity),
    KEY by_name (owner_id, box, display, id),
    KEY by_date (owner_id, box, ctime, id),
    KEY by_status (owner_id, status, display, id),
    KEY by_peer (owner_id, peer_id),
    KEY by_origin (owner_id, origin, display, id)
) ENGINE = InnoDB COMMENT 'entries of address books';

CREATE TABLE IF NOT EXISTS contact_email (
    owner_id   CHAR(16) COLLATE ascii_bin NOT NULL,
    id         CHAR(16) COLLATE ascii_bin NOT NULL,
    contact_id CHAR(16) COLLATE ascii_bin NOT NULL,
    email      VARCHAR(255) COLLATE utf8mb4_bin NOT NULL COMMENT 'trimmed, lower case',
    category   ENUM ('prof', 'priv') NOT NULL DEFAULT 'priv',
    is_default TINYINT NOT NULL DEFAULT 0,
    position   SMALLINT UNSIGNED NOT NULL,
    label      VARCHAR(32) NULL COMMENT 'work, personal …; ignored when it contradicts the category',
    PRIMARY KEY (owner_id, contact_id, email),
    KEY by_address (owner_id, email),
    FOREIGN KEY (owner_id, contact_id) REFERENCES contact (owner_id, id) ON DELETE CASCADE
) ENGINE = InnoDB COMMENT 'addresses of contacts';

CREATE TABLE IF NOT EXISTS contact_phone (
    owner_id   CHAR(16) COLLATE ascii_bin NOT NULL,
    id         CHAR(16) COLLATE ascii_bin NOT NULL,
    contact_id CHAR(16) COLLATE ascii_bin NOT NULL,
    areacode   VARCHAR(16) NOT NULL DEFAULT '',
    phone      VARCHAR(81) NOT NULL
        COMMENT 'as long as an area code and a number together, which the REST API shows as one',
    category   ENUM ('prof', 'priv') NOT NULL DEFAULT 'priv',
    is_default TINYINT NOT NULL DEFAULT 0,
    position   SMALLINT UNSIGNED NOT NULL,
    label      VARCHAR(32) NULL COMMENT 'work, mobile …; ignored when it contradicts the category',
    PRIMARY KEY (owner_id, contact_id, id),
    FOREIGN KEY (owner_id, contact_id) REFERENCES contact (owner_id, id) ON DELETE CASCADE
) ENGINE = InnoDB COMMENT 'phone numbers of contacts';

CREATE TABLE IF NOT EXISTS contact_address (
    owner_id    CHAR(16) COLLATE ascii_bin NOT NULL,
    id          CHAR(16) COLLATE ascii_bin NOT NULL,
    contact_id  CHAR(16) COLLATE ascii_bin NOT NULL,
    street      VARCHAR(255) NOT NULL DEFAULT '',
    city        VARCHAR(255) NOT NULL DEFAULT '',
    state       VARCHAR(255) NOT NULL DEFAULT '',
    postal_code VARCHAR(32) NOT NULL DEFAULT '',
    country     VARCHAR(255) NOT NULL DEFAULT '',
    category    ENUM ('prof', 'priv') NOT NULL DEFAULT 'priv',
    is_default  TINYINT NOT NULL DEFAULT 0,
    position    SMALLINT UNSIGNED NOT NULL,
    label       VARCHAR(32) NULL COMMENT 'work, home …; ignored when it contradicts the category',
    PRIMARY KEY (owner_id, contact_id, id),
    FOREIGN KEY (owner_id, contact_id) REFERENCES contact (owner_id, id) ON DELETE CASCADE
) ENGINE = InnoDB COMMENT 'postal addresses of contacts';

CREATE TABLE IF NOT EXISTS contact_relation_aside (
    owner_id   CHAR(16) COLLATE ascii_bin NOT NULL COMMENT 'user whose trash it is',
    id         CHAR(16) COLLATE ascii_bin NOT NULL COMMENT 'id of the contact',
    entity     VARCHAR(255) COLLATE utf8mb4_bin NOT NULL,
    peer_id    CHAR(16) COLLATE ascii_bin NULL,
    uid        CHAR(16) COLLATE ascii_bin NULL,
    status     ENUM ('memory', 'sent', 'received', 'invitation', 'informed', 'active') NOT NULL,
    is_blocked TINYINT NOT NULL DEFAULT 0,
    PRIMARY KEY (owner_id, id),
    KEY by_peer (owner_id, peer_id),
    FOREIGN KEY (owner_id, id) REFERENCES contact (owner_id, id) ON DELETE CASCADE
) ENGINE = InnoDB COMMENT 'relations of contacts in the trash, which they get back when they are restored';

CREATE TABLE IF NOT EXISTS contact_picture (
    owner_id   CHAR(16) COLLATE ascii_bin NOT NULL,
    contact_id CHAR(16) COLLATE ascii_bin NOT NULL,
    type       VARCHAR(32) COLLATE ascii_bin NOT NULL COMMENT 'media type, detected from the content',
    hash       CHAR(64) COLLATE ascii_bin NOT NULL COMMENT 'SHA-256 of the content',
    content    MEDIUMBLOB NOT NULL,
    mtime      INT UNSIGNED NOT NULL,
    PRIMARY KEY (owner_id, contact_id)
) ENGINE = InnoDB COMMENT 'pictures of contacts; contact_render deletes that of a purged contact';

-- Tags and groups

CREATE TABLE IF NOT EXISTS tag (
    owner_id      CHAR(16) COLLATE ascii_bin NOT NULL,
    tag_id        CHAR(16) COLLATE ascii_bin NOT NULL,
    parent_tag_id CHAR(16) COLLATE ascii_bin NULL,
    name          VARCHAR(255) COLLATE utf8mb4_bin NOT NULL,
    position      INT NOT NULL DEFAULT 0,
    ctime         INT UNSIGNED NOT NULL,
    PRIMARY KEY (owner_id, tag_id),
    UNIQUE KEY by_name (owner_id, name),
    KEY by_parent (owner_id, parent_tag_id, position),
    FOREIGN KEY (owner_id, parent_tag_id) REFERENCES tag (owner_id, tag_id) ON DELETE CASCADE
) ENGINE = InnoDB COMMENT 'labels of contacts, a tree';

CREATE TABLE IF NOT EXISTS map_tag (
    owner_id  CHAR(16) COLLATE ascii_bin NOT NULL,
    tag_id    CHAR(16) COLLATE ascii_bin NOT NULL,
    entity_id CHAR(16) COLLATE ascii_bin NOT NULL COMMENT 'contact or hub',
    category  ENUM ('contact', 'group') NOT NULL DEFAULT 'contact',
    PRIMARY KEY (owner_id, tag_id, entity_id),
    KEY by_entity (owner_id, entity_id),
    FOREIGN KEY (owner_id, tag_id) REFERENCES tag (owner_id, tag_id) ON DELETE CASCADE
) ENGINE = InnoDB COMMENT 'which contact or hub has which tag';

CREATE TABLE IF NOT EXISTS contact_group (
    owner_id CHAR(16) COLLATE ascii_bin NOT NULL,
    id       CHAR(16) COLLATE ascii_bin NOT NULL,
    name     VARCHAR(255) NOT NULL,
    comment  TEXT NULL,
    avatar   VARCHAR(64) COLLATE ascii_bin NULL
        COMMENT 'an image among the nodes of the owner, or an id of contact_group_picture',
    ctime    INT UNSIGNED NOT NULL,
    mtime    INT UNSIGNED NOT NULL,
    PRIMARY KEY (owner_id, id),
    UNIQUE KEY by_name (owner_id, name)
) ENGINE = InnoDB COMMENT 'groups of contacts';

CREATE TABLE IF NOT EXISTS contact_group_member (
    owner_id   CHAR(16) COLLATE ascii_bin NOT NULL,
    group_id   CHAR(16) COLLATE ascii_bin NOT NULL,
    contact_id CHAR(16) COLLATE ascii_bin NOT NULL,
    ctime      INT UNSIGNED NOT NULL,
    PRIMARY KEY (owner_id, group_id, contact_id),
    KEY by_contact (owner_id, contact_id),
    FOREIGN KEY (owner_id, group_id) REFERENCES contact_group (owner_id, id) ON DELETE CASCADE,
    FOREIGN KEY (owner_id, contact_id) REFERENCES contact (owner_id, id) ON DELETE CASCADE
) ENGINE = InnoDB COMMENT 'contacts of a group';

CREATE TABLE IF NOT EXISTS contact_group_picture (
    owner_id CHAR(16) COLLATE ascii_bin NOT NULL,
    group_id CHAR(16) COLLATE ascii_bin NOT NULL,
    mimetype VARCHAR(32) COLLATE ascii_bin NOT NULL,
    picture  MEDIUMBLOB NOT NULL,
    PRIMARY KEY (owner_id, group_id),
    FOREIGN KEY (owner_id, group_id) REFERENCES contact_group (owner_id, id) ON DELETE CASCADE
) ENGINE = InnoDB COMMENT 'pictures of groups; here, so that they move and are backed up with their owner';

-- Contacts as the REST API shows them

CREATE TABLE IF NOT EXISTS contact_ledger (
    owner_id      CHAR(16) COLLATE ascii_bin NOT NULL,
    rev           BIGINT UNSIGNED NOT NULL DEFAULT 0
        COMMENT 'grows with each change; its lock puts changes in order',
    forgotten_rev BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'newest tombstone that was dropped',
    event_rev     BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'newest event that was dropped',
    active        INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'records that are active',
    deleted       INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'records in the trash',
    PRIMARY KEY (owner_id)
) ENGINE = InnoDB COMMENT 'one row an owner: revisions and counts of their records';

CREATE TABLE IF NOT EXISTS contact_record (
    owner_id     CHAR(16) COLLATE ascii_bin NOT NULL,
    contact_id   CHAR(16) COLLATE ascii_bin NOT NULL,
    rev          BIGINT UNSIGNED NOT NULL COMMENT 'revision of the last change',
    created_rev  BIGINT UNSIGNED NOT NULL COMMENT 'revision of the creation',
    restored_rev BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'revision of the last return from the trash',
    state        ENUM ('active', 'deleted', 'purged') NOT NULL
        COMMENT 'purged: a tombstone for clients that synchronise',
    created_at   DATETIME(3) NOT NULL COMMENT 'UTC',
    updated_at   DATETIME(3) NOT NULL COMMENT 'UTC',
    deleted_at   DATETIME(3) NULL COMMENT 'UTC; time of trash or purge',
    merged_into  CHAR(16) COLLATE ascii_bin NULL COMMENT 'contact that took over the values',
    digest       BINARY(16) NOT NULL
        COMMENT 'MD5 of the record without created_at, updated_at and deleted_at',
    names_digest BINARY(16) NULL COMMENT 'of names that only the RPC shows; NULL: terms are made again',
    record       JSON NOT NULL,
    PRIMARY KEY (owner_id, contact_id),
    KEY by_rev (owner_id, rev),
    KEY by_state (owner_id, state, deleted_at)
) ENGINE = InnoDB COMMENT 'contacts as the REST API shows them; derived by contact_render';

CREATE TABLE IF NOT EXISTS contact_index (
    owner_id   CHAR(16) COLLATE ascii_bin NOT NULL,
    is_deleted TINYINT NOT NULL COMMENT '1: in the trash',
    kind       ENUM (
        'display_name', 'company', 'created_at', 'updated_at', 'source', 'tag', 'text', 'name',
        'phone', 'company_part', 'company_desc', 'term'
    ) NOT NULL
        COMMENT 'first four, company_desc: sort; name, phone: duplicates; tag, source: MD5; term: RPC search',
    word       VARCHAR(255) COLLATE utf8mb4_unicode_520_ci NOT NULL,
    contact_id CHAR(16) COLLATE ascii_bin NOT NULL,
    name       VARCHAR(64) COLLATE utf8mb4_unicode_520_ci NOT NULL DEFAULT ''
        COMMENT 'start of the display name, to sort search results',
    PRIMARY KEY (owner_id, is_deleted, kind, word, contact_id),
    KEY by_contact (owner_id, contact_id, kind, word)
) ENGINE = InnoDB COMMENT 'what records are sorted by and found by; case and accents are ignored';

CREATE TABLE IF NOT EXISTS contact_event (
    owner_id   CHAR(16) COLLATE ascii_bin NOT NULL,
    rev        BIGINT UNSIGNED NOT NULL,
    contact_id CHAR(16) COLLATE ascii_bin NOT NULL,
    event      ENUM ('created', 'updated', 'deleted', 'restored', 'purged') NOT NULL,
    PRIMARY KEY (owner_id, rev)
) ENGINE = InnoDB COMMENT 'the last thousand changes of an owner, for listeners';

CREATE TABLE IF NOT EXISTS contact_stale (
    owner_id   CHAR(16) COLLATE ascii_bin NOT NULL,
    contact_id CHAR(16) COLLATE ascii_bin NOT NULL,
    PRIMARY KEY (owner_id, contact_id)
) ENGINE = InnoDB COMMENT 'contacts whose record must be made again, soon (my_contacts_catch_up)';

CREATE TABLE IF NOT EXISTS contact_set_aside (
    owner_id CHAR(16) COLLATE ascii_bin NOT NULL,
    ctime    INT UNSIGNED NOT NULL COMMENT 'of the first failure',
    failures INT UNSIGNED NOT NULL DEFAULT 1,
    retry_at INT UNSIGNED NOT NULL COMMENT '0: at once',
    error    VARCHAR(255) NOT NULL COMMENT 'of the last attempt',
    PRIMARY KEY (owner_id)
) ENGINE = InnoDB COMMENT 'owners with spoiled data; contact_stale_owner skips them until retry_at';

-- Messages, nodes, repeated requests

CREATE TABLE IF NOT EXISTS message (
    owner_id     CHAR(16) COLLATE ascii_bin NOT NULL COMMENT 'owner of this copy',
    peer_id      CHAR(16) COLLATE ascii_bin NOT NULL COMMENT 'the other side of the conversation',
    message_id   CHAR(16) COLLATE ascii_bin NOT NULL COMMENT 'the same in both copies',
    author_id    CHAR(16) COLLATE ascii_bin NOT NULL,
    message_type ENUM ('chat', 'call') NOT NULL DEFAULT 'chat',
    message      TEXT NOT NULL,
    metadata     JSON NOT NULL DEFAULT '{}',
    is_read      TINYINT NOT NULL DEFAULT 0,
    is_seen      TINYINT NOT NULL DEFAULT 1 COMMENT '0: a message of the owner that the peer has not read',
    ctime        INT UNSIGNED NOT NULL,
    PRIMARY KEY (owner_id, peer_id, message_id),
    KEY by_message (owner_id, message_id),
    KEY by_time (owner_id, peer_id, ctime),
    KEY by_unread (owner_id, is_read, peer_id),
    KEY by_unseen (owner_id, is_seen, peer_id)
) ENGINE = InnoDB COMMENT 'private conversations; each side has its own copy';

CREATE TABLE IF NOT EXISTS media (
    owner_id  CHAR(16) COLLATE ascii_bin NOT NULL,
    id        CHAR(16) COLLATE ascii_bin NOT NULL,
    parent_id CHAR(16) COLLATE ascii_bin NULL COMMENT 'NULL: the root',
    author_id CHAR(16) COLLATE ascii_bin NOT NULL,
    filename  VARCHAR(255) NOT NULL,
    category  ENUM ('folder', 'schedule', 'image', 'document') NOT NULL DEFAULT 'folder',
    metadata  JSON NOT NULL DEFAULT '{}',
    ctime     INT UNSIGNED NOT NULL,
    mtime     INT UNSIGNED NOT NULL,
    PRIMARY KEY (owner_id, id),
    KEY by_parent (owner_id, parent_id)
) ENGINE = InnoDB COMMENT 'nodes of hubs: folders and scheduled meetings, which rooms are made of';

CREATE TABLE IF NOT EXISTS request_once (
    owner_id CHAR(16) COLLATE ascii_bin NOT NULL COMMENT 'user who sent the request',
    id       CHAR(64) COLLATE ascii_bin NOT NULL COMMENT 'SHA-256 of the path and the Idempotency-Key',
    body     CHAR(64) COLLATE ascii_bin NOT NULL COMMENT 'SHA-256 of the body',
    answer   MEDIUMTEXT NULL COMMENT 'JSON; NULL only inside the transaction of the first request',
    expiry   INT UNSIGNED NOT NULL,
    PRIMARY KEY (owner_id, id),
    KEY by_expiry (owner_id, expiry)
) ENGINE = InnoDB COMMENT 'answers to requests with an Idempotency-Key';

-- Owners who moved to another shard

CREATE TABLE IF NOT EXISTS moved_out (
    owner_id CHAR(16) COLLATE ascii_bin NOT NULL,
    to_db    VARCHAR(64) COLLATE ascii_bin NOT NULL,
    ctime    INT UNSIGNED NOT NULL,
    PRIMARY KEY (owner_id)
) ENGINE = InnoDB COMMENT 'owners who live in another shard now; triggers refuse new rows of them';

-- A call that looked up the shard before a move, and writes after it, would put rows where nobody finds them.
-- The triggers refuse such rows, and the service answers 503.

CREATE DEFINER = 'drumee_definer'@'localhost' TRIGGER IF NOT EXISTS contact_moved
BEFORE INSERT ON contact FOR EACH ROW
    IF EXISTS (SELECT 1 FROM moved_out AS m WHERE m.owner_id = NEW.owner_id) THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'MOVING'; END IF;

CREATE DEFINER = 'drumee_definer'@'localhost' TRIGGER IF NOT EXISTS tag_moved
BEFORE INSERT ON tag FOR EACH ROW
    IF EXISTS (SELECT 1 FROM moved_out AS m WHERE m.owner_id = NEW.owner_id) THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'MOVING'; END IF;

CREATE DEFINER = 'drumee_definer'@'localhost' TRIGGER IF NOT EXISTS contact_group_moved
BEFORE INSERT ON contact_group FOR EACH ROW
    IF EXISTS (SELECT 1 FROM moved_out AS m WHERE m.owner_id = NEW.owner_id) THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'MOVING'; END IF;

CREATE DEFINER = 'drumee_definer'@'localhost' TRIGGER IF NOT EXISTS contact_picture_moved
BEFORE INSERT ON contact_picture FOR EACH ROW
    IF EXISTS (SELECT 1 FROM moved_out AS m WHERE m.owner_id = NEW.owner_id) THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'MOVING'; END IF;

CREATE DEFINER = 'drumee_definer'@'localhost' TRIGGER IF NOT EXISTS message_moved
BEFORE INSERT ON message FOR EACH ROW
    IF EXISTS (SELECT 1 FROM moved_out AS m WHERE m.owner_id = NEW.owner_id) THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'MOVING'; END IF;

CREATE DEFINER = 'drumee_definer'@'localhost' TRIGGER IF NOT EXISTS media_moved
BEFORE INSERT ON media FOR EACH ROW
    IF EXISTS (SELECT 1 FROM moved_out AS m WHERE m.owner_id = NEW.owner_id) THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'MOVING'; END IF;

CREATE DEFINER = 'drumee_definer'@'localhost' TRIGGER IF NOT EXISTS request_once_moved
BEFORE INSERT ON request_once FOR EACH ROW
    IF EXISTS (SELECT 1 FROM moved_out AS m WHERE m.owner_id = NEW.owner_id) THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'MOVING'; END IF;
