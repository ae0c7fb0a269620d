-- 0001: the registry (yellow pages): who exists, who may do what, who is connected, who is in which room.
--
-- Ids are 16 lower-case hex characters. Times are unix seconds. Emails and entities compare byte by byte
-- (utf8mb4_bin): two addresses that merely look alike are two addresses.
-- no undo: this is the first version of the schema; dropping it drops everything.

CREATE TABLE IF NOT EXISTS shard (
    name   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'database name',
    is_open TINYINT NOT NULL DEFAULT 1 COMMENT '1: new entities may be placed here',
    ctime  INT UNSIGNED NOT NULL,
    PRIMARY KEY (name)
) ENGINE = InnoDB COMMENT 'databases that hold what belongs to one entity';

CREATE TABLE IF NOT EXISTS domain (
    id    INT UNSIGNED NOT NULL AUTO_INCREMENT COMMENT '1 is the free domain, greater is an organisation',
    name  VARCHAR(190) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    title VARCHAR(255) NOT NULL COMMENT 'name of the organisation',
    ctime INT UNSIGNED NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY by_name (name)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS entity (
    id       CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    type     ENUM ('drumate', 'hub') NOT NULL,
    area     ENUM ('personal', 'private', 'share', 'dmz', 'public') NOT NULL,
    dom_id   INT UNSIGNED NOT NULL,
    db_name  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'shard that holds its data',
    status   ENUM ('active', 'frozen', 'locked', 'archived', 'deleted') NOT NULL DEFAULT 'active',
    home_id  CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'root node',
    settings JSON NOT NULL DEFAULT '{}',
    ctime    INT UNSIGNED NOT NULL,
    mtime    INT UNSIGNED NOT NULL,
    PRIMARY KEY (id),
    KEY by_shard (db_name, id),
    FOREIGN KEY (dom_id) REFERENCES domain (id),
    FOREIGN KEY (db_name) REFERENCES shard (name)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS drumate (
    id            CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    domain_id     INT UNSIGNED NOT NULL,
    username      VARCHAR(80) COLLATE utf8mb4_bin NOT NULL COMMENT 'unique in the domain',
    email         VARCHAR(255) COLLATE utf8mb4_bin NOT NULL COMMENT 'trimmed, lower case',
    password_hash VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'argon2id',
    firstname     VARCHAR(255) NOT NULL DEFAULT '',
    lastname      VARCHAR(255) NOT NULL DEFAULT '',
    fullname      VARCHAR(511) AS (
        COALESCE(NULLIF(TRIM(CONCAT(firstname, ' ', lastname)), ''), email)
    ) PERSISTENT,
    lang          VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'en',
    profile       JSON NOT NULL DEFAULT '{}' COMMENT 'what the person tells of himself: category, mobile, …',
    ctime         INT UNSIGNED NOT NULL,
    mtime         INT UNSIGNED NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY by_email (email),
    UNIQUE KEY by_username (username, domain_id),
    KEY by_domain (domain_id, fullname(64)),
    FOREIGN KEY (id) REFERENCES entity (id) ON DELETE CASCADE,
    FOREIGN KEY (domain_id) REFERENCES domain (id)
) ENGINE = InnoDB COMMENT 'registered people';

CREATE TABLE IF NOT EXISTS hub (
    id       CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    owner_id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    name     VARCHAR(255) NOT NULL,
    serial   INT UNSIGNED NOT NULL COMMENT '0: the wicket of its owner, which hosts his calls',
    ctime    INT UNSIGNED NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY by_owner (owner_id, serial),
    FOREIGN KEY (id) REFERENCES entity (id) ON DELETE CASCADE,
    FOREIGN KEY (owner_id) REFERENCES drumate (id)
) ENGINE = InnoDB COMMENT 'workspaces';

CREATE TABLE IF NOT EXISTS permission (
    hub_id      CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    resource_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT '* is the whole hub, else a node or room',
    entity_id   CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'who; ffffffffffffffff is everybody',
    level       TINYINT UNSIGNED NOT NULL COMMENT '0 anonymous … 7 owner',
    expiry      INT UNSIGNED NOT NULL DEFAULT 0 COMMENT '0 never',
    assign_via  ENUM ('system', 'link', 'share', 'no_traversal') NOT NULL DEFAULT 'system',
    message     JSON NULL,
    ctime       INT UNSIGNED NOT NULL,
    mtime       INT UNSIGNED NOT NULL,
    PRIMARY KEY (hub_id, resource_id, entity_id),
    KEY by_entity (entity_id, hub_id),
    FOREIGN KEY (hub_id) REFERENCES entity (id) ON DELETE CASCADE
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS session (
    id         CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'SHA-256 of what the cookie holds',
    uid        CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    guest_name VARCHAR(128) NULL,
    ua         VARCHAR(255) NOT NULL DEFAULT '',
    address    VARCHAR(45) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
    ttl        INT UNSIGNED NOT NULL COMMENT 'seconds a session lives without being used',
    expiry     INT UNSIGNED NOT NULL,
    ctime      INT UNSIGNED NOT NULL,
    mtime      INT UNSIGNED NOT NULL,
    PRIMARY KEY (id),
    KEY by_uid (uid),
    KEY by_expiry (expiry)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS authn (
    id         CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'SHA-256 of the one-time token',
    session_id CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    expiry     INT UNSIGNED NOT NULL,
    PRIMARY KEY (id),
    KEY by_expiry (expiry),
    KEY by_session (session_id)
) ENGINE = InnoDB COMMENT 'one-time tokens that bind a WebSocket to a session';

CREATE TABLE IF NOT EXISTS node (
    id        CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'one running service process',
    address   VARCHAR(255) NOT NULL DEFAULT '' COMMENT 'host and pid, for people',
    ctime     INT UNSIGNED NOT NULL,
    heartbeat INT UNSIGNED NOT NULL,
    suspected INT UNSIGNED NULL COMMENT 'when another node first missed its heartbeat',
    PRIMARY KEY (id)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS socket (
    id         VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    uid        CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    session_id CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    node       CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    state      ENUM ('active', 'idle') NOT NULL DEFAULT 'active',
    ctime      INT UNSIGNED NOT NULL,
    PRIMARY KEY (id),
    KEY by_uid (uid, state, node),
    KEY by_session (session_id),
    KEY by_node (node)
) ENGINE = InnoDB COMMENT 'open WebSockets';

CREATE TABLE IF NOT EXISTS conference_room (
    id     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    hub_id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    type   ENUM ('meeting', 'connect') NOT NULL,
    ctime  INT UNSIGNED NOT NULL,
    PRIMARY KEY (hub_id, id),
    KEY by_type (hub_id, type, ctime)
) ENGINE = InnoDB COMMENT 'rooms with somebody in them; the row is the lock of the room';

CREATE TABLE IF NOT EXISTS conference (
    room_id        VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    socket_id      VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    hub_id         CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    uid            CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    type           ENUM ('meeting', 'connect') NOT NULL,
    role           ENUM ('host', 'attendee') NOT NULL,
    status         ENUM ('started', 'waiting') NOT NULL,
    level          TINYINT UNSIGNED NOT NULL,
    participant_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'endpoint id in the media server',
    firstname      VARCHAR(255) NOT NULL DEFAULT '',
    lastname       VARCHAR(255) NOT NULL DEFAULT '',
    audio          TINYINT NOT NULL DEFAULT 1,
    video          TINYINT NOT NULL DEFAULT 0,
    screen         TINYINT NOT NULL DEFAULT 0,
    muted          TINYINT NOT NULL DEFAULT 0,
    ctime          INT UNSIGNED NOT NULL,
    mtime          INT UNSIGNED NOT NULL,
    PRIMARY KEY (room_id, socket_id),
    KEY by_socket (socket_id),
    KEY by_uid (uid),
    KEY by_participant (participant_id),
    KEY by_room (hub_id, room_id),
    FOREIGN KEY (hub_id, room_id) REFERENCES conference_room (hub_id, id)
) ENGINE = InnoDB COMMENT 'participants: a socket in a room';

CREATE TABLE IF NOT EXISTS call_invitation (
    room_id       VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    callee_id     CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    hub_id        CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    caller_id     CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    caller_socket VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    status        ENUM ('ringing', 'accepted', 'declined', 'cancelled', 'revoked', 'missed') NOT NULL,
    expiry        INT UNSIGNED NOT NULL,
    ctime         INT UNSIGNED NOT NULL,
    mtime         INT UNSIGNED NOT NULL,
    PRIMARY KEY (room_id, callee_id),
    KEY by_pair (callee_id, caller_id, status),
    KEY by_caller (caller_id, status),
    KEY by_expiry (status, expiry)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS token (
    id          CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'SHA-256 of the secret in the mail',
    method      VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'signup, …',
    email       VARCHAR(255) COLLATE utf8mb4_bin NOT NULL,
    inviter_id  CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    status      ENUM ('active', 'accepted', 'expired') NOT NULL DEFAULT 'active',
    accepted_by CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NULL,
    accepted_at INT UNSIGNED NULL,
    expiry      INT UNSIGNED NOT NULL,
    ctime       INT UNSIGNED NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY by_invitation (email, method, inviter_id),
    KEY by_expiry (expiry)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS contact_block (
    owner_id   CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'who blocks',
    contact_id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'row of his address book',
    entity     VARCHAR(255) COLLATE utf8mb4_bin NOT NULL COMMENT 'blocked person: uid or email',
    uid        CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NULL,
    ctime      INT UNSIGNED NOT NULL,
    PRIMARY KEY (owner_id, contact_id),
    KEY by_uid (uid, owner_id),
    KEY by_entity (entity, owner_id)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS contact_activity (
    id           BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    uid          CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'who did it',
    target_uid   CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    event        VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    data         JSON NULL,
    dismissed_at INT UNSIGNED NULL,
    ctime        INT UNSIGNED NOT NULL,
    PRIMARY KEY (id),
    KEY by_target (target_uid, ctime),
    KEY by_uid (uid, ctime)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS mail_outbox (
    id         CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    sender_id  CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    recipient  VARCHAR(255) COLLATE utf8mb4_bin NOT NULL,
    template   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    lang       VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'en',
    data       JSON NOT NULL,
    status     ENUM ('pending', 'sent', 'failed') NOT NULL DEFAULT 'pending',
    attempts   TINYINT UNSIGNED NOT NULL DEFAULT 0,
    next_try   INT UNSIGNED NOT NULL,
    last_error VARCHAR(255) NOT NULL DEFAULT '',
    ctime      INT UNSIGNED NOT NULL,
    mtime      INT UNSIGNED NOT NULL,
    PRIMARY KEY (id),
    KEY by_turn (status, next_try)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS services_log (
    id     BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    name   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    uid    CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    hub_id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NULL,
    args   JSON NOT NULL,
    ctime  INT UNSIGNED NOT NULL,
    PRIMARY KEY (id),
    KEY by_name (name, ctime)
) ENGINE = InnoDB COMMENT 'calls of services declared with log: true';

INSERT IGNORE INTO domain (id, name, title, ctime) VALUES (1, 'free', 'Free domain', UNIX_TIMESTAMP());
