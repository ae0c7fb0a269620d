-- 0001: the registry (yellow pages): users, hubs, permissions, sessions, sockets, rooms, invitations.
--
-- Ids are 16 lower-case hexadecimal digits. Times are unix seconds in UTC unless a comment says otherwise.
-- Email addresses and entities compare byte by byte (utf8mb4_bin): addresses that merely look alike differ.
-- no undo: this is the first version of the schema; dropping it drops everything.

-- Entities

CREATE TABLE IF NOT EXISTS shard (
    name    VARCHAR(64) COLLATE ascii_bin NOT NULL COMMENT 'name of the database',
    is_open TINYINT NOT NULL DEFAULT 1
        COMMENT '1: new entities may be placed here; 0: none; 2: not complete yet',
    ctime   INT UNSIGNED NOT NULL,
    PRIMARY KEY (name)
) ENGINE = InnoDB COMMENT 'databases that hold what belongs to one entity';

CREATE TABLE IF NOT EXISTS domain (
    id    INT UNSIGNED NOT NULL AUTO_INCREMENT COMMENT '1: the free domain',
    name  VARCHAR(190) COLLATE ascii_bin NOT NULL,
    title VARCHAR(255) NOT NULL COMMENT 'name of the organisation',
    ctime INT UNSIGNED NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY by_name (name)
) ENGINE = InnoDB COMMENT 'organisations';

CREATE TABLE IF NOT EXISTS entity (
    id       CHAR(16) COLLATE ascii_bin NOT NULL,
    type     ENUM ('drumate', 'hub') NOT NULL,
    area     ENUM ('personal', 'private', 'share', 'dmz', 'public') NOT NULL,
    dom_id   INT UNSIGNED NOT NULL,
    db_name  VARCHAR(64) COLLATE ascii_bin NOT NULL COMMENT 'shard that holds its data',
    status   ENUM ('active', 'frozen', 'locked', 'archived', 'deleted') NOT NULL DEFAULT 'active',
    home_id  CHAR(16) COLLATE ascii_bin NOT NULL COMMENT 'root node',
    settings JSON NOT NULL DEFAULT '{}',
    ctime    INT UNSIGNED NOT NULL,
    mtime    INT UNSIGNED NOT NULL,
    PRIMARY KEY (id),
    KEY by_shard (db_name, id),
    FOREIGN KEY (dom_id) REFERENCES domain (id),
    FOREIGN KEY (db_name) REFERENCES shard (name)
) ENGINE = InnoDB COMMENT 'everything that owns data: registered users (drumates) and workspaces (hubs)';

CREATE TABLE IF NOT EXISTS entity_move (
    entity_id CHAR(16) COLLATE ascii_bin NOT NULL,
    from_db   VARCHAR(64) COLLATE ascii_bin NOT NULL,
    to_db     VARCHAR(64) COLLATE ascii_bin NOT NULL,
    until     INT UNSIGNED NOT NULL COMMENT 'a move that was killed blocks nobody after this time',
    ctime     INT UNSIGNED NOT NULL,
    PRIMARY KEY (entity_id)
) ENGINE = InnoDB COMMENT 'moves to another shard that are under way; calls get 503 meanwhile';

CREATE TABLE IF NOT EXISTS drumate (
    id            CHAR(16) COLLATE ascii_bin NOT NULL,
    domain_id     INT UNSIGNED NOT NULL,
    username      VARCHAR(80) COLLATE utf8mb4_bin NOT NULL COMMENT 'unique in the domain',
    email         VARCHAR(255) COLLATE utf8mb4_bin NOT NULL COMMENT 'trimmed, lower case',
    password_hash VARCHAR(255) COLLATE ascii_bin NOT NULL COMMENT 'argon2id',
    firstname     VARCHAR(255) NOT NULL DEFAULT '',
    lastname      VARCHAR(255) NOT NULL DEFAULT '',
    fullname      VARCHAR(511) AS (
        COALESCE(NULLIF(TRIM(CONCAT(firstname, ' ', lastname)), ''), email)
    ) PERSISTENT,
    lang          VARCHAR(8) COLLATE ascii_bin NOT NULL DEFAULT 'en',
    profile       JSON NOT NULL DEFAULT '{}' COMMENT 'what users tell about themselves: category, mobile, …',
    ctime         INT UNSIGNED NOT NULL,
    mtime         INT UNSIGNED NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY by_email (email),
    UNIQUE KEY by_username (username, domain_id),
    KEY by_domain (domain_id, fullname(64)),
    FOREIGN KEY (id) REFERENCES entity (id) ON DELETE CASCADE,
    FOREIGN KEY (domain_id) REFERENCES domain (id)
) ENGINE = InnoDB COMMENT 'registered users';

