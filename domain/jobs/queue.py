"""What the program reads of pgqueuer's tables. They are written only by the database functions `enqueue_job` and
`queue_run`, so that an upgrade of pgqueuer needs a migration of these and an edit of this file."""

# The payload of a queued job is the id of its row in `job_run`.
IS_QUEUED = "EXISTS (SELECT FROM pgqueuer WHERE payload = convert_to(job_run.id::text, 'UTF8') AND status <> 'failed')"
_WAITING = "FROM pgqueuer WHERE status = 'queued' AND execute_after <= now()"
COUNT_WAITING = f"SELECT count(*) {_WAITING}"
WAITING_SINCE = f"SELECT min(execute_after) {_WAITING}"
LIST_TIMETABLE = (
    "SELECT entrypoint AS name, expression, created, run.finished_at AS succeeded_at,"
    " extract(epoch FROM run.finished_at - run.started_at)::float AS took_seconds"
    " FROM pgqueuer_schedules LEFT JOIN LATERAL (SELECT started_at, finished_at FROM job_run"
    " WHERE name = pgqueuer_schedules.entrypoint AND state = 'done' ORDER BY finished_at DESC LIMIT 1) AS run ON true"
    " ORDER BY entrypoint"
)
# Otherwise schedules of an older release would be late forever.
FORGET_OTHER_SCHEDULES = "DELETE FROM pgqueuer_schedules WHERE entrypoint <> ALL($1::text[])"
OLD_ROWS = {
    "pgqueuer_log": "aggregated AND created < now() - interval '7 days'",
    "pgqueuer_statistics": "created < now() - interval '30 days'",
}
# Jobs taken by a worker that has not been heard of since.
COUNT_STALE = "SELECT count(*) FROM pgqueuer WHERE status = 'picked' AND heartbeat < now() - interval '2 minutes'"
