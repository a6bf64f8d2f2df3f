"""A rival that commits between a claim's look and its lock is not overwritten: the act is undone, and tried again."""

from dataclasses import replace

import pytest
from sqlalchemy import select, update

from domain.access.idempotency import Claim, claim_key, keep_answer
from domain.kernel.errors import KeyReused, Refused
from models import IdempotencyKey

CLAIM = Claim("staff:1", "place_order", "key-1", "hash")


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
    with pytest.raises(KeyReused, match="was done"):
        await claim_key(db, other)