CREATE TABLE IF NOT EXISTS hub (
    id       CHAR(16) COLLATE ascii_bin NOT NULL,
    owner_id CHAR(16) COLLATE ascii_bin NOT NULL,
    name     VARCHAR(255) NOT NULL,
    serial   INT UNSIGNED NOT NULL COMMENT '0: the wicket of its owner, which hosts their calls',
    ctime    INT UNSIGNED NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY by_owner (owner_id, serial),
    FOREIGN KEY (id) REFERENCES entity (id) ON DELETE CASCADE,
    FOREIGN KEY (owner_id) REFERENCES drumate (id)
) ENGINE = InnoDB COMMENT 'workspaces';

CREATE TABLE IF NOT EXISTS permission (
    hub_id      CHAR(16) COLLATE ascii_bin NOT NULL,
    resource_id VARCHAR(64) COLLATE ascii_bin NOT NULL COMMENT '* is the whole hub, else a node or room',
    entity_id   CHAR(16) COLLATE ascii_bin NOT NULL
        COMMENT 'who gets the level; ffffffffffffffff is everybody',
    level       TINYINT UNSIGNED NOT NULL COMMENT '0 anonymous … 7 owner',
    expiry      INT UNSIGNED NOT NULL DEFAULT 0 COMMENT '0 never',
    assign_via  ENUM ('system', 'link', 'share', 'no_traversal') NOT NULL DEFAULT 'system',
    message     JSON NULL,
    ctime       INT UNSIGNED NOT NULL,
    mtime       INT UNSIGNED NOT NULL,
    PRIMARY KEY (hub_id, resource_id, entity_id),
    KEY by_entity (entity_id, hub_id),
    KEY by_expiry (expiry),
    FOREIGN KEY (hub_id) REFERENCES entity (id) ON DELETE CASCADE
) ENGINE = InnoDB COMMENT 'levels of access, for a whole hub or one resource of it';

-- Sessions and sockets

CREATE TABLE IF NOT EXISTS session (
    id         CHAR(64) COLLATE ascii_bin NOT NULL COMMENT 'SHA-256 of the cookie',
    uid        CHAR(16) COLLATE ascii_bin NOT NULL,
    guest_name VARCHAR(128) NULL,
    ua         VARCHAR(255) NOT NULL DEFAULT '',
    address    VARCHAR(45) COLLATE ascii_bin NOT NULL DEFAULT '',
    ttl        INT UNSIGNED NOT NULL COMMENT 'seconds until an unused session ends',
    expiry     INT UNSIGNED NOT NULL,
    ctime      INT UNSIGNED NOT NULL,
    mtime      INT UNSIGNED NOT NULL,
    PRIMARY KEY (id),
    KEY by_uid (uid),
    KEY by_expiry (expiry)
) ENGINE = InnoDB COMMENT 'sign-ins of browsers';

CREATE TABLE IF NOT EXISTS authn (
    id         CHAR(64) COLLATE ascii_bin NOT NULL COMMENT 'SHA-256 of the one-time token',
    session_id CHAR(64) COLLATE ascii_bin NOT NULL,
    expiry     INT UNSIGNED NOT NULL,
    PRIMARY KEY (id),
    KEY by_expiry (expiry),
    KEY by_session (session_id)
) ENGINE = InnoDB COMMENT 'one-time tokens that bind a WebSocket to a session';

