"""The dashboard: `evalbudget dashboard` starts it and names the store behind `--`.

Everything shown comes from the store's queries and the statistics, in the report's words; text from models
and servers is shown as text, never as markup.
"""

from __future__ import annotations

from functools import partial
from importlib import import_module
from pathlib import Path

import streamlit as st

from board.frame import draw, follow, open_view, store_path
from board.pages import PAGES
from board.view import View


def main() -> None:
    """The page that the address names, in its frame.

    The filters stand here, before any page: Streamlit keeps such widgets from page to page.
    """
    icon = Path(__file__).with_name("icon.png")
    st.set_page_config(page_title="evalbudget", page_icon=icon, layout="wide")
    st.html("<style>[data-testid=stMainBlockContainer]{padding-top:4.5rem;padding-bottom:3rem}</style>")
    db = store_path()
    view = open_view(db)
    pages = [
        st.Page(
            partial(_show, name, view),
            title=title,
            icon=f":material/{symbol}:",
            url_path=name if place else "first",
            default=place == 0,
        )
        for place, (name, (title, symbol)) in enumerate(PAGES.items())
    ]
    # Streamlit serves the first page at / alone; /overview is what a reader would type.
    first = next(iter(PAGES))
    also = st.Page(partial(_show, first, view), title=PAGES[first][0], url_path=first, visibility="hidden")
    pages.append(also)
    st.navigation(pages, position="top").run()
    follow(db)


def _show(name: str, view: View | None) -> None:
    if view is not None:
        draw(import_module(f"board.pages.{name}").show, view)


main()
