"""What our small HTTP responders share: quiet answers, room for a crowd, and an end at a signal."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

__all__ = ["Answer", "Server", "until_signal"]


class Answer(BaseHTTPRequestHandler):
    """Answers one caller and writes nothing down: the callers keep what they were answered."""

    timeout = 10  # seconds a silent client may hold a thread

    def reply(self, kind: str, body: bytes) -> None:
        """Send a body of a media type."""
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """A batch of letters asks at once; whom the usual queue of five drops waits a second."""

    request_queue_size = 128


def until_signal(http: ThreadingHTTPServer, lines: Iterable[str]) -> None:
    """Serve until SIGTERM or SIGINT, after telling some lines on standard output, such as the bound address."""
    with http:
        # shutdown() waits for the serving loop, which this very thread runs: another one must call it.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: threading.Thread(target=http.shutdown).start())
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()
        http.serve_forever(poll_interval=0.1)