CREATE TABLE IF NOT EXISTS redirect_state (
    id       CHAR(64) COLLATE ascii_bin NOT NULL COMMENT 'SHA-256 of the state parameter',
    uid      CHAR(16) COLLATE ascii_bin NOT NULL COMMENT 'user who was redirected',
    verifier VARCHAR(128) COLLATE ascii_bin NOT NULL COMMENT 'PKCE code verifier',
    expiry   INT UNSIGNED NOT NULL,
    PRIMARY KEY (id),
    KEY by_expiry (expiry)
) ENGINE = InnoDB COMMENT 'OAuth redirects under way: single use, ten minutes';

CREATE TABLE IF NOT EXISTS node (
    id        CHAR(16) COLLATE ascii_bin NOT NULL COMMENT 'one process',
    address   VARCHAR(255) NOT NULL DEFAULT '' COMMENT 'host and pid, for operators',
    ctime     INT UNSIGNED NOT NULL,
    heartbeat INT UNSIGNED NOT NULL,
    suspected INT UNSIGNED NULL
        COMMENT 'time when another node first missed a heartbeat of this one; NULL: alive',
    checks    INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'health checks that have written',
    PRIMARY KEY (id)
) ENGINE = InnoDB COMMENT 'running service processes';

CREATE TABLE IF NOT EXISTS socket (
    id         VARCHAR(32) COLLATE ascii_bin NOT NULL,
    uid        CHAR(16) COLLATE ascii_bin NOT NULL,
    session_id CHAR(64) COLLATE ascii_bin NOT NULL,
    node       CHAR(16) COLLATE ascii_bin NOT NULL,
    state      ENUM ('active', 'idle', 'lost') NOT NULL DEFAULT 'active'
        COMMENT 'lost: the connection broke while in a room; kept for a grace period',
    ctime      INT UNSIGNED NOT NULL,
    lost_at    INT UNSIGNED NULL COMMENT 'time when the connection broke',
    was        VARCHAR(32) COLLATE ascii_bin NULL
        COMMENT 'the lost socket whose seat in a room this one took over',
    PRIMARY KEY (id),
    KEY by_uid (uid, state, node),
    KEY by_session (session_id),
    KEY by_node (node),
    KEY by_lost (state, lost_at)
) ENGINE = InnoDB COMMENT 'open WebSockets';

-- Calls and meetings

CREATE TABLE IF NOT EXISTS conference_room (
    id     VARCHAR(64) COLLATE ascii_bin NOT NULL,
    hub_id CHAR(16) COLLATE ascii_bin NOT NULL,
    type   ENUM ('meeting', 'connect') NOT NULL,
    ctime  INT UNSIGNED NOT NULL,
    serial BIGINT UNSIGNED NOT NULL DEFAULT 0
        COMMENT 'of the latest join or leave: microseconds since 1970, always growing',
    PRIMARY KEY (hub_id, id),
    KEY by_type (hub_id, type, ctime)
) ENGINE = InnoDB COMMENT 'rooms with at least one participant; the row is the lock of the room';

