"""Lambda's Runtime API on loopback: a function runs in a process of its own, under AWS's client."""

from __future__ import annotations

import json
import os
import queue
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LONGEST_S = 60


class Runtime:
    """One container of one function. Call it as Lambda would; `seconds` has how long each took.

    ``with Runtime("atalaia.aws.handlers.detect") as detect: detect(event, None)``
    """

    def __init__(self, handler: str) -> None:
        self._handler = handler
        self._asked: queue.Queue[bytes] = queue.Queue()
        self._said: queue.Queue[tuple[str, Any]] = queue.Queue()
        self.seconds: list[float] = []

    def __enter__(self) -> Runtime:
        asked, said = self._asked, self._said

        class Api(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 65_536  # one packet an answer

            def setup(self) -> None:
                super().setup()
                self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

            def do_GET(self) -> None:
                body = asked.get()
                self.send_response(200)
                self.send_header("Lambda-Runtime-Aws-Request-Id", "1")
                until = round((time.time() + LONGEST_S) * 1000)
                self.send_header("Lambda-Runtime-Deadline-Ms", str(until))
                arn = "arn:aws:lambda:sa-east-1:123456789012:function:x"
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

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "awslambdaric", self._handler],
            env=os.environ | {"AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_port}"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._server.shutdown()
        self._server.server_close()

    def __call__(self, event: dict[str, Any], _: Any) -> dict[str, Any]:
        began = time.perf_counter()
        self._asked.put(json.dumps(event).encode())
        kind, answer = self._answer()
        self.seconds.append(time.perf_counter() - began)
        if kind != "response":
            raise RuntimeError(answer.get("errorMessage", answer))
        return answer  # type: ignore[no-any-return]

    def _answer(self) -> tuple[str, Any]:
        for _ in range(LONGEST_S):
            try:
                return self._said.get(timeout=1)
            except queue.Empty:
                if self._process.poll() is not None:
                    break
        raise RuntimeError(f"{self._handler} ended, or did not answer")
