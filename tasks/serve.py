"""The web server: uvicorn with bounded HTTP and an orderly shutdown."""

import asyncio
import os
import shutil
import socket
from pathlib import Path

import psutil
import uvicorn
from uvicorn.supervisors import multiprocess

from settings import Settings, load_settings
from tasks.long_lived import freeze_what_stays
from web.bounded_http import BoundedHttp
from web.draining import begin_draining

GRACEFUL_SECONDS = 5
# Longer than a proxy keeps an idle connection (usually a minute): it must not send to one that we are closing.
KEEP_ALIVE_SECONDS = 75


class DrainingServer(uvicorn.Server):
    """After the signal it continues to answer for `drain_seconds`, as a server that is not ready."""

    def __init__(self, config: uvicorn.Config, *, drain_seconds: float) -> None:
        super().__init__(config)
        self.drain_seconds = drain_seconds

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to answer once everything is loaded."""
        freeze_what_stays()
        await super().startup(sockets)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Continue to answer for a while, unless a second signal arrives, and then stop."""
        begin_draining()
        clock = asyncio.get_running_loop().time
        ends_at = clock() + self.drain_seconds
        while clock() < ends_at and not self.force_exit:  # noqa: ASYNC110 - uvicorn's handler of signals sets a flag
            await asyncio.sleep(0.1)
        await super().shutdown(sockets)


class DrainingProcess(multiprocess.Process):
    """One of several server processes, with a server that shuts down in order."""

    @property
    def server(self) -> uvicorn.Server:
        """Create the server of this process, in the process itself."""
        if self._server is None:
            self._server = DrainingServer(self.config, drain_seconds=load_settings().drain_for)
        return self._server


class DrainingProcesses(multiprocess.Multiprocess):
    """The parent of several server processes, which stops listening when they do.

    If it kept the socket open, connections made after the last process closed it would wait in the kernel and be reset
    at the end. This way they are refused immediately, and a proxy tries another server.
    """

    def terminate_all(self) -> None:
        """Tell all processes to stop."""
        for listening in self.sockets:
            listening.close()
        super().terminate_all()


def run_server(settings: Settings, *, host: str, port: int, workers: int, app: str = "run:create_app") -> None:
    """Serve until a signal arrives; with more than one worker, each is a process of its own.

    `app` names the function that creates the app, in its module.
    """
    config = uvicorn.Config(
        app,
        factory=True,
        host=host,
        port=port,
        workers=workers,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        http=BoundedHttp,
        ws="none",  # Nothing here uses it; a WebSocket request gets the normal answer of its path.
        timeout_graceful_shutdown=GRACEFUL_SECONDS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
    if workers > 1:
        multiprocess.Process = DrainingProcess  # type: ignore[misc]  # No argument takes it.
        DrainingProcesses(config, sockets=[config.bind_socket()]).run()
    else:
        DrainingServer(config, drain_seconds=settings.drain_for).run()


def fresh_metrics_folder(data_dir: Path) -> str:
    """Return an empty directory in which server processes share their metrics; files of ended servers are deleted."""
    for folder in (data_dir / "metrics").glob("*"):
        if folder.name.isdigit() and not psutil.pid_exists(int(folder.name)):
            shutil.rmtree(folder, ignore_errors=True)
    folder = data_dir / "metrics" / str(os.getpid())
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder.resolve())
