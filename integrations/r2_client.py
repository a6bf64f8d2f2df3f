"""Cloudflare R2, or any store with the S3 protocol: whole objects are put, fetched and deleted by key.

A put replaces an object with the same key, and deleting a missing object is no error, so both can be repeated.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from integrations.errors import ServiceFailed, ServiceRefused

TIMEOUT_SECONDS = 15
_GONE = {"NoSuchKey", "404"}


@dataclass(frozen=True, slots=True)
class ObjectStore:
    """One bucket, with its credentials."""

    endpoint_url: str
    bucket: str
    access_key_id: str
    secret_access_key: str = field(repr=False)


async def put_object(store: ObjectStore, key: str, data: bytes, *, content_type: str) -> None:
    """Store `data` under `key`. Raises ServiceFailed if the store did not confirm it."""
    async with _opened(store) as client:
        await client.put_object(Bucket=store.bucket, Key=key, Body=data, ContentType=content_type)


async def fetch_object(store: ObjectStore, key: str) -> bytes:
    """Return the object under `key`. Raises ServiceRefused if there is none, else ServiceFailed."""
    async with _opened(store) as client:
        answer = await client.get_object(Bucket=store.bucket, Key=key)
        async with answer["Body"] as body:
            return bytes(await body.read())


async def delete_object(store: ObjectStore, key: str) -> None:
    """Delete the object under `key`. Raises ServiceFailed if the store did not confirm it."""
    async with _opened(store) as client:
        await client.delete_object(Bucket=store.bucket, Key=key)


@asynccontextmanager
async def _opened(store: ObjectStore) -> AsyncIterator[Any]:
    """Open a client of the store whose errors are converted to ours."""
    # The library and its description of S3 take a quarter of a second to load, once.
    session = await asyncio.to_thread(_load_session)
    import aiohttp
    from aiobotocore.config import AioConfig
    from botocore.exceptions import BotoCoreError, ClientError

    config = AioConfig(
        connect_timeout=TIMEOUT_SECONDS,
        read_timeout=TIMEOUT_SECONDS,
        retries={"total_max_attempts": 2, "mode": "standard"},
        # R2 refuses the checksums that the library adds by default.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={"addressing_style": "path"},
        http_session_cls=_connections(),
    )
    try:
        async with session.client(
            "s3",
            endpoint_url=store.endpoint_url,
            region_name="auto",
            aws_access_key_id=store.access_key_id,
            aws_secret_access_key=store.secret_access_key,
            config=config,
        ) as client:
            yield client
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in _GONE:
            raise ServiceRefused("The object store has no such object.") from error
        raise ServiceFailed(f"The object store refused ({code or 'no reason given'}).") from error
    except (BotoCoreError, aiohttp.ClientError, TimeoutError, OSError) as error:
        raise ServiceFailed(f"The object store could not be reached: {type(error).__name__}.") from error


@cache
def _load_session() -> Any:
    """Return the library's session, with the description of S3 loaded."""
    import aioboto3
    from aiobotocore.session import get_session

    session = get_session()
    session.get_component("data_loader").load_service_model("s3", "service-2")
    _read_trusted(True)
    return aioboto3.Session(botocore_session=session)


@cache
def _connections() -> Any:
    """Return the library's connection class, changed to read trusted certificates once, not per client (40 ms)."""
    import aiohttp
    from aiobotocore.httpsession import AIOHTTPSession

    class Connections(AIOHTTPSession):  # type: ignore[misc, no-any-unimported, unused-ignore]
        def _create_connector(self, proxy_url: str | None) -> Any:
            if proxy_url or self._cert_file or not self._verify:
                return super()._create_connector(proxy_url)
            trusted = _read_trusted(self._verify)
            return aiohttp.TCPConnector(limit=self._max_pool_connections, ssl=trusted, **self._connector_args)

    return Connections


@cache
def _read_trusted(verify: bool | str) -> ssl.SSLContext:
    """Return the certificates that TLS trusts, as the library reads them: its own, or those of an operator's file."""
    from botocore.httpsession import create_urllib3_context, get_cert_path

    context: ssl.SSLContext = create_urllib3_context()
    context.load_verify_locations(get_cert_path(verify))
    return context
