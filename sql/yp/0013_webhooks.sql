-- 0013: subscriptions to events, the outbox of their deliveries, and the triggers that fill it
-- (docs/decisions/webhooks.md).
--
-- undo: DROP TRIGGER webhook_invitation;
-- undo: DROP TRIGGER webhook_call_rings;
-- undo: DROP TRIGGER webhook_call;
-- undo: DROP TRIGGER webhook_meeting_left;
-- undo: DROP TRIGGER webhook_meeting_ended;
-- undo: DROP TABLE webhook_delivery;
-- undo: DROP TABLE webhook;

CREATE TABLE IF NOT EXISTS webhook (
    id            CHAR(16) COLLATE ascii_bin NOT NULL,
    uid           CHAR(16) COLLATE ascii_bin NOT NULL COMMENT 'person; empty: the whole site',
    url           VARCHAR(2048) COLLATE utf8mb4_bin NOT NULL,
    label         VARCHAR(64) NOT NULL DEFAULT '',
    events        VARCHAR(1024) COLLATE ascii_bin NOT NULL
        COMMENT 'types, contact.*, or *, separated by commas',
    secret        VARCHAR(64) COLLATE ascii_bin NOT NULL,
    old_secret    VARCHAR(64) COLLATE ascii_bin NULL COMMENT 'signs as well, until old_until',
    old_until     INT UNSIGNED NOT NULL DEFAULT 0,
    state         ENUM ('active', 'paused', 'failed') NOT NULL DEFAULT 'active'
        COMMENT 'paused: by its owner; failed: by the service, after a day of failures',
    failures      INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'since the last success',
    failing_since INT UNSIGNED NULL,
    last_error    VARCHAR(64) NOT NULL DEFAULT '',
    last_success  INT UNSIGNED NULL,
    next_try      INT UNSIGNED NOT NULL DEFAULT 0,
    claim         CHAR(16) COLLATE ascii_bin NULL COMMENT 'turn of the process that sends now',
    leased_until  INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'from then on, other processes may send',
    ctime         INT UNSIGNED NOT NULL,
    mtime         INT UNSIGNED NOT NULL,
    PRIMARY KEY (id),
    KEY by_uid (uid, ctime),
    KEY by_turn (state, next_try)
) ENGINE = InnoDB COMMENT 'subscriptions: URLs that get events';

CREATE TABLE IF NOT EXISTS webhook_delivery (
    id         BIGINT UNSIGNED NOT NULL AUTO_INCREMENT COMMENT 'the order of deliveries',
    webhook_id CHAR(16) COLLATE ascii_bin NOT NULL,
    type       VARCHAR(32) COLLATE ascii_bin NOT NULL,
    at         BIGINT UNSIGNED NOT NULL COMMENT 'time of the event, milliseconds since 1970',
    data       LONGTEXT COLLATE utf8mb4_bin NOT NULL COMMENT 'JSON',
    state      ENUM ('pending', 'delivered') NOT NULL DEFAULT 'pending',
    attempts   INT UNSIGNED NOT NULL DEFAULT 0,
    status     SMALLINT UNSIGNED NULL COMMENT 'HTTP status of the last answer',
    error      VARCHAR(64) NOT NULL DEFAULT '' COMMENT 'of the last attempt',
    tried_at   INT UNSIGNED NULL,
    PRIMARY KEY (id),
    KEY by_turn (state, webhook_id, id),
    KEY by_webhook (webhook_id, id),
    KEY by_age (at)
) ENGINE = InnoDB COMMENT 'events for subscriptions: those that wait, and those of the last three days';

CREATE DEFINER = 'drumee_definer'@'localhost' TRIGGER IF NOT EXISTS webhook_invitation
AFTER INSERT ON contact_activity FOR EACH ROW
    INSERT INTO webhook_delivery (webhook_id, type, at, data)
    SELECT w.id, t.type, FLOOR(UNIX_TIMESTAMP(NOW(3)) * 1000), JSON_OBJECT(
        'inviter_id', IF(NEW.event = 'invite_withdrawn', NEW.uid, NEW.target_uid),
        'invitee_id', IF(NEW.event = 'invite_withdrawn', NEW.target_uid, NEW.uid),
        'message', IF(NEW.event = 'invite_received', JSON_VALUE(NEW.data, '$.message'), NULL)
    )
    FROM webhook AS w
    JOIN (SELECT CASE NEW.event WHEN 'invite_received' THEN 'invitation.received'
                                WHEN 'invite_accepted' THEN 'invitation.accepted'
                                WHEN 'invite_refused' THEN 'invitation.refused'
                                WHEN 'invite_withdrawn' THEN 'invitation.withdrawn' END AS type) AS t
      ON t.type IS NOT NULL
    -- an inviter who is blocked reaches nobody
    WHERE (w.uid IN (NEW.uid, '') OR (w.uid = NEW.target_uid AND NEW.event <> 'invite_received'
           AND (NEW.event <> 'invite_withdrawn' OR NOT EXISTS (
               SELECT 1 FROM contact_block AS b WHERE b.uid = NEW.uid AND b.owner_id = NEW.target_uid
           ))))
      AND (FIND_IN_SET(t.type, w.events) OR FIND_IN_SET('invitation.*', w.events)
           OR FIND_IN_SET('*', w.events));