CREATE TABLE IF NOT EXISTS conference (
    room_id        VARCHAR(64) COLLATE ascii_bin NOT NULL,
    socket_id      VARCHAR(32) COLLATE ascii_bin NOT NULL,
    hub_id         CHAR(16) COLLATE ascii_bin NOT NULL,
    uid            CHAR(16) COLLATE ascii_bin NOT NULL,
    type           ENUM ('meeting', 'connect') NOT NULL,
    role           ENUM ('host', 'attendee') NOT NULL,
    status         ENUM ('started', 'waiting') NOT NULL,
    level          TINYINT UNSIGNED NOT NULL,
    participant_id VARCHAR(64) COLLATE ascii_bin NULL COMMENT 'endpoint id in the media server',
    firstname      VARCHAR(255) NOT NULL DEFAULT '',
    lastname       VARCHAR(255) NOT NULL DEFAULT '',
    audio          TINYINT NOT NULL DEFAULT 1,
    video          TINYINT NOT NULL DEFAULT 0,
    screen         TINYINT NOT NULL DEFAULT 0,
    muted          TINYINT NOT NULL DEFAULT 0,
    ctime          INT UNSIGNED NOT NULL,
    mtime          INT UNSIGNED NOT NULL,
    PRIMARY KEY (room_id, socket_id),
    UNIQUE KEY by_endpoint (participant_id, hub_id, room_id),
    KEY by_socket (socket_id),
    KEY by_uid (uid),
    KEY by_room (hub_id, room_id),
    FOREIGN KEY (hub_id, room_id) REFERENCES conference_room (hub_id, id),
    CONSTRAINT conference_of_socket FOREIGN KEY (socket_id) REFERENCES socket (id) ON DELETE CASCADE
) ENGINE = InnoDB COMMENT 'participants: one socket in one room';

CREATE TABLE IF NOT EXISTS call_invitation (
    room_id       VARCHAR(64) COLLATE ascii_bin NOT NULL,
    callee_id     CHAR(16) COLLATE ascii_bin NOT NULL,
    hub_id        CHAR(16) COLLATE ascii_bin NOT NULL,
    caller_id     CHAR(16) COLLATE ascii_bin NOT NULL,
    caller_socket VARCHAR(32) COLLATE ascii_bin NOT NULL,
    status        ENUM ('ringing', 'accepted', 'declined', 'cancelled', 'revoked', 'missed') NOT NULL,
    expiry        INT UNSIGNED NOT NULL,
    ctime         INT UNSIGNED NOT NULL,
    mtime         INT UNSIGNED NOT NULL,
    PRIMARY KEY (hub_id, room_id, callee_id),
    KEY by_pair (callee_id, caller_id, status),
    KEY by_caller (caller_id, status),
    KEY by_expiry (status, expiry),
    KEY by_mtime (mtime)
) ENGINE = InnoDB COMMENT 'calls that ring, and how they ended';

CREATE TABLE IF NOT EXISTS dmz_link (
    id      CHAR(64) COLLATE ascii_bin NOT NULL COMMENT 'SHA-256 of the secret in the link',
    hub_id  CHAR(16) COLLATE ascii_bin NOT NULL,
    room_id VARCHAR(64) COLLATE ascii_bin NOT NULL,
    title   VARCHAR(255) NOT NULL DEFAULT '',
    level   TINYINT UNSIGNED NOT NULL DEFAULT 2 COMMENT 'permission of the guests in the room',
    expiry  INT UNSIGNED NOT NULL COMMENT '0 never',
    ctime   INT UNSIGNED NOT NULL,
    PRIMARY KEY (id),
    KEY by_room (hub_id, room_id),
    KEY by_expiry (expiry),
    FOREIGN KEY (hub_id) REFERENCES entity (id) ON DELETE CASCADE
) ENGINE = InnoDB COMMENT 'links that let guests without an account into one room';

-- Relations between users

CREATE TABLE IF NOT EXISTS token (
    id          CHAR(64) COLLATE ascii_bin NOT NULL COMMENT 'SHA-256 of the secret in the mail',
    method      VARCHAR(32) COLLATE ascii_bin NOT NULL COMMENT 'purpose, for instance signup',
    email       VARCHAR(255) COLLATE utf8mb4_bin NOT NULL,
    inviter_id  CHAR(16) COLLATE ascii_bin NOT NULL,
    status      ENUM ('active', 'accepted', 'expired') NOT NULL DEFAULT 'active',
    accepted_by CHAR(16) COLLATE ascii_bin NULL,
    accepted_at INT UNSIGNED NULL,
    expiry      INT UNSIGNED NOT NULL,
    ctime       INT UNSIGNED NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY by_invitation (email, method, inviter_id),
    KEY by_expiry (expiry)
) ENGINE = InnoDB COMMENT 'invitations by mail to people without an account';

