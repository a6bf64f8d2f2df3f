"""The portal's own files: whole, in part, and never an error for what a browser or a download manager sends."""

import pytest
from quart.typing import TestClientProtocol

PATH = "/static/app.css"


async def test_a_part_of_a_file_is_answered(client: TestClientProtocol) -> None:
    whole = await (await client.get(PATH)).get_data()
    for sent, first, last in (
        ("bytes=0-9", 0, 9),
        ("bytes=5-", 5, len(whole) - 1),
        ("bytes=1-999999999", 1, len(whole) - 1),
    ):
        answer = await client.get(PATH, headers={"Range": sent})
        assert (answer.status_code, await answer.get_data()) == (206, whole[first : last + 1])
        assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{len(whole)}"
    beyond = await client.get(PATH, headers={"Range": f"bytes={len(whole)}-"})
    assert beyond.status_code == 416


@pytest.mark.parametrize(
    "sent",
    ["bytes=abc", "bytes=", "bytes", "bytes=5-2", "items=0-1", "bytes=0-0,5-9", "bytes=--5", "bytes=-5", "bytes=-0",
     "bytes=0-1,abc", "bytes=0x1-2", "", "bytes=9999999999999999999999-"],
)  # fmt: skip
async def test_a_range_that_names_no_part_is_ignored(client: TestClientProtocol, sent: str) -> None:
    whole = await client.get(PATH)
    answer = await client.get(PATH, headers={"Range": sent})
    assert (answer.status_code, await answer.get_data()) == (200, await whole.get_data())
    held = await client.get(PATH, headers={"Range": sent, "If-None-Match": answer.headers["ETag"]})
    assert held.status_code == 304


@pytest.mark.parametrize("name", ["a" * 3000, "%C3%A9" * 200, "vendor", "%00", "../settings.py"])
async def test_what_can_be_no_file_is_not_found(client: TestClientProtocol, name: str) -> None:
    assert (await client.get(f"/static/{name}")).status_code == 404
