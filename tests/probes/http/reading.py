"""Pages, recorded or written down, as the probe would hand them to an engine's reader."""

from __future__ import annotations

from pathlib import Path

from hypothesis import strategies as st

from evalbudget.probes.http.engine import Told
from evalbudget.probes.http.registry import facts_of_pages
from evalbudget.probes.pages import Page
from evalbudget.probes.recognise import ENGINE_PAGES, engine_name, listed_models
from evalbudget.records import ServerFacts

_METRICS = "metrics.txt"


def told(
    pages: dict[str, object], listing: object = None, name: str | None = None, at: int | None = 0
) -> Told:
    """What a server told: pages by path, its list of models, and which of them is asked for."""
    models = listed_models(listing)
    served = models[at] if at is not None and at < len(models) else None
    return Told(name=name or (served.id if served else None), served=served, models=models, pages=pages)


def recorded(shared: Path, engine: str, model: str) -> ServerFacts:
    """The facts from the pages that a real server sent."""
    folder = shared / "samples" / engine

    def page(name: str) -> object:
        path = folder / f"{model}.{name}"
        body = path.read_text(encoding="utf-8") if path.exists() else "ERR"
        return Page(status=404 if body.startswith("ERR") else 200, text=body).told

    listing = page("models.json")
    pages = {path: page(f"get_{path.strip('/').replace('/', '_')}.txt") for path in ENGINE_PAGES}
    pages["/metrics"] = page(_METRICS)
    return facts_of_pages(engine_name(listed_models(listing), pages), told(pages, listing))


NAMES = st.text(max_size=6)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=2**60, max_value=2**80)
    | st.floats()
    | st.text(alphabet=st.characters(exclude_categories=()), max_size=8)
    | st.sampled_from(["None", "auto", "1e999", "9" * 30, "-1", "16", "8.063", "sha256:x", "{}", "[", "Q4_K"])
)


def json_of(*names: str) -> st.SearchStrategy[object]:
    """Any JSON, with these names in it rather often."""
    keys = st.sampled_from(names) | NAMES
    return st.recursive(
        SCALARS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=5),
        max_leaves=12,
    )
