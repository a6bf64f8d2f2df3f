"""Clients of HTTP share what their encryption trusts, whose reading would keep everything else waiting."""

import ssl
from pathlib import Path

import httpx2
import pytest

from integrations import http


async def test_what_is_trusted_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[ssl.SSLContext] = []
    make = httpx2.create_ssl_context

    def note() -> ssl.SSLContext:
        read.append(make())
        return read[-1]

    monkeypatch.setattr(httpx2, "create_ssl_context", note)
    http._read_trusted.cache_clear()
    for _ in range(3):
        async with http.open_client(timeout_seconds=1) as client:
            assert client.timeout == httpx2.Timeout(1)
            assert not client.follow_redirects
    assert len(read) == 1
    assert read[0].verify_mode is ssl.CERT_REQUIRED
    assert read[0].check_hostname


def test_no_vendor_s_client_reads_it_again() -> None:
    made = [path.name for path in Path(http.__file__).parent.glob("*.py") if "httpx2.AsyncClient(" in path.read_text()]
    assert made == ["http.py"]
