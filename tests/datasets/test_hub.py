"""The Hub, as far as a machine without one can tell: each trouble is one line within seconds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

PROGRAM = """
import sys
from evalbudget.datasets import load_samples
from evalbudget.errors import DataError
from evalbudget.tasks import load_task
try:
    load_samples(load_task(sys.argv[1]))
except DataError as error:
    print(error)
"""


def complaint(task: str = "aime25", **variables: str) -> str:
    """What loading a task from the Hub complains about, in a fresh process with these variables."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("HF_", "EVALBUDGET_"))
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, task],
        capture_output=True,
        text=True,
        timeout=30,
        env=environment | variables,
        check=True,
    )
    assert "Traceback" not in done.stderr
    assert done.stdout.count("\n") == 1
    return done.stdout


DESCRIPTION = {
    "_id": "1",
    "sha": "0" * 40,
    "siblings": [{"rfilename": "data.csv"}],
    "tags": [],
    "gated": "auto",
}


@contextmanager
def hub_that_answers(status: int, error_code: str, *, described: str | None = None) -> Iterator[str]:
    """A server on loopback that gives every request this status, as the Hub does.

    The description of the data set `described` is open to everyone, as that of a gated one is.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = described is not None and self.path == f"/api/datasets/{described}"
            body = json.dumps(DESCRIPTION | {"id": described}).encode() if known else b""
            self.send_response(200 if known else status)
            self.send_header("X-Error-Code", error_code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, format: str, *args: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_hub_out_of_reach_is_one_line_that_says_what_to_set() -> None:
    said = complaint(HF_ENDPOINT="http://127.0.0.1:9")
    assert said.startswith("math-ai/aime25: the Hub did not answer (ConnectError")
    assert "set EVALBUDGET_HUB to a folder that holds math-ai/aime25/" in said


def test_offline_mode_without_a_cached_copy_is_one_line(tmp_path_factory: pytest.TempPathFactory) -> None:
    said = complaint(HF_HUB_OFFLINE="1", HF_HOME=str(tmp_path_factory.mktemp("cache")))
    assert said.startswith("math-ai/aime25 could not be loaded from the Hub")
    assert "EVALBUDGET_HUB" in said


@pytest.mark.parametrize(
    ("status", "code", "says"),
    [
        (401, "RepoNotFound", "is not on the Hub, or private: then set HF_TOKEN"),
        (403, "GatedRepo", "is gated: accept its terms on the Hub, then set HF_TOKEN"),
        (500, "", "the Hub did not answer"),
    ],
)
def test_what_the_hub_refuses_is_told_apart(status: int, code: str, says: str) -> None:
    with hub_that_answers(status, code) as endpoint:
        assert says in complaint(HF_ENDPOINT=endpoint)


def test_a_gated_set_whose_description_is_open_is_told_apart_and_its_archive_is_named(tmp_path: Path) -> None:
    with hub_that_answers(401, "GatedRepo", described="Idavidrein/gpqa") as endpoint:
        said = complaint("gpqa_diamond", HF_ENDPOINT=endpoint, HF_HOME=str(tmp_path))
    assert said.startswith("Idavidrein/gpqa is gated: accept its terms on the Hub, then set HF_TOKEN, or set")
    assert said.endswith("EVALBUDGET_HUB to a folder that holds Idavidrein/gpqa/dataset.zip\n")


LOADING = """
import sys
from evalbudget.datasets.hub import hub_rows
from evalbudget.errors import DataError
from evalbudget.tasks import DataSource
for split in (None, "test"):
    try:
        print([dict(row) for row in hub_rows(sys.argv[1], DataSource(hub="me/mine", split=split))])
    except DataError as error:
        print(error)
"""


def test_rows_come_through_the_datasets_library_from_the_split_that_is_named(tmp_path: Path) -> None:
    """A folder stands in for a data set of the Hub: the library loads both alike."""
    data = tmp_path / "mine"
    data.mkdir()
    (data / "train.jsonl").write_text('{"q": "a"}\n', encoding="utf-8")
    (data / "test.jsonl").write_text('{"q": "b"}\n', encoding="utf-8")
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "home")}
    done = subprocess.run(
        [sys.executable, "-c", LOADING, str(data)],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
    )
    without_split, with_split = done.stdout.splitlines()
    assert without_split.endswith("should name one of the splits as `split:`: train, test")
    assert with_split == "[{'q': 'b'}]"
