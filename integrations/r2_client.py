"""Cloudflare R2, or any store that speaks S3: whole objects are put, fetched and deleted under their keys.

A put under the same key replaces what was there, and deleting what is not there is no failure, so that either may be
done again.
"""

import asyncio
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
    """One bucket, and whose it is."""

    endpoint_url: str
    bucket: str
    access_key_id: str
    secret_access_key: str = field(repr=False)


async def put_object(store: ObjectStore, key: str, data: bytes, *, content_type: str) -> None:
    """Keep `data` under `key`; raises ServiceFailed when the store did not say that it has it."""
    async with _opened(store) as client:
        await client.put_object(Bucket=store.bucket, Key=key, Body=data, ContentType=content_type)


async def fetch_object(store: ObjectStore, key: str) -> bytes:
    """What lies under `key`; raises ServiceRefused when nothing does, else ServiceFailed."""
    async with _opened(store) as client:
        answer = await client.get_object(Bucket=store.bucket, Key=key)
        async with answer["Body"] as body:
            return bytes(await body.read())


async def delete_object(store: ObjectStore, key: str) -> None:
    """Drop what lies under `key`; raises ServiceFailed when the store did not say that it is gone."""
    async with _opened(store) as client:
        await client.delete_object(Bucket=store.bucket, Key=key)


@asynccontextmanager
async def _opened(store: ObjectStore) -> AsyncIterator[Any]:
    """A client of the store, whose failures carry our words."""
    # The library and its description of S3 take a quarter of a second to load, once.
    session = await asyncio.to_thread(_load_session)
    import aiohttp
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    config = Config(
        connect_timeout=TIMEOUT_SECONDS,
        read_timeout=TIMEOUT_SECONDS,
        retries={"total_max_attempts": 2, "mode": "standard"},
        # R2 refuses the checksums that the library adds by itself.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={"addressing_style": "path"},
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
    """The library's session, with the description of S3 read."""
    import aioboto3
    from aiobotocore.session import get_session

    session = get_session()
    session.get_component("data_loader").load_service_model("s3", "service-2")
    return aioboto3.Session(botocore_session=session)
