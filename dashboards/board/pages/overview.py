"""The page Overview."""

from __future__ import annotations

import streamlit as st

from board.view import View


def show(view: View) -> None:
    """Draw it."""
    st.header("Overview")
    st.text(f"{view.run.run_id} {view.models} {view.tasks}")
