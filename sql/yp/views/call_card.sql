-- call_card: one call invitation for the callee: names, without addresses and numbers.
-- See docs/frontend-contract.md#call-signals.
-- `caller_id` is the calling socket; everything else describes the user behind it.
CREATE OR REPLACE VIEW call_card AS
SELECT
    i.hub_id,
    i.room_id,
    i.callee_id,
    i.caller_id,
    i.caller_socket,
    i.status,
    i.expiry,
    i.ctime,
    JSON_OBJECT(
        'room_id', i.room_id,
        'nid', i.room_id,
        'hub_id', i.hub_id,
        'caller_id', i.caller_socket,
        'uid', i.caller_id,
        'drumate_id', i.caller_id,
        'entity_id', i.caller_id,
        'username', d.username,
        'firstname', d.firstname,
        'lastname', d.lastname,
        'fullname', COALESCE(NULLIF(TRIM(CONCAT(d.firstname, ' ', d.lastname)), ''), d.username),
        'display', COALESCE(NULLIF(TRIM(CONCAT(d.firstname, ' ', d.lastname)), ''), d.username),
        'name', COALESCE(NULLIF(TRIM(CONCAT(d.firstname, ' ', d.lastname)), ''), d.username)
    ) AS data
FROM call_invitation AS i
JOIN drumate AS d ON d.id = i.caller_id;
