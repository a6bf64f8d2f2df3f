"""Putting an object into a store that speaks S3: R2 refuses the checksum headers that the library would add."""

import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from domain.kernel.clock import now
from integrations.errors import ServiceFailed
from integrations.r2_client import ObjectStore, put_object


def write_certificate(folder: Path) -> Path:
    """A certificate of 127.0.0.1 that nobody else signed, and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now() - timedelta(days=1))
        .not_valid_after(now() + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    kept = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "store.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + kept)
    return path


@asynccontextmanager
async def store_behind(certificate: Path) -> AsyncIterator[tuple[ObjectStore, list[str]]]:
    """A store over HTTPS, and what it was asked."""
    seen: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(f"{request.method} {request.path}")
        return web.Response()

    server = web.Application()
    server.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(server)
    await runner.setup()
    own = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    own.load_cert_chain(certificate)
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=own).start()
        yield ObjectStore(f"https://127.0.0.1:{runner.addresses[0][1]}", "papers", "id", "secret"), seen
    finally:
        await runner.cleanup()


async def test_what_is_trusted_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = write_certificate(tmp_path)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    read: list[object] = []
    load = ssl.SSLContext.load_verify_locations

    def note(context: ssl.SSLContext, cafile: Any = None, *more: Any, **named: Any) -> None:
        read.append(cafile)
        load(context, cafile, *more, **named)

    async with store_behind(certificate) as (store, seen):
        monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", note)
        for name in ("one", "two", "three"):
            await put_object(store, name, b"User: hello", content_type="text/plain")
    assert seen == ["PUT /papers/one", "PUT /papers/two", "PUT /papers/three"]
    assert read.count(str(certificate)) == 1


async def test_a_store_that_nobody_vouches_for_gets_nothing(tmp_path: Path) -> None:
    async with store_behind(write_certificate(tmp_path)) as (store, seen):
        with pytest.raises(ServiceFailed):
            await put_object(store, "one", b"User: hello", content_type="text/plain")
    assert seen == []


async def test_a_put_carries_no_checksum_of_the_librarys_own() -> None:
    seen: list[tuple[str, dict[str, str], bytes]] = []

    async def answer(request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        seen.append((f"{request.method} {request.path}", headers, await request.read()))
        return web.Response()

    server = web.Application()
    server.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(server)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        store = ObjectStore(f"http://127.0.0.1:{runner.addresses[0][1]}", "papers", "id", "secret")
        await put_object(store, "transcripts/one.txt", b"User: hello", content_type="text/plain")
    finally:
        await runner.cleanup()
    [(line, headers, body)] = seen
    assert (line, body) == ("PUT /papers/transcripts/one.txt", b"User: hello")
    added = [name for name in headers if "checksum" in name or name in {"x-amz-trailer", "content-encoding"}]
    assert added == []
