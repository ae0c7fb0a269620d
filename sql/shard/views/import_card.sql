-- import_card: the report of one import. A running one that has been silent for a minute has failed.
-- Only this view knows the shape; routines select `data` from it.
CREATE OR REPLACE VIEW import_card AS
SELECT
    r.owner_id,
    r.id,
    r.ctime,
    r.began_at,
    JSON_MERGE_PATCH(
        JSON_OBJECT(
            'import_id', r.id,
            'id', r.id,
            'state', IF(r.state = 'running' AND r.beat < UNIX_TIMESTAMP() - 60, 'failed', r.state),
            'reason', IF(
                r.state = 'running' AND r.beat < UNIX_TIMESTAMP() - 60, 'interrupted', COALESCE(r.reason, '')
            ),
            'percent', r.percent,
            'groups', 0,
            'api', r.api,
            'kind', r.kind,
            'filename', r.filename,
            'update', r.mode,
            'total', r.loaded + r.updated + r.known + r.rejected,
            'loaded', r.loaded,
            'updated', r.updated,
            'alreadyincontact', r.updated + r.known,
            'noemail', r.noemail,
            'rejected_count', r.rejected,
            'ctime', r.ctime,
            'ended', COALESCE(r.ended, 0)
        ),
        r.details
    ) AS data
FROM import_report AS r;
