"""A process that has loaded the program, from which processes of the program are forked.

Loading torch takes a process five seconds, and tests start a hundred. So they start a small client
instead, which has the loaded process forked, with the client's arguments, environment, folder and
standard streams, passes signals on, and ends as what was forked ends. What is forked is the
program, or runs a script where the arguments begin with ``-c``, as Python would.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

MOST_BYTES = 1 << 20
WORD = 4
"""Bytes of the numbers that the server sends: the process, and then its status."""


def client(address: str) -> tuple[str, ...]:
    """The command that stands for the program while a server listens at `address`."""
    # Without site-packages a Python starts in a few milliseconds.
    return (sys.executable, "-I", "-S", __file__, address)


def process_behind(command: Sequence[str], client: int) -> int:
    """The process that does the work of a client, or of another process that `command` began."""
    file = _process_file(command[-1], client)
    return int(file.read_text(encoding="utf-8")) if file.exists() else client


def _process_file(address: str, client: int) -> Path:
    return Path(address).with_name(f"behind-{client}")


def main(address: str, arguments: Sequence[str]) -> None:
    """Be the program for whoever started this process."""
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(address)
        asked = {
            "argv": arguments,
            "client": os.getpid(),
            "environment": dict(os.environ),
            "folder": str(Path.cwd()),
        }
        content = json.dumps(asked).encode()
        server.sendall(len(content).to_bytes(WORD, "little"))
        socket.send_fds(server, [content[:1]], [0, 1, 2])
        server.sendall(content[1:])
        pid = _number(server)
        for passed_on in (signal.SIGTERM, signal.SIGINT):
            signal.signal(passed_on, lambda number, _frame: os.kill(pid, number))
        status = _number(server)
    if os.WIFSIGNALED(status):
        signal.signal(os.WTERMSIG(status), signal.SIG_DFL)
        os.kill(os.getpid(), os.WTERMSIG(status))
    sys.exit(os.waitstatus_to_exitcode(status))


def _number(stream: socket.socket) -> int:
    return int.from_bytes(_exactly(stream, WORD), "little")


def _exactly(stream: socket.socket, count: int) -> bytes:
    content = b""
    while len(content) < count:
        part = stream.recv(count - len(content))
        if not part:
            raise EOFError
        content += part
    return content


def serve(address: str) -> None:
    """Fork the program for each client, until standard input ends."""
    _load()
    # Where this process forks, nobody else may hold a lock or a pool of threads.
    selector = selectors.DefaultSelector()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen(64)
    ended, wake = socket.socketpair()
    for end in (ended, wake):
        end.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake.fileno())
    for watched in (listener, ended, sys.stdin):
        selector.register(watched, selectors.EVENT_READ)
    os.write(1, b"ready\n")
    clients: dict[int, socket.socket] = {}
    while True:
        for key, _ in selector.select():
            if key.fileobj is listener:
                connection, _ = listener.accept()
                clients[_fork(connection)] = connection
                selector.register(connection, selectors.EVENT_READ)
            elif key.fileobj is ended:
                ended.recv(MOST_BYTES)
                for pid, status in _ended():
                    connection = clients.pop(pid)
                    with suppress(KeyError):
                        selector.unregister(connection)
                    _tell(connection, status)
            elif key.fileobj is sys.stdin:
                for pid in clients:
                    os.kill(pid, signal.SIGKILL)
                return
            else:  # A client that is gone was killed: so is what it stands for.
                selector.unregister(key.fileobj)
                [pid] = [pid for pid, one in clients.items() if one is key.fileobj]
                os.kill(pid, signal.SIGKILL)


def _load() -> None:
    import napari_alc.cli
    import napari_alc.detection.estimate
    import napari_alc.detection.training.validation
    import napari_alc.execution.supervisor
    import napari_alc.project.simulation  # noqa: F401
    from napari_alc.execution import child_process, job_folder

    # Beside other tests on the same cores a child that yields to others might never begin.
    child_process.lower_priority = lambda _pid: None
    child_process.PROGRAM = job_folder.PROGRAM = client(sys.argv[2])


def _ended() -> Iterator[tuple[int, int]]:
    with suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            yield found


def _tell(connection: socket.socket, status: int) -> None:
    with connection, suppress(OSError):
        connection.sendall(status.to_bytes(WORD, "little"))


def _fork(connection: socket.socket) -> int:
    count = _number(connection)
    first, streams, _, _ = socket.recv_fds(connection, 1, 3)
    asked = json.loads(first + _exactly(connection, count - 1))
    pid = os.fork()
    if pid == 0:
        _become(asked, streams)
    for stream in streams:
        os.close(stream)
    connection.sendall(pid.to_bytes(WORD, "little"))
    return pid


def _become(asked: Mapping[str, Any], streams: Sequence[int]) -> None:
    """Be the program that a client asked for, and end with its status."""
    from napari_alc.cli import main as program

    status = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        os.closerange(3, 256)
        os.chdir(asked["folder"])
        os.environ.clear()
        os.environ.update(asked["environment"])
        _process_file(sys.argv[2], asked["client"]).write_text(str(os.getpid()), encoding="utf-8")
        if asked["argv"][:1] == ["-c"]:
            sys.argv = ["-c", *asked["argv"][2:]]
            exec(asked["argv"][1], {"__name__": "__main__"})
        else:
            sys.argv = ["napari-alc", *asked["argv"]]
            program()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(status)


@contextmanager
def zygote() -> Iterator[tuple[str, ...]]:
    """The command that stands for the program within the block."""
    # Not where tests have their files: the address of a socket has a hundred characters at most.
    with TemporaryDirectory(prefix="zygote-") as folder:
        address = str(Path(folder) / "socket")
        server = subprocess.Popen(
            [sys.executable, __file__, "serve", address],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        )
        with server:
            assert server.stdout is not None
            assert server.stdout.readline() == b"ready\n"
            yield client(address)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2])
    else:
        main(sys.argv[1], sys.argv[2:])
