"""What several pages draw: a chart or a table with its downloads, lines of plain text, an empty state."""

from __future__ import annotations

import html
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd
import streamlit as st

from board.view import View
from evalbudget.report.charts.style import styled
from evalbudget.report.visible import visible
from evalbudget.report.words import one_line

if TYPE_CHECKING:
    from evalbudget.report.charts.style import Drawn

_MARK = "background:rgba(245,175,25,.32);color:inherit"
"""Of marked text, on light ground and on dark."""

PERCENT = st.column_config.NumberColumn(format="percent")


def lines(found: Iterable[str]) -> None:
    """Lines of plain text, each a paragraph; text from models and servers is safe in it."""
    for line in found:
        st.text(line)


def named(text: str) -> None:
    """A heading that is the name of a task or a model: escaped, so that nothing in it acts."""
    st.html(f'<h3 style="margin:0.6rem 0 0;overflow-wrap:anywhere">{html.escape(one_line(text))}</h3>')


def sentence(text: str) -> None:
    """A sentence to be read first, with names from outside in it: escaped as `named` is."""
    style = "font-size:1.15rem;font-weight:600;margin:0;overflow-wrap:anywhere"
    st.html(f'<p style="{style}">{html.escape(text)}</p>')


def folded(title: str, found: Sequence[str], *, at_most: int = 2) -> None:
    """Lines of plain text, folded under a title of our own where there are more than a few."""
    with st.expander(title) if len(found) > at_most else st.container():
        lines(found)


def empty(why: str, what_to_do: str | None = None) -> None:
    """Why there is nothing here, in our own words, and the YAML or command that gives it something."""
    st.info(why, icon=":material/info:")
    if what_to_do:
        st.code(what_to_do, language=None)


def table(
    name: str,
    frame: pd.DataFrame,
    columns: Mapping[str, Any] | None = None,
    **options: Any,  # noqa: ANN401 - st.dataframe's own
) -> Any:  # noqa: ANN401
    """A table with downloads of all its rows; `columns`: those to show, with their `column_config`."""
    shown = None if columns is None else [each for each in columns if each in frame]
    chosen = st.dataframe(
        frame,
        column_order=shown,
        column_config=dict(columns or {}),
        hide_index=True,
        key=f"table-{name}",
        **options,
    )
    downloads(name, frame)
    return chosen


def chart(name: str, drawn: Drawn, frame: pd.DataFrame, view: View, *, alt_text: str) -> None:
    """A chart in the page's style, with its rows and its picture to take away; `alt_text`: what it shows."""
    final = styled(drawn, view.style)
    st.altair_chart(final, width="stretch", theme=None, key=f"chart-{name}", alt=alt_text)
    downloads(name, frame, final)


def downloads(name: str, frame: pd.DataFrame, drawn: Drawn | None = None) -> None:
    """Small buttons below a table or a chart: CSV, Parquet, and PNG where there is a chart."""
    with st.container(horizontal=True, gap="small"):
        _button(name, "csv", "text/csv", lambda: frame.to_csv(index=False).encode())
        _button(name, "parquet", "application/vnd.apache.parquet", lambda: _parquet(frame))
        if drawn is not None:
            _button(name, "png", "image/png", lambda: _png(drawn))


def marked(
    text: str,
    spans: Iterable[tuple[int, int]] = (),
    *,
    unit: tuple[int, int] | None = None,
    height: int | Literal["content"] = "content",
) -> None:
    """Text from a model as text, line breaks kept, with the characters of some spans [from, to) marked, and
    those of `unit` underlined besides.

    Everything is escaped before it becomes HTML, so that nothing in it acts.
    """
    shown = visible(text)
    parts, place = [], 0
    for start, end in sorted([*spans, *([unit] if unit else [])]):
        begin, stop = max(start, place), min(end, len(shown))
        if begin >= stop:
            continue
        style = _MARK + (";text-decoration:underline;font-weight:700" if (start, end) == unit else "")
        inside = f'<mark style="{style}">{html.escape(shown[begin:stop])}</mark>'
        parts += [html.escape(shown[place:begin]), inside]
        place = stop
    parts.append(html.escape(shown[place:]))
    with st.container(height=height, border=True):
        st.html(f'<pre style="white-space:pre-wrap;overflow-wrap:anywhere;margin:0">{"".join(parts)}</pre>')


def facts(found: Iterable[tuple[str, str]]) -> None:
    """What is known of one thing: names in our words, values that may come from outside, all escaped."""
    cell = "padding:2px 18px 2px 0;vertical-align:top;text-align:left;border:0"
    rows = "".join(
        f'<tr><th style="{cell};font-weight:400;opacity:.65;white-space:nowrap">{html.escape(name)}</th>'
        f'<td style="{cell};overflow-wrap:anywhere">{html.escape(visible(value))}</td></tr>'
        for name, value in found
    )
    st.html(f'<table style="border-collapse:collapse">{rows}</table>')


def _button(name: str, kind: str, mime: str, make: Callable[[], bytes]) -> None:
    st.download_button(
        kind.upper(),
        make,
        file_name=f"{name}.{kind}",
        mime=mime,
        key=f"{kind}-{name}",
        type="tertiary",
        on_click="ignore",
        icon=":material/download:",
    )


def _parquet(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()


def _png(drawn: Drawn) -> bytes:
    from evalbudget.report.charts.picture import png  # noqa: PLC0415  (84 MB of code, for pictures alone)

    return png(drawn)
