"""Requests with the same idempotency key at the same time: one acts, and the other is undone and gets its answer."""

from dataclasses import replace

import pytest
from sqlalchemy import select, text, update

from domain.access.idempotency import KEPT_FOR, Claim, claim_key, claim_or_wait, hash_request, keep_answer
from domain.kernel.errors import KeyReused, Refused
from domain.messages.letter import Letter
from domain.messages.outbox import queue_mail
from models import IdempotencyKey
from models.session import Database, raw_connection

CLAIM = Claim("staff:1", "place_order", "key-1", "hash")


def test_parts_of_a_request_that_are_cut_elsewhere_are_another_request() -> None:
    assert hash_request(b"POST", b"a") == hash_request(b"POST", b"a")
    assert len({hash_request(b"POST", b"a"), hash_request(b"POS", b"Ta"), hash_request(b"POSTa")}) == 3


async def test_an_answer_that_a_rival_kept_meanwhile_stays_and_the_act_is_refused(committed) -> None:
    async with committed.session() as late:
        assert await claim_key(late, CLAIM) is None
        async with committed.session() as rival:
            # What the rival committed is not seen by the look that came before it.
            await keep_answer(rival, CLAIM, 201, b"first")
            await rival.commit()
        with pytest.raises(Refused) as refusal:
            await keep_answer(late, CLAIM, 201, b"second")
        assert refusal.value.code == "request_in_progress"
        await late.rollback()
    async with committed.session() as db:
        kept = await claim_key(db, CLAIM)
        assert kept is not None
        assert kept.body == b"first"


async def test_a_kept_answer_is_sealed_and_bound_to_its_key(db) -> None:
    other = replace(CLAIM, key="key-2")
    for claim in (CLAIM, other):
        await keep_answer(db, claim, 200, claim.key.encode())
    body = await db.scalar(select(IdempotencyKey.body).where(IdempotencyKey.key == "key-1"))
    assert b"key-1" not in body
    await db.execute(update(IdempotencyKey).where(IdempotencyKey.key == "key-2").values(body=body))
    kept = await claim_key(db, CLAIM)
    assert kept is not None
    assert kept.body == b"key-1"
    with pytest.raises(KeyReused, match="This request succeeded"):
        await claim_key(db, other)


async def ask(database: Database, claim: Claim = CLAIM, answer: bytes | None = None) -> bytes | None:
    """Claim the key in a raw transaction, keep the answer or undo it, and return what was kept before."""
    transaction = database.raw_transaction()
    try:
        kept = await claim_key(transaction, claim)
        if kept is None and answer is not None:
            await keep_answer(transaction, claim, 201, answer)
        return kept.body if kept else None
    finally:
        await transaction.rollback()
        await transaction.close()


async def test_a_raw_transaction_claims_as_it_begins_and_keeps_as_it_ends(committed: Database) -> None:
    hostile = replace(CLAIM, caller="guest:'; DROP TABLE idempotency_key; --\\", key="k\\' || chr(0) || E'\\x00 $1 😀")
    for claim in (CLAIM, hostile):
        assert await ask(committed, claim) is None
        assert await ask(committed, claim, b"first") is None
        assert await ask(committed, claim, b"second") == b"first"
        with pytest.raises(KeyReused):
            await ask(committed, replace(claim, request_hash="another"))
    async with committed.session() as db:
        kept = await db.execute(select(IdempotencyKey.caller, IdempotencyKey.key).order_by(IdempotencyKey.caller))
        assert [tuple(row) for row in kept] == [(hostile.caller, hostile.key), (CLAIM.caller, CLAIM.key)]
        await db.execute(update(IdempotencyKey).values(created_at=text("now() - interval '25 hours'")))
        await db.commit()
    # The key may then name another request, which is the one that is known from then on.
    later = replace(CLAIM, request_hash="another")
    assert await ask(committed, later, b"a day later") is None
    assert await ask(committed, later) == b"a day later"


async def test_an_answer_that_is_too_old_is_none_for_who_would_wait(committed: Database) -> None:
    assert await ask(committed, CLAIM, b"first") is None
    async with committed.session() as db:
        waited = await claim_or_wait(db, CLAIM, wait_seconds=1, kept_for=KEPT_FOR)
        assert waited is not None
        assert waited.body == b"first"
        await db.execute(update(IdempotencyKey).values(created_at=text("now() - interval '25 hours'")))
        await db.commit()
        assert await claim_or_wait(db, CLAIM, wait_seconds=1, kept_for=KEPT_FOR) is None
        await db.rollback()


async def test_one_of_two_has_the_key_whichever_way_they_ask(committed: Database) -> None:
    for first, second in (
        (committed.raw_transaction, committed.session),
        (committed.session, committed.raw_transaction),
    ):
        one, other = first(), second()
        assert await claim_key(one, CLAIM) is None
        with pytest.raises(Refused):
            await claim_key(other, CLAIM)
        for transaction in (one, other):
            await transaction.rollback()
            await transaction.close()


async def test_what_a_rival_kept_undoes_a_raw_transaction(committed: Database) -> None:
    late = committed.raw_transaction()
    connection = await raw_connection(late)
    await connection.execute("INSERT INTO category (name) VALUES ('Half')")
    assert await ask(committed, CLAIM, b"first") is None
    with pytest.raises(Refused) as refusal:
        await keep_answer(late, CLAIM, 201, b"second")
    assert refusal.value.code == "request_in_progress"
    await late.rollback()
    await late.close()
    assert await ask(committed) == b"first"
    async with committed.raw_reading() as reading:
        assert await reading.fetchval("SELECT count(*) FROM category") == 0


async def test_a_mail_of_a_raw_transaction_is_queued_as_it_commits(committed: Database) -> None:
    letter = Letter("test", "It's \\ here", "Line one\nE'\\n' $1 \\' ; ROLLBACK; -- 😀")
    for keeps in (False, True, True):
        transaction = committed.raw_transaction()
        await queue_mail(transaction, letter, to="kim@kitchen.example", dedupe_key="once")
        await (transaction.commit() if keeps else transaction.rollback())
        await transaction.close()
    async with committed.raw_reading() as connection:
        rows = await connection.fetch("SELECT id, subject, body_text FROM outbox_message")
        assert [(row["subject"], row["body_text"]) for row in rows] == [(letter.subject, letter.text)]
        payloads = await connection.fetch("SELECT payload->>'message_id' AS id FROM job_run")
        assert [int(row["id"]) for row in payloads] == [rows[0]["id"]]
