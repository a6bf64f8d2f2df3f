"""A body is bounded however it is sent, and a form can't keep everybody else waiting while it is read."""

import pytest
from quart.typing import TestClientProtocol
from werkzeug.exceptions import RequestEntityTooLarge

from web.bodies import BoundedBody

MULTIPART = {"Content-Type": "multipart/form-data; boundary=part"}
URLENCODED = {"Content-Type": "application/x-www-form-urlencoded"}
CHECK = "/pay/nobodys/check"
HEAD = b'--part\r\nContent-Disposition: form-data; name="check_front"; filename="front.jpg"\r\n'


async def send(client: TestClientProtocol, path: str, headers: dict[str, str], *chunks: bytes) -> int:
    """Send a body in chunks, without saying first how long it will be; returns the answer's status."""
    async with client.request(path, method="POST", headers=headers) as connection:
        for chunk in chunks:
            await connection.send(chunk)
        await connection.send_complete()
    return (await connection.as_response()).status_code


async def test_a_file_whose_length_was_not_told_is_read_no_further_than_its_address_takes(client) -> None:
    megabyte = b"\xff" * 1_000_000
    assert await send(client, CHECK, MULTIPART, HEAD + b"\r\n", *[megabyte] * 24, b"\r\n--part--\r\n") == 403
    assert await send(client, CHECK, MULTIPART, HEAD + b"\r\n", *[megabyte] * 25, b"\r\n--part--\r\n") == 413


async def test_what_was_read_already_counts_as_well() -> None:
    body = BoundedBody(None, 64)
    body.bound(10)
    body.append(b"123456")
    assert await anext(body) == b"123456"
    body.append(b"7890")
    assert await anext(body) == b"7890"
    body.append(b"1")
    with pytest.raises(RequestEntityTooLarge):
        await anext(body)


async def test_the_fields_of_a_form_take_a_megabyte_where_files_may_take_more(client) -> None:
    assert await send(client, CHECK, URLENCODED, b"note=" + b"a" * 999_995) == 403
    assert await send(client, CHECK, URLENCODED, b"note=" + b"a" * 999_996) == 413
    answer = await client.post(CHECK, headers=URLENCODED, data=b"note=" + b"a" * 999_996)
    assert answer.status_code == 413


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "GZIP, br", "rubbish"])
async def test_a_compressed_body_is_refused_as_what_it_is(client: TestClientProtocol, encoding: str) -> None:
    body = b'{"username": "nobody", "password": "nothing"}'
    headers = {"Content-Type": "application/json", "Content-Encoding": encoding}
    answer = await client.post("/api/staff/login", headers=headers, data=body)
    assert (answer.status_code, (await answer.get_json())["code"]) == (415, "unsupported_media_type")
    plain = await client.post("/api/staff/login", headers=headers | {"Content-Encoding": "identity"}, data=body)
    assert plain.status_code == 401


@pytest.mark.parametrize(("fields", "status"), [(10_000, 403), (10_001, 413)])
async def test_a_form_has_so_many_fields_at_most(client, fields: int, status: int) -> None:
    assert await send(client, CHECK, URLENCODED, b"&".join([b"a="] * fields)) == status


@pytest.mark.parametrize(
    "head",
    [
        b'Content-Disposition: form-data; name="' + b"a" * 70_000 + b'"\r\n',
        b"A: b\r\n" * 12_000,
    ],
    ids=["a long name", "many lines"],
)
async def test_the_head_of_a_part_is_bounded_although_its_file_is_large(client, head: bytes) -> None:
    assert await send(client, CHECK, MULTIPART, b"--part\r\n" + head + b"\r\nfile\r\n--part--\r\n") == 413


async def test_what_comes_before_the_first_part_is_bounded(client) -> None:
    assert await send(client, CHECK, MULTIPART, b"a" * 70_000 + b"\r\n" + HEAD + b"\r\nfile\r\n--part--\r\n") == 413
