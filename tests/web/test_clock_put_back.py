"""A clock that is set back, or another machine's that is ahead, neither signs anyone out nor locks anyone out."""

from datetime import timedelta

import pytest
from itsdangerous import BadSignature, TimestampSigner

from domain.access import rate_limits
from domain.access.rate_limits import use_limit
from domain.access.signing import TimedSerializer
from domain.kernel.clock import now
from domain.kernel.errors import TooMany
from domain.staff import tokens
from models import SessionKind
from tests.factories import make_customer, make_staff, sign_in

AHEAD = 3600


@pytest.fixture
def signed_ahead(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Another machine signs, whose clock is an hour ahead."""
    right = TimestampSigner.get_timestamp
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda signer: right(signer) + AHEAD)
    return monkeypatch


@pytest.mark.parametrize(("ahead", "is_good"), [(AHEAD, True), (0, True), (-59, True), (-61, False)])
def test_what_was_signed_runs_out_by_age_alone(monkeypatch, ahead: int, is_good: bool) -> None:
    moment = int(now().timestamp()) + ahead
    with monkeypatch.context() as patch:
        patch.setattr(TimestampSigner, "get_timestamp", lambda _: moment)
        token = TimedSerializer("a key", salt="a salt").dumps([1, "text"])
    if not is_good:
        with pytest.raises(BadSignature):
            TimedSerializer("a key", salt="a salt").loads(token, max_age=60)
        return
    assert TimedSerializer("a key", salt="a salt").loads(token, max_age=60) == [1, "text"]
    read, signed_at = TimedSerializer("a key", salt="a salt").loads(token, max_age=60, return_timestamp=True)
    assert (read, int(signed_at.timestamp())) == ([1, "text"], moment)


@pytest.mark.parametrize(
    ("kind", "path"), [(SessionKind.STAFF, "/api/staff/me"), (SessionKind.CUSTOMER, "/api/auth/me")]
)
async def test_a_session_of_a_machine_ahead_is_a_session(
    client, db, signed_ahead, kind: SessionKind, path: str
) -> None:
    person = await make_staff(db) if kind is SessionKind.STAFF else await make_customer(db)
    await sign_in(client, db, person)
    signed_ahead.undo()
    assert (await client.get(path)).status_code == 200


def test_a_token_of_a_machine_ahead_is_read(monkeypatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(tokens, "now", lambda: now() + timedelta(seconds=AHEAD))
        token = tokens.issue_staff_token("a secret of the test that is long", 1, 2)
    claims = tokens.read_staff_token("a secret of the test that is long", token)
    assert claims is not None
    assert (claims["sub"], claims["sid"]) == ("1", 2)


async def test_a_limit_begins_again_once_its_window_lies_an_hour_ahead(committed, monkeypatch) -> None:
    minute = timedelta(minutes=1)
    with monkeypatch.context() as patch:
        patch.setattr(rate_limits, "now", lambda: now() + timedelta(seconds=AHEAD))
        await use_limit("api_key", "key:1", limit=1, window=minute)
    await use_limit("api_key", "key:1", limit=1, window=minute)
    # A machine whose clock is a little behind does not begin it again.
    monkeypatch.setattr(rate_limits, "now", lambda: now() - timedelta(seconds=5))
    with pytest.raises(TooMany):
        await use_limit("api_key", "key:1", limit=1, window=minute)
