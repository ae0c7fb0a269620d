-- socket_route: where the live updates for a socket go: to the process that holds it; for a lost one, node
-- is empty and they go to its mailbox in Redis (docs/decisions/absence.md).
CREATE OR REPLACE VIEW socket_route AS
SELECT s.id, s.uid, s.session_id, s.state, IF(s.state = 'lost', '', s.node) AS node
FROM socket AS s;
