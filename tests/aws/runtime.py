"""Lambda on loopback: each function in a process of its own, under AWS's own runtime client.

What a function finds there is what Lambda gives it: its variables, its region and role, and nothing
of the machine's. A process that ended is replaced at the next call, as Lambda replaces it.
"""

from __future__ import annotations

import json
import os
import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import atalaia
from aws.container import STRINGS, Strings

PATH = os.pathsep.join(
    str(file.resolve().parents[1]) for file in (Path(__file__), Path(atalaia.__file__))
)
"""What a package would have in it: the program; and these tests, for `aws.container`."""

_PATIENCE = 6
"""So many times its time-out a function may take here before it is ended: a machine that many tests
share is slower than Lambda's. It is told its own, and goes by it."""

_TAIL = 3_000
"""Letters of a function's log that stand in an error."""


class FunctionFailed(RuntimeError):
    """The function raised, its time was over, or its process ended."""


class Died(FunctionFailed):
    """Its process ended in the middle of a call."""


class Runtime:
    """One function. Call it as Lambda does, one event at a time.

    ``with Runtime("atalaia.run.aws.detect.handle", variables, 60, folder) as detect:``

    variables    of its environment, complete
    timeout_s    what it is told that it has
    folder       for its log
    """

    def __init__(
        self, handler: str, variables: Mapping[str, str], timeout_s: float, folder: Path
    ) -> None:
        self._handler = handler
        self._variables = dict(variables)
        self._timeout_s = timeout_s
        name = handler.split(".")[-2]
        self._log = folder / f"{name}.log"
        self._strings_file = folder / f"{name}.strings"
        self.strings = Strings(self._strings_file)
        self._container: _Container | None = None
        self.seconds: list[float] = []

    def __enter__(self) -> Runtime:
        return self

    def __exit__(self, *_: object) -> None:
        self.restart()

    def __call__(self, event: dict[str, Any], _: Any = None) -> Any:
        """What it answered. Raises FunctionFailed."""
        if self._container is None:
            variables = self._variables | {STRINGS: str(self._strings_file)}
            self._container = _Container(self._handler, variables, self._log)
        began = time.perf_counter()
        until = time.time() + self.strings.ahead_s + self._timeout_s
        kind, answer = self._container.ask(event, until, _PATIENCE * self._timeout_s)
        self.seconds.append(time.perf_counter() - began)
        if kind == "response":
            return answer
        if kind != "error":
            self.restart()
        failed = Died if kind == "ended" else FunctionFailed
        raise failed(f"{self._handler} {kind}: {answer}\n{self._said()}")

    def kill(self) -> None:
        """SIGKILL, whatever it is doing."""
        if self._container is not None:
            self._container.process.kill()

    def restart(self) -> None:
        """The next call finds a new container."""
        if self._container is not None:
            self._container.close()
            self._container = None

    def _said(self) -> str:
        return self._log.read_text("utf-8", "replace")[-_TAIL:] if self._log.exists() else ""


class _Container:
    """A process, and the Runtime API that it asks for events."""

    def __init__(self, handler: str, variables: Mapping[str, str], log: Path) -> None:
        self._asked: queue.Queue[tuple[bytes, float]] = queue.Queue()
        self._said: queue.Queue[tuple[str, Any]] = queue.Queue()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._api())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "aws.container", handler],
                env={
                    **variables,
                    "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_port}",
                    "PYTHONPATH": PATH,
                },
                stdout=out,
                stderr=out,
            )
        threading.Thread(target=self._watch, daemon=True).start()

    def ask(self, event: dict[str, Any], until: float, timeout_s: float) -> tuple[str, Any]:
        """``response`` or ``error`` with what it said, ``ended`` or ``timed out``."""
        self._asked.put((json.dumps(event).encode(), until))
        try:
            return self._said.get(timeout=timeout_s)
        except queue.Empty:
            return "timed out", f"{timeout_s} s"

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._server.shutdown()
        self._server.server_close()

    def _watch(self) -> None:
        status = self.process.wait()
        self._said.put(("ended", f"with status {status}"))

    def _api(self) -> type[BaseHTTPRequestHandler]:
        asked, said = self._asked, self._said

        class Api(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 65_536  # one packet an answer

            def setup(self) -> None:
                super().setup()
                self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

            def do_GET(self) -> None:
                body, until = asked.get()
                self.send_response(200)
                self.send_header("Lambda-Runtime-Aws-Request-Id", "1")
                self.send_header("Lambda-Runtime-Deadline-Ms", str(round(until * 1000)))
                arn = "arn:aws:lambda:us-east-1:123456789012:function:x"
                self.send_header("Lambda-Runtime-Invoked-Function-Arn", arn)
                self.send_header("Lambda-Runtime-Trace-Id", "Root=1-0-0")
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                said.put((self.path.rpartition("/")[2], json.loads(body)))
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        return Api
