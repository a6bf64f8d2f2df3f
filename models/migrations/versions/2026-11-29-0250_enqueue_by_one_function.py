"""Jobs are enqueued and live pages notified by one function each, from SQL and from Python.

Revision ID: enqueue_by_function
Revises: open_label_batches
"""

from alembic import op

revision = "enqueue_by_function"
down_revision = "open_label_batches"
branch_labels = None
depends_on = None

# The only place that writes into pgqueuer's tables: when they change, this function is replaced.
QUEUE_RUN = """
CREATE FUNCTION queue_run(run_id bigint, job_name text, delay_seconds double precision DEFAULT 0) RETURNS void
LANGUAGE sql AS $body$
WITH job AS (
  INSERT INTO pgqueuer (priority, entrypoint, payload, execute_after, status)
  VALUES (0, job_name, convert_to(run_id::text, 'UTF8'), now() + delay_seconds * interval '1 second', 'queued')
  RETURNING id, priority, entrypoint
)
INSERT INTO pgqueuer_log (job_id, status, entrypoint, priority) SELECT id, 'queued', entrypoint, priority FROM job
$body$
"""
# The id of the new row in job_run; NULL when an open job has the same key and stands for this one too.
ENQUEUE_JOB = """
CREATE FUNCTION enqueue_job(
  job_name text, job_payload jsonb, job_key text DEFAULT NULL, delay_seconds double precision DEFAULT 0
) RETURNS bigint LANGUAGE plpgsql AS $body$
DECLARE
  run_id bigint;
BEGIN
  INSERT INTO job_run (name, payload, dedupe_key) VALUES (job_name, job_payload, job_key)
  ON CONFLICT (dedupe_key) WHERE state IN ('queued', 'running') DO NOTHING RETURNING id INTO run_id;
  IF run_id IS NOT NULL THEN
    PERFORM queue_run(run_id, job_name, delay_seconds);
  END IF;
  RETURN run_id;
END
$body$
"""
ANNOUNCE = """
CREATE FUNCTION announce(topic text, record_id text) RETURNS void LANGUAGE sql AS $body$
SELECT pg_notify('ladle_live', topic || ':' || record_id)
$body$
"""


def upgrade() -> None:
    for function in (QUEUE_RUN, ENQUEUE_JOB, ANNOUNCE):
        op.execute(function)


def downgrade() -> None:
    op.execute("DROP FUNCTION announce(text, text)")
    op.execute("DROP FUNCTION enqueue_job(text, jsonb, text, double precision)")
    op.execute("DROP FUNCTION queue_run(bigint, text, double precision)")
