"""Staff JWTs after a rotation of SECRET_KEY: the newest key signs, and tokens of a retired key are still accepted."""

import pytest
from quart.typing import TestClientProtocol
from sqlalchemy.ext.asyncio import AsyncSession

from app import build_app
from domain.staff.tokens import issue_staff_token, read_staff_token
from settings import Settings
from tests.conftest import SECRET
from tests.factories import make_staff, sign_in

NEW = "another secret of the tests that is long enough"


@pytest.mark.parametrize(
    ("signed_with", "read_with", "is_believed"),
    [(SECRET, f"{NEW},{SECRET}", True), (f"{NEW},{SECRET}", NEW, True), (SECRET, NEW, False)],
)
def test_a_token_outlives_a_rotation_but_not_its_key(signed_with: str, read_with: str, is_believed: bool) -> None:
    claims = read_staff_token(read_with, issue_staff_token(signed_with, 7, 9))
    assert (claims is not None) is is_believed
    assert claims is None or (claims["sub"], claims["sid"]) == ("7", 9)


async def test_a_session_outlives_a_rotation(settings: Settings, client: TestClientProtocol, db: AsyncSession) -> None:
    await sign_in(client, db, await make_staff(db))
    assert client.cookie_jar is not None
    cookie = next(cookie for cookie in client.cookie_jar if cookie.name == "ladle_staff")
    for secret, status in ((f"{NEW},{SECRET}", 200), (NEW, 401)):
        rotated = build_app(settings.model_copy(update={"secret_key": secret}))
        response = await rotated.test_client().get("/api/staff/me", headers={"Cookie": f"ladle_staff={cookie.value}"})
        assert response.status_code == status
