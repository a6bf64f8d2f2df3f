"""Putting an object into a store that speaks S3: R2 refuses the checksum headers that the library would add."""

from aiohttp import web

from integrations.r2_client import ObjectStore, put_object


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
