"""What the program does while it loads, and the parent of several server processes at their end."""

import gc
import socket

import pytest
import uvicorn
from uvicorn.supervisors import multiprocess

from run import loading
from tasks.serve import DrainingProcesses


def test_the_garbage_collector_rests_while_the_program_loads() -> None:
    with loading():
        rests = not gc.isenabled()
    gc.unfreeze()
    assert (rests, gc.isenabled()) == (True, True)


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
