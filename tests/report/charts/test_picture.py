"""Charts as pictures: drawn without the network, whatever stands in a label."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from xml.etree import ElementTree

import altair as alt
import pandas as pd
import pytest

from evalbudget.report.charts.picture import plain, png, svg
from evalbudget.report.charts.style import LIGHT, model_colour, model_mark, styled

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

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
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
    assert "NUL" in "".join(ElementTree.fromstring(text).itertext())
    assert png(chart).startswith(b"\x89PNG")


@pytest.mark.parametrize("label", LABELS)
def test_plain_text_holds_only_what_xml_can(label: str) -> None:
    found = ElementTree.fromstring(f"<a>{plain(label).replace('&', '&amp;').replace('<', '&lt;')}</a>")
    assert not set("\x1b\x00\u202e\u2066\ufffe\ud800") & set("".join(found.itertext()))


@pytest.mark.parametrize("draw", [svg, png])
def test_a_chart_loads_no_data_and_no_image(draw: object, asked: tuple[str, list[str]]) -> None:
    address, paths = asked
    image = pd.DataFrame({"url": [f"{address}i.png"], "x": [1]})
    for chart in (
        alt.Chart(f"{address}d.json").mark_point().encode(x="x:Q"),
        alt.Chart(image).mark_image().encode(url="url:N", x="x:Q"),
    ):
        try:
            draw(chart)  # type: ignore[operator]
        except ValueError as refused:
            assert "d.json" in str(refused) or "i.png" in str(refused)
    assert paths == []
