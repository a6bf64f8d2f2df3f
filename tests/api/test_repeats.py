"""A rival that commits between a claim's look and its lock is not overwritten: the act is undone, and tried again."""

import pytest
from sqlalchemy import select

from domain.kernel.errors import Refused
from domain.kernel.idempotency import Claim, claim_key, keep_answer
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
        assert (await db.scalar(select(IdempotencyKey.body))) == b"first"
        kept = await claim_key(db, CLAIM)
        assert kept is not None
        assert kept.body == b"first"
