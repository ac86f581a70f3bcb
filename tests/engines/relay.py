"""A relay before a real server, which remembers what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

_OF_ONE_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "host"})


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request that passed."""

    path: str
    body: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Relay:
    """Its address, and what passed so far."""

    url: str
    """Ends in /v1."""
    asked: list[Asked] = field(default_factory=list)

    def to(self, path: str) -> list[dict[str, Any]]:
        """The bodies that went to this path, in order."""
        return [each.body for each in self.asked if each.path == path]


@contextmanager
def relay_to(url: str, *, drops: str | None = None) -> Iterator[Relay]:
    """A relay before the server at this base URL. `drops`: a field that it does not pass on."""
    target = urlsplit(url)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._pass_on(b"")

        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["content-length"]))
            body = json.loads(data)
            relay.asked.append(Asked(path=self.path, body=body))
            passed = {name: value for name, value in body.items() if name != drops}
            self._pass_on(json.dumps(passed).encode())

        def _pass_on(self, data: bytes) -> None:
            server = HTTPConnection(str(target.hostname), target.port)
            kept = {name: value for name, value in self.headers.items() if name.lower() not in _OF_ONE_HOP}
            try:
                server.request(self.command, self.path, data, kept)
                self._give_back(server.getresponse())
            except OSError:
                self.close_connection = True
            finally:
                server.close()

        def _give_back(self, response: HTTPResponse) -> None:
            self.send_response(response.status)
            self.send_header("Content-Type", response.headers.get("content-type", "text/plain"))
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            while piece := response.read1(65536):
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")

        def log_message(self, *_: object) -> None:
            pass

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    relay = Relay(url=f"http://127.0.0.1:{listener.server_address[1]}{target.path}")
    thread = threading.Thread(target=listener.serve_forever, daemon=True)
    thread.start()
    try:
        yield relay
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()
