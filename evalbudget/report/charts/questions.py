"""Tokens by question, the base's against the candidate's: who thinks longer, and where."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Any, Final

from evalbudget.report.charts.log_axis import log_axis
from evalbudget.report.charts.style import HEIGHT, Style
from evalbudget.store.paired import PairedAnswers

if TYPE_CHECKING:
    from evalbudget.report.charts.style import Drawn

MOST_POINTS: Final = 2_000
"""More would be a cloud, and a heavy page: of more questions, so many are drawn, evenly by id."""
_WAYS: Final = ("lost", "won", "alike")


def token_rows(answers: PairedAnswers) -> list[dict[str, Any]]:
    """A row for each question of which both models' tokens are known, by id: their mean completion tokens,
    and lost or won as `comparison.turned` has it; alike for the rest."""
    rows = []
    for question in sorted(answers.base.keys() & answers.candidate.keys()):
        ours, theirs = answers.base[question], answers.candidate[question]
        if not ours.completion_tokens or not theirs.completion_tokens:
            continue
        right = fmean(ours.scores) > 0.5, fmean(theirs.scores) > 0.5
        rows.append(
            {
                "question": question,
                "category": ours.stratum or theirs.stratum,
                "base": fmean(ours.completion_tokens),
                "candidate": fmean(theirs.completion_tokens),
                "way": "alike" if right[0] == right[1] else "lost" if right[0] else "won",
            }
        )
    return rows


def tokens_chart(rows: Sequence[dict[str, Any]], style: Style) -> Drawn | None:
    """A point a question on logarithmic axes: above the line the candidate takes more.

    None where no tokens are known.
    """
    import altair as alt  # noqa: PLC0415
    import pandas as pd  # noqa: PLC0415

    known = [row for row in rows if row["base"] > 0 and row["candidate"] > 0]
    drawn = known[:: -(-len(known) // MOST_POINTS)] if known else []
    if not drawn:
        return None
    sizes = [row[side] for row in drawn for side in ("base", "candidate")]
    ends = [min(sizes) / 1.2, max(sizes) * 1.2]
    scale = alt.Scale(type="log", domain=ends, nice=False)
    axis = log_axis(ends)
    diagonal = (
        alt.Chart(pd.DataFrame({"base": ends, "candidate": ends}))
        .mark_line(color=style.muted, strokeWidth=1, strokeDash=[4, 3])
        .encode(x=alt.X("base:Q", scale=scale), y=alt.Y("candidate:Q", scale=scale))
    )
    points = (
        alt.Chart(pd.DataFrame(drawn))
        .mark_point(filled=True, size=45, opacity=0.65)
        .encode(
            x=alt.X("base:Q", scale=scale, axis=axis, title="base, mean tokens of an answer"),
            y=alt.Y("candidate:Q", scale=scale, axis=axis, title="candidate, mean tokens"),
            color=alt.Color(
                "way:N",
                title=None,
                scale=alt.Scale(domain=list(_WAYS), range=[style.bad, style.good, style.neutral]),
            ),
            shape=alt.Shape(
                "way:N",
                title=None,
                scale=alt.Scale(domain=list(_WAYS), range=["triangle-down", "triangle-up", "circle"]),
            ),
            order=alt.Order("way:N", sort="ascending"),
            tooltip=[
                alt.Tooltip("question:N"),
                alt.Tooltip("category:N"),
                alt.Tooltip("base:Q", title="base, tokens", format=",.0f"),
                alt.Tooltip("candidate:Q", title="candidate, tokens", format=",.0f"),
                alt.Tooltip("way:N", title="answers"),
            ],
        )
    )
    return alt.layer(diagonal, points).properties(height=HEIGHT + 120)
