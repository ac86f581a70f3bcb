"""What a page drawn by Streamlit's `AppTest` shows, and where of it text could act as markup."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block, Element

HOSTILE = ("<script>alert(1)</script>", "![x](http://127.0.0.1:9/x.png)", "[x](javascript:alert(1))", "**b**")
"""Names that would like to be markup."""
_PLAIN = {
    *("text", "code", "dataframe", "arrow_data_frame", "selectbox", "multiselect"),
    *("vega_lite_chart", "arrow_vega_lite_chart"),
}
"""Elements that show text as text; everything else reads Markdown or HTML somewhere."""


def acting(page: AppTest) -> Iterator[str]:
    """All that the page gives to what could read it as markup: also labels, titles and help of the rest."""
    for node in _nodes(page._tree):
        if node.type == "html":
            yield from re.findall("<[^>]*>", node.proto.body)  # what was escaped is no tag
        elif isinstance(node, Block) or node.type not in _PLAIN:
            yield str(node.proto)
        else:
            yield from (getattr(node.proto, name, "") for name in ("label", "help"))


def charts(page: AppTest) -> int:
    """Charts on the page, under the name that Streamlit gives them now or gave them before."""
    return sum(node.type in ("vega_lite_chart", "arrow_vega_lite_chart") for node in _nodes(page._tree))


def texts(page: AppTest) -> str:
    """All plain lines of the page."""
    return "\n".join(each.value for each in page.text)


def table(page: AppTest, column: str) -> Any:
    """The first table with this column."""
    return next(each.value for each in page.dataframe if column in each.value)


def _nodes(block: Block) -> Iterator[Block | Element]:
    for child in block.children.values():
        yield child
        if isinstance(child, Block):
            yield from _nodes(child)