CREATE TABLE IF NOT EXISTS contact_block (
    owner_id   CHAR(16) COLLATE ascii_bin NOT NULL COMMENT 'user who blocks',
    contact_id CHAR(16) COLLATE ascii_bin NOT NULL COMMENT 'entry in the address book of that user',
    entity     VARCHAR(255) COLLATE utf8mb4_bin NOT NULL COMMENT 'blocked user or address: uid or email',
    uid        CHAR(16) COLLATE ascii_bin NULL,
    ctime      INT UNSIGNED NOT NULL,
    PRIMARY KEY (owner_id, contact_id),
    KEY by_uid (uid, owner_id),
    KEY by_entity (entity, owner_id)
) ENGINE = InnoDB COMMENT 'who blocks whom';

CREATE TABLE IF NOT EXISTS contact_activity (
    id           BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    uid          CHAR(16) COLLATE ascii_bin NOT NULL COMMENT 'user who acted',
    target_uid   CHAR(16) COLLATE ascii_bin NOT NULL,
    event        VARCHAR(32) COLLATE ascii_bin NOT NULL,
    data         JSON NULL,
    dismissed_at INT UNSIGNED NULL,
    ctime        INT UNSIGNED NOT NULL,
    PRIMARY KEY (id),
    KEY by_target (target_uid, ctime),
    KEY by_uid (uid, ctime)
) ENGINE = InnoDB COMMENT 'invitations and answers to them, until the user dismisses them';

CREATE TABLE IF NOT EXISTS mail_outbox (
    id         CHAR(16) COLLATE ascii_bin NOT NULL,
    sender_id  CHAR(16) COLLATE ascii_bin NOT NULL,
    recipient  VARCHAR(255) COLLATE utf8mb4_bin NOT NULL,
    template   VARCHAR(64) COLLATE ascii_bin NOT NULL,
    lang       VARCHAR(8) COLLATE ascii_bin NOT NULL DEFAULT 'en',
    data       JSON NOT NULL,
    status     ENUM ('pending', 'sent', 'failed') NOT NULL DEFAULT 'pending',
    attempts   TINYINT UNSIGNED NOT NULL DEFAULT 0,
    next_try   INT UNSIGNED NOT NULL,
    last_error VARCHAR(255) NOT NULL DEFAULT '',
    ctime      INT UNSIGNED NOT NULL,
    mtime      INT UNSIGNED NOT NULL,
    claim      CHAR(16) COLLATE ascii_bin NULL COMMENT 'batch of the process that sends the mail now',
    PRIMARY KEY (id),
    KEY by_turn (status, next_try),
    KEY by_sender (sender_id, recipient, ctime),
    KEY by_day (sender_id, ctime),
    KEY by_claim (claim)
) ENGINE = InnoDB COMMENT 'mails that wait for delivery, and those that were sent or given up';

CREATE TABLE IF NOT EXISTS mail_optout (
    email VARCHAR(255) COLLATE utf8mb4_bin NOT NULL,
    ctime INT UNSIGNED NOT NULL,
    PRIMARY KEY (email)
) ENGINE = InnoDB COMMENT 'addresses that want no more invitation mails';

-- Access of the other APIs

CREATE TABLE IF NOT EXISTS api_token (
    id      CHAR(64) COLLATE ascii_bin NOT NULL COMMENT 'SHA-256 of the token',
    uid     CHAR(16) COLLATE ascii_bin NOT NULL,
    mark    CHAR(64) COLLATE ascii_bin NOT NULL
        COMMENT 'SHA-256 of the password hash at that time; a new password voids the token',
    -- Repeats session: both end when they are unused
    ttl     INT UNSIGNED NOT NULL COMMENT 'seconds until an unused token ends',
    expiry  INT UNSIGNED NOT NULL,
    ua      VARCHAR(255) NOT NULL DEFAULT '',
    address VARCHAR(45) COLLATE ascii_bin NOT NULL DEFAULT '',
    ctime   INT UNSIGNED NOT NULL,
    mtime   INT UNSIGNED NOT NULL,
    PRIMARY KEY (id),
    KEY by_uid (uid),
    KEY by_expiry (expiry)
) ENGINE = InnoDB COMMENT 'tokens of the filemail API; they travel in query strings and open no other API';

