-- area_opener: the only user who starts meetings in a hub: the owner of a dmz or public area. NULL: whoever
-- may write.
CREATE OR REPLACE VIEW area_opener AS
SELECT e.id AS hub_id, IF(e.area IN ('dmz', 'public'), h.owner_id, NULL) AS uid
FROM entity AS e
LEFT JOIN hub AS h ON h.id = e.id;
