"""The page Memory."""

from __future__ import annotations

import streamlit as st

from board.view import View


def show(view: View) -> None:
    """Draw it."""
    st.header("Memory")
    st.text(f"{view.run.run_id} {view.models} {view.tasks}")