CREATE TABLE IF NOT EXISTS api_key (
    id    CHAR(16) COLLATE ascii_bin NOT NULL,
    uid   CHAR(16) COLLATE ascii_bin NOT NULL
        COMMENT 'owner of the key; with scope agent also the user it acts for',
    hash  CHAR(64) COLLATE ascii_bin NOT NULL COMMENT 'SHA-256 of the key',
    hint  CHAR(8) COLLATE ascii_bin NOT NULL COMMENT 'start of the key, to tell it from others',
    scope ENUM ('agent', 'system', 'sync') NOT NULL,
    ctime INT UNSIGNED NOT NULL,
    mtime INT UNSIGNED NOT NULL COMMENT 'last use, within 5 minutes; 0: never',
    label VARCHAR(64) NOT NULL DEFAULT '' COMMENT 'purpose, in the words of the owner',
    PRIMARY KEY (id),
    UNIQUE KEY by_hash (hash),
    KEY by_uid (uid)
) ENGINE = InnoDB COMMENT 'keys of programs that call /api/v1';

CREATE TABLE IF NOT EXISTS api_grant (
    id      CHAR(16) COLLATE ascii_bin NOT NULL COMMENT 'part of every access token of this sign-in',
    uid     CHAR(16) COLLATE ascii_bin NOT NULL,
    mark    CHAR(64) COLLATE ascii_bin NOT NULL
        COMMENT 'SHA-256 of the password hash at that time; a new password voids the grant',
    expiry  INT UNSIGNED NOT NULL,
    ua      VARCHAR(255) NOT NULL DEFAULT '',
    address VARCHAR(45) COLLATE ascii_bin NOT NULL DEFAULT '',
    ctime   INT UNSIGNED NOT NULL,
    mtime   INT UNSIGNED NOT NULL COMMENT 'last refresh',
    PRIMARY KEY (id),
    KEY by_uid (uid),
    KEY by_expiry (expiry)
) ENGINE = InnoDB COMMENT 'sign-ins of users to /api/v1';

CREATE TABLE IF NOT EXISTS api_refresh (
    id       CHAR(64) COLLATE ascii_bin NOT NULL COMMENT 'SHA-256 of the refresh token',
    grant_id CHAR(16) COLLATE ascii_bin NOT NULL,
    used     TINYINT UNSIGNED NOT NULL DEFAULT 0
        COMMENT '1: used; a second use means that the token was stolen',
    expiry   INT UNSIGNED NOT NULL,
    PRIMARY KEY (id),
    KEY by_grant (grant_id),
    KEY by_expiry (expiry)
) ENGINE = InnoDB COMMENT 'refresh tokens of a grant';

CREATE TABLE IF NOT EXISTS api_secret (
    id     TINYINT UNSIGNED NOT NULL,
    secret CHAR(64) COLLATE ascii_bin NOT NULL COMMENT '32 random bytes, hex',
    ctime  INT UNSIGNED NOT NULL,
    PRIMARY KEY (id)
) ENGINE = InnoDB COMMENT 'one row: the secret that signs access tokens on every node';

-- Log

CREATE TABLE IF NOT EXISTS services_log (
    id     BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    name   VARCHAR(64) COLLATE ascii_bin NOT NULL,
    uid    CHAR(16) COLLATE ascii_bin NOT NULL,
    hub_id CHAR(16) COLLATE ascii_bin NULL,
    args   JSON NOT NULL,
    ctime  INT UNSIGNED NOT NULL,
    PRIMARY KEY (id),
    KEY by_name (name, ctime)
) ENGINE = InnoDB COMMENT 'calls of services that are declared with log: true';

INSERT IGNORE INTO domain (id, name, title, ctime) VALUES (1, 'free', 'Free domain', UNIX_TIMESTAMP());
