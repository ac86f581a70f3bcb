"""Charts as pictures: drawn without the network, whatever stands in a label."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import altair as alt
import pandas as pd
import pytest

from evalbudget.report.charts.picture import plain, png, svg
from evalbudget.report.charts.style import LIGHT, model_colour, model_mark, styled

if TYPE_CHECKING:
    from evalbudget.report.charts.style import Drawn

LABELS = (
    "\x1b[31m\x00 NUL",
    "\u202eturned\u2066",
    "\ufffe\uffff",
    "\ud800 alone",
    "&#27; ]]> <![CDATA[ <svg/onload=1>",
    "line\nbreak\u2028here",
    "",
)


@pytest.fixture
def asked() -> Iterator[tuple[str, list[str]]]:
    """The address of a server, and the paths that it was asked for."""
    paths: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'[{"x": 1}]')

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", paths
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_label_of_control_characters_is_drawn_and_does_not_end_the_process() -> None:
    known = [label for label in LABELS if "\ud800" not in label]
    frame = pd.DataFrame({"model": known, "x": range(len(known))})
    drawn = alt.Chart(frame, title=LABELS[0]).mark_point()
    chart = styled(
        drawn.encode(
            x=alt.X("x:Q", title=LABELS[1]), color=model_colour(known, LIGHT), shape=model_mark(known)
        ),
        LIGHT,
    )
    text = svg(chart)
    assert "NUL" in "".join(ElementTree.fromstring(text).itertext())  # noqa: S314 - ours
    assert png(chart).startswith(b"\x89PNG")


@pytest.mark.parametrize("label", LABELS)
def test_plain_text_holds_only_what_xml_can(label: str) -> None:
    found = ElementTree.fromstring(f"<a>{escape(plain(label))}</a>")  # noqa: S314
    assert not set("\x1b\x00\u202e\u2066\ufffe\ud800") & set("".join(found.itertext()))


@pytest.mark.parametrize("draw", [svg, png])
def test_a_chart_loads_no_data(draw: Callable[[Drawn], object], asked: tuple[str, list[str]]) -> None:
    address, paths = asked
    with pytest.raises(ValueError, match="not allowed"):
        draw(alt.Chart(f"{address}d.json").mark_point().encode(x="x:Q"))
    assert paths == []
