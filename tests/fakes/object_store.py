"""An object store on loopback: moto's server, which speaks S3, with one empty bucket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aioboto3
import httpx2
from moto.server import ThreadedMotoServer

from settings import Settings

BUCKET = "papers"
_SESSION = aioboto3.Session()


@dataclass
class FakeStore:
    """The running server, and the objects in its bucket."""

    server: ThreadedMotoServer
    url: str

    async def read_all(self) -> dict[str, bytes]:
        """Every object by its key."""
        async with _client(self.url) as s3:
            listed = (await s3.list_objects_v2(Bucket=BUCKET)).get("Contents", [])
            return {each["Key"]: await self._read(s3, each["Key"]) for each in listed}

    async def put(self, key: str, data: bytes) -> None:
        """Write an object without the program."""
        async with _client(self.url) as s3:
            await s3.put_object(Bucket=BUCKET, Key=key, Body=data)

    async def drop(self, key: str) -> None:
        """Delete an object without the program."""
        async with _client(self.url) as s3:
            await s3.delete_object(Bucket=BUCKET, Key=key)

    async def stop(self) -> None:
        """Take the store down."""
        await asyncio.to_thread(self.server.stop)

    @staticmethod
    async def _read(s3, key: str) -> bytes:
        body: bytes = await (await s3.get_object(Bucket=BUCKET, Key=key))["Body"].read()
        return body


def _client(url: str):
    return _SESSION.client(
        "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="id", aws_secret_access_key="secret"
    )


@asynccontextmanager
async def running_store() -> AsyncIterator[FakeStore]:
    """A separate store, deleted afterwards."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    await asyncio.to_thread(server.start)
    host, port = server.get_host_and_port()
    store = FakeStore(server, f"http://{host}:{port}")
    async with httpx2.AsyncClient() as http:
        # moto's data belongs to the process: an earlier server may have left objects.
        await http.post(f"{store.url}/moto-api/reset")
    async with _client(store.url) as s3:
        await s3.create_bucket(Bucket=BUCKET)
    try:
        yield store
    finally:
        await store.stop()


def with_store(settings: Settings, store: FakeStore) -> Settings:
    """The settings with this store set up."""
    return settings.model_copy(
        update={
            "r2_account_id": "account",
            "r2_access_key_id": "id",
            "r2_secret_access_key": "secret",
            "r2_bucket_name": BUCKET,
            "r2_endpoint_url": store.url,
        }
    )
