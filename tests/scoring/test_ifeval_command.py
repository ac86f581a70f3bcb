"""IFEval through the command: a file scored, nothing of an answer shown, and a missing sentence splitter."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command import ENOUGH_S, evalbudget

NO_NETWORK = """
import socket
from pathlib import Path

def refuse(*_):
    Path(__file__).with_name("tried").touch()
    raise OSError("no network in this test")

socket.getaddrinfo = socket.socket.connect = refuse
"""
"""As sitecustomize.py, for the command and for its worker processes."""

ROOTS = (sys.prefix, f"{sys.prefix}/share", f"{sys.prefix}/lib")
INSTALLED = [
    Path(root, "nltk_data/tokenizers/punkt_tab")
    for root in (*ROOTS, "/usr/share", "/usr/local/share", "/usr/lib", "/usr/local/lib")
]


def test_score_shows_nothing_of_an_answer_that_the_checker_would_log(shared: Path, tmp_path: Path) -> None:
    if not (shared / "nltk_data").is_dir():
        pytest.skip("needs the sentence splitter in `shared`")
    lines = [
        {"id": 3191, "answer": "<think>Telugu, please.</think>12345 67890"},
        {"id": "1122", "answer": "listen to the best music of the summer #jazz #blues #soul #funk"},
    ]
    (tmp_path / "answers.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    words = ("score", "ifeval", "answers.jsonl", "--out", "out.jsonl")
    done = evalbudget(tmp_path, *words, hub=shared / "hub")
    assert done.returncode == 0, done.stderr
    assert "12345" not in done.stderr + done.stdout
    written = (tmp_path / "out.jsonl").read_text(encoding="utf-8")
    language, tweet = map(json.loads, written.splitlines())
    assert "no language" in language["details"]["known_defect"][0]
    assert (tweet["score"], tweet["details"]["strict"]) == (1.0, [True, True])


@pytest.mark.skipif(any(path.exists() for path in INSTALLED), reason="punkt_tab is installed system-wide")
def test_a_missing_sentence_splitter_is_one_line_and_nothing_is_downloaded(
    shared: Path, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(NO_NETWORK, encoding="utf-8")
    (tmp_path / "answers.jsonl").write_text('{"id": 1000, "answer": "Tea."}', encoding="utf-8")
    suite = {
        "name": "s",
        "models": [{"name": "m", "base_url": "http://127.0.0.1:9/v1", "model": "m"}],
        "tasks": ["ifeval"],
    }
    (tmp_path / "suite.yaml").write_text(json.dumps(suite), encoding="utf-8")
    here = {"HOME": tmp_path, "NLTK_DATA": "", "PYTHONPATH": tmp_path, "EVALBUDGET_HUB": shared / "hub"}
    commands = (["score", "ifeval", "answers.jsonl"], ["run", "suite.yaml"])
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "evalbudget", *words],
            cwd=tmp_path,
            env={**os.environ, **{name: str(value) for name, value in here.items()}},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for words in commands
    ]
    complaints = [process.communicate(timeout=ENOUGH_S)[1] for process in running]
    assert [process.returncode for process in running] == [2, 2], complaints
    for complaint in complaints:
        assert len(complaint.strip().splitlines()) == 1
        assert "python -m nltk.downloader punkt_tab" in complaint and "NLTK_DATA" in complaint
    assert not (tmp_path / "tried").exists()
