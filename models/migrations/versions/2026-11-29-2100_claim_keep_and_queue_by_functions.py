"""A key is claimed, an answer kept and a message queued by one function each, so that they can share a message.

Revision ID: claim_by_function
Revises: c41d7a90be52
"""

from alembic import op

revision = "claim_by_function"
down_revision = "c41d7a90be52"
branch_labels = None
depends_on = None

# True for a key that is this transaction's now and has no answer. The look comes after the lock, in a statement of its
# own, so that it sees what a rival committed in between.
CLAIM_KEY = """
CREATE FUNCTION claim_key(by_caller text, on_route text, with_key text, kept_for interval) RETURNS boolean
LANGUAGE plpgsql AS $body$
BEGIN
  IF NOT pg_try_advisory_xact_lock(hashtextextended(by_caller || chr(1) || on_route || chr(1) || with_key, 0)) THEN
    RETURN false;
  END IF;
  PERFORM FROM idempotency_key
  WHERE caller = by_caller AND route = on_route AND key = with_key AND created_at > now() - kept_for;
  RETURN NOT FOUND;
END
$body$
"""
# LL001: another request with the key was done meanwhile, and its answer stands.
KEEP_ANSWER = """
CREATE FUNCTION keep_answer(
  by_caller text, on_route text, with_key text, hash text, answer_status int, answer bytea, kept_for interval
) RETURNS void LANGUAGE plpgsql AS $body$
BEGIN
  INSERT INTO idempotency_key (caller, route, key, request_hash, status, body)
  VALUES (by_caller, on_route, with_key, hash, answer_status, answer)
  ON CONFLICT (caller, route, key) DO UPDATE SET request_hash = excluded.request_hash, status = excluded.status,
    body = excluded.body, created_at = now()
  WHERE idempotency_key.created_at <= now() - kept_for;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'The same request has just been done.' USING ERRCODE = 'LL001';
  END IF;
END
$body$
"""
# The message's id; NULL when there is one with its dedupe key already.
QUEUE_MESSAGE = """
CREATE FUNCTION queue_message(
  by_channel text, of_kind text, to_recipient text, about text, message_text text, of_order bigint, of_customer bigint,
  only_once text, job text, secret text DEFAULT NULL, secret_until timestamptz DEFAULT NULL,
  filenames text[] DEFAULT '{}', content_types text[] DEFAULT '{}', contents bytea[] DEFAULT '{}'
) RETURNS bigint LANGUAGE plpgsql AS $body$
DECLARE
  new_id bigint;
BEGIN
  INSERT INTO outbox_message (channel, kind, recipient, subject, body_text, order_id, customer_id, dedupe_key,
    secret_sealed, secret_expires_at)
  VALUES (by_channel, of_kind, to_recipient, about, message_text, of_order, of_customer, only_once, secret,
    secret_until)
  ON CONFLICT (dedupe_key) DO NOTHING RETURNING id INTO new_id;
  IF new_id IS NULL THEN
    RETURN NULL;
  END IF;
  IF cardinality(filenames) > 0 THEN
    INSERT INTO outbox_attachment (message_id, position, filename, content_type, data)
    SELECT new_id, file.position, file.filename, file.content_type, file.data
    FROM unnest(filenames, content_types, contents) WITH ORDINALITY AS file(filename, content_type, data, position);
  END IF;
  PERFORM enqueue_job(job, jsonb_build_object('message_id', new_id));
  RETURN new_id;
END
$body$
"""


def upgrade() -> None:
    """Make the functions."""
    for function in (CLAIM_KEY, KEEP_ANSWER, QUEUE_MESSAGE):
        op.execute(function)


def downgrade() -> None:
    """Drop them."""
    op.execute(
        "DROP FUNCTION queue_message(text, text, text, text, text, bigint, bigint, text, text, text, timestamptz,"
        " text[], text[], bytea[])"
    )
    op.execute("DROP FUNCTION keep_answer(text, text, text, text, int, bytea, interval)")
    op.execute("DROP FUNCTION claim_key(text, text, text, interval)")
