"""llama.cpp's server as a process of its own: python -m evalbudget.engines.llamacpp_server GGUF --port P

For a suite's `serve:`, where a model should run behind HTTP and no other server is installed.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from evalbudget.engines.gguf_header import read_header
from evalbudget.engines.llamacpp import LlamaSettings, open_server
from evalbudget.errors import EngineError
from evalbudget.shipped import shipped_root


def main(arguments: Sequence[str]) -> int:
    """Serve until SIGTERM or Ctrl-C, then end with 0; returns 2 where a model cannot be served."""
    given = _parser().parse_args(arguments)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: ended.set())
    try:
        gguf = find_gguf(given.gguf)
        settings = LlamaSettings(
            label=given.alias or gguf.stem,
            context=given.context,
            slots=given.slots,
            kv_dtype=given.kv_dtype,
            threads=given.threads,
            port=given.port,
            slot_save_path=given.slot_save_path,
        )
        server = open_server(gguf, read_header(gguf), settings)
    except (EngineError, RuntimeError) as error:
        sys.stderr.write(f"llamacpp_server: {error}\n")
        return 2
    sys.stdout.write(f"listening at {server.listening_address}\n")
    sys.stdout.flush()
    while not ended.wait(0.2):  # with a limit: a signal that another thread receives does not end a wait
        pass
    os._exit(0)  # at once: the server's destructor would wait for clients that are still connected


def find_gguf(name: Path) -> Path:
    """`name` from the current folder, or else from among the files that travel with evalbudget."""
    shipped = shipped_root() / name
    return shipped if not name.exists() and shipped.exists() else name


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m evalbudget.engines.llamacpp_server", description=__doc__)
    parser.add_argument("gguf", type=Path, help="the model, from here or from among the shipped files")
    parser.add_argument("--port", type=int, default=0, help="default: a free one")
    parser.add_argument("--alias", help="the name under which it is served; default: the file's")
    parser.add_argument(
        "--context", type=int, default=4096, help="tokens for each slot; default: %(default)s"
    )
    parser.add_argument("--slots", type=int, default=4, help="replies written at once; default: %(default)s")
    parser.add_argument("--kv-dtype", default="f16", help="type of the KV cache; default: %(default)s")
    parser.add_argument("--slot-save-path", type=Path, help="a folder to save slots in; default: none are")
    parser.add_argument("--threads", type=int, help="default: one for each core")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
