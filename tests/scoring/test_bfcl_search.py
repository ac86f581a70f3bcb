"""Web search: the official class, with stand-ins for the packages that reach the network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bfcl_conversations import folder_or_skip

REPOSITORY = Path(__file__).parent.parent.parent

STAND_INS = {
    "serpapi": """
class GoogleSearch:
    def __init__(self, parameters): self.keywords = parameters["q"]
    def get_dict(self):
        if self.keywords == "no key": return {"error": "Invalid API key."}
        if self.keywords == "offline": raise OSError("no network")
        return {"organic_results": [{"title": "T", "link": "http://x", "snippet": "S"}]}
""",
    "requests": """
def get(url, **_more): raise OSError("403 for " + url)
""",
    "html2text": "class HTML2Text: pass\n",
    "bs4": "class BeautifulSoup: pass\n",
}

SCRIPT = """
import json, sys
from evalbudget.scoring.bfcl.simulated.world import Scenario, SearchFailedError, World
snippet, call = json.loads(sys.argv[1])
config = {"WebSearchAPI": {"show_snippet": snippet}}
world = World(Scenario(version="v4", classes=("WebSearchAPI",), config=config))
try:
    print(json.dumps(world.run([call])))
except SearchFailedError as error:
    print(json.dumps({"failed": str(error)}))
"""


@pytest.fixture
def stand_ins(tmp_path: Path) -> Path:
    folder_or_skip("v4")
    for name, text in STAND_INS.items():
        (tmp_path / f"{name}.py").write_text(text)
    return tmp_path


def searched(folder: Path, call: str, *, snippet: bool = True) -> object:
    path = os.pathsep.join([str(folder), str(REPOSITORY)])
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps([snippet, call])],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_a_search_gives_its_results_with_and_without_snippets(stand_ins: Path) -> None:
    call = "search_engine_query(keywords='tea')"
    assert searched(stand_ins, call) == ["[{'title': 'T', 'href': 'http://x', 'body': 'S'}]"]
    assert searched(stand_ins, call, snippet=False) == ["[{'title': 'T', 'href': 'http://x'}]"]


@pytest.mark.parametrize("keywords", ["no key", "offline"])
def test_a_search_that_fails_is_no_result_for_the_model(keywords: str, stand_ins: Path) -> None:
    failed = searched(stand_ins, f"search_engine_query(keywords={keywords!r})")
    assert isinstance(failed, dict) and failed["failed"].startswith("the web search failed: ")


def test_a_page_that_cannot_be_fetched_is_a_result(stand_ins: Path) -> None:
    (result,) = searched(stand_ins, "fetch_url_content(url='http://x/y')")  # type: ignore[misc]
    assert json.loads(result) == {"error": "An error occurred while fetching http://x/y: 403 for http://x/y"}