CREATE DEFINER = 'drumee_definer'@'localhost' TRIGGER IF NOT EXISTS webhook_call_rings
AFTER INSERT ON call_invitation FOR EACH ROW
    INSERT INTO webhook_delivery (webhook_id, type, at, data)
    SELECT w.id, 'call.started', FLOOR(UNIX_TIMESTAMP(NOW(3)) * 1000), JSON_OBJECT(
        'room_id', NEW.room_id, 'caller_id', NEW.caller_id, 'callee_id', NEW.callee_id, 'status', NEW.status
    )
    FROM webhook AS w
    WHERE w.uid IN (NEW.caller_id, NEW.callee_id, '')
      AND (FIND_IN_SET('call.started', w.events) OR FIND_IN_SET('call.*', w.events)
           OR FIND_IN_SET('*', w.events));

CREATE DEFINER = 'drumee_definer'@'localhost' TRIGGER IF NOT EXISTS webhook_call
AFTER UPDATE ON call_invitation FOR EACH ROW
    INSERT INTO webhook_delivery (webhook_id, type, at, data)
    SELECT w.id, t.type, FLOOR(UNIX_TIMESTAMP(NOW(3)) * 1000), JSON_OBJECT(
        'room_id', NEW.room_id, 'caller_id', NEW.caller_id, 'callee_id', NEW.callee_id, 'status', NEW.status,
        'answered_at', NEW.answered_at, 'ended_at', NEW.ended_at
    )
    FROM webhook AS w
    JOIN (
        SELECT CASE
            WHEN OLD.ended_at IS NULL AND OLD.status IN ('ringing', 'accepted')
             AND (NEW.ended_at IS NOT NULL OR NEW.status NOT IN ('ringing', 'accepted'))
            THEN IF(NEW.answered_at IS NULL AND NEW.status IN ('missed', 'accepted'), 'call.missed',
                    'call.ended')
            WHEN OLD.status <> 'ringing' AND NEW.status = 'ringing' THEN 'call.started'
            WHEN OLD.answered_at IS NULL AND NEW.answered_at IS NOT NULL THEN 'call.answered'
        END AS type
    ) AS t ON t.type IS NOT NULL
    WHERE w.uid IN (NEW.caller_id, NEW.callee_id, '')
      AND (FIND_IN_SET(t.type, w.events) OR FIND_IN_SET('call.*', w.events) OR FIND_IN_SET('*', w.events));

CREATE DEFINER = 'drumee_definer'@'localhost' TRIGGER IF NOT EXISTS webhook_meeting_left
AFTER DELETE ON conference FOR EACH ROW
    IF OLD.type = 'meeting' AND OLD.status = 'started' THEN
        INSERT INTO webhook_delivery (webhook_id, type, at, data)
        SELECT w.id, 'meeting.left', FLOOR(UNIX_TIMESTAMP(NOW(3)) * 1000), JSON_OBJECT(
            'room_id', OLD.room_id, 'hub_id', OLD.hub_id, 'user_id', OLD.uid,
            'name', TRIM(CONCAT(OLD.firstname, ' ', OLD.lastname))
        )
        FROM webhook AS w
        WHERE w.uid IN (OLD.uid, COALESCE((SELECT h.owner_id FROM hub AS h WHERE h.id = OLD.hub_id),
                                          OLD.hub_id), '')
          AND (FIND_IN_SET('meeting.left', w.events) OR FIND_IN_SET('meeting.*', w.events)
               OR FIND_IN_SET('*', w.events)); END IF;

CREATE DEFINER = 'drumee_definer'@'localhost' TRIGGER IF NOT EXISTS webhook_meeting_ended
AFTER DELETE ON conference_room FOR EACH ROW
    IF OLD.type = 'meeting' AND OLD.started_at IS NOT NULL THEN
        INSERT INTO webhook_delivery (webhook_id, type, at, data)
        SELECT w.id, 'meeting.ended', FLOOR(UNIX_TIMESTAMP(NOW(3)) * 1000), JSON_OBJECT(
            'room_id', OLD.id, 'hub_id', OLD.hub_id, 'title', OLD.title
        )
        FROM webhook AS w
        WHERE w.uid IN (COALESCE((SELECT h.owner_id FROM hub AS h WHERE h.id = OLD.hub_id), OLD.hub_id), '')
          AND (FIND_IN_SET('meeting.ended', w.events) OR FIND_IN_SET('meeting.*', w.events)
               OR FIND_IN_SET('*', w.events)); END IF;
