"""The parent of several server processes, at their end."""

import socket

import pytest
import uvicorn
from uvicorn.supervisors import multiprocess

from tasks.serve import DrainingProcesses


def test_connections_are_refused_once_the_last_process_listens_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multiprocess, "SIGNALS", {})
    listening = socket.create_server(("127.0.0.1", 0))
    address = listening.getsockname()
    parent = DrainingProcesses(uvicorn.Config("run:create_app", workers=2), sockets=[listening])
    of_a_process = listening.dup()
    parent.terminate_all()
    socket.create_connection(address).close()
    of_a_process.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)
