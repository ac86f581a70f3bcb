"""A server for attacks on `serve:`: python nasty_server.py PORT PIDS [WORD …]

Writes its process id, and those of what it starts, to the file PIDS, one a line, and then behaves as the
words say: `health=…` (ok, a status, garbage, endless, hang or missing) is how it answers when asked for its
health; `never-listens`; `slow`, it never answers a chat, and tells PIDS that it was asked; `dies-after=N`
chats, and `dies-when-listed`, with exit code 3; `children`, one of them in a session of its own; `family`,
the same and deaf to SIGTERM; `daemon`, it goes into the background and its first process ends; `kills-guard`,
and its family lives on; `talks`, a line of its log every 50 ms; `floods`, many MB of it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PORT, PIDS, WORDS = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
SAID = dict(word.split("=") for word in WORDS if "=" in word)
SLEEP = "import time; time.sleep(600)"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEP}"


class Handler(BaseHTTPRequestHandler):
    chats = 0

    def do_GET(self) -> None:
        if self.path == "/health":
            self._health(SAID.get("health", "ok"))
        elif self.path == "/v1/models":
            if "dies-when-listed" in WORDS:
                end("asked for its models")
            self._json({"object": "list", "data": [{"id": "nasty", "object": "model"}]})
        else:
            self._status(404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path != "/v1/chat/completions":
            self._status(404)
            return
        Handler.chats += 1
        if Handler.chats > int(SAID.get("dies-after", 10**9)):
            end("CUDA error: out of memory")
        if "slow" in WORDS:
            note(os.getpid())
            time.sleep(600)
        if json.loads(body).get("stream"):
            self._stream()
        else:
            self._json({"choices": [{"index": 0, "message": {"content": "4"}, "finish_reason": "stop"}]})

    def _health(self, how: str) -> None:
        if how == "garbage":
            self.wfile.write(b"\x00\xff\x1b[2J no http \r\n\r\n" * 10)
        elif how == "endless":
            while True:
                self.wfile.write(b"HTTP/1.1 200 OK\r\nX-" + b"a" * 65536)
        elif how == "hang":
            time.sleep(600)
        else:
            self._status({"ok": 200, "missing": 404}.get(how) or int(how))

    def _status(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _json(self, value: object) -> None:
        text = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for delta, finish in (({"content": r"\boxed{4}"}, None), ({}, "stop")):
            choice = {"index": 0, "delta": delta, "finish_reason": finish}
            self.wfile.write(b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n")
        self.wfile.write(b"data: [DONE]\n\n")

    def log_message(self, *_: object) -> None:
        pass


def end(why: str) -> None:
    print(why, flush=True)
    os._exit(3)


def note(process: int) -> None:
    with PIDS.open("a", encoding="utf-8") as file:
        file.write(f"{process}\n")


def two_children(script: str) -> None:
    for own_session in (False, True):
        note(subprocess.Popen([sys.executable, "-c", script], start_new_session=own_session).pid)


def talk() -> None:
    step = 0
    while True:
        print(f"\x1b[31mloading shard {step}\x1b[0m", flush=True)
        step += 1
        time.sleep(0.05)


if "daemon" in WORDS:
    if os.fork():
        os._exit(0)
    os.setsid()
    if os.fork():
        os._exit(0)
note(os.getpid())
if "family" in WORDS or "kills-guard" in WORDS:
    two_children(DEAF)
if "children" in WORDS:
    two_children(SLEEP)
if "kills-guard" in WORDS:
    os.kill(os.getppid(), signal.SIGKILL)
if "talks" in WORDS:
    threading.Thread(target=talk, daemon=True).start()
if "floods" in WORDS:
    for _ in range(40):
        sys.stdout.write("x" * 1_000_000)
    print("\nready or not", flush=True)
if "never-listens" in WORDS:
    time.sleep(600)
ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
