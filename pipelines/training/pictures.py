"""What a figure cannot say at a glance: is the probability to be believed, and how many leavers a call list holds."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Rows = Sequence[Mapping[str, float]]
_INK, _OURS, _PLAIN = "#1b1f24", "#0b62a4", "#9aa4ae"


def reliability(rows: Rows) -> str:
    """SVG: mean predicted against observed in each tenth, beside the diagonal of a model to be believed."""

    def draw(axes: Any) -> None:
        predicted, observed = ([row[name] for row in rows] for name in ("predicted", "observed"))
        top = 1.05 * max(*predicted, *observed, 1e-9)
        low = min(0.0, 1.05 * min(*predicted, *observed))
        axes.plot([low, top], [low, top], color=_PLAIN, linewidth=1, linestyle="--", label="to be believed")
        axes.plot(predicted, observed, color=_OURS, marker="o", markersize=4, linewidth=1.2, label="this version")
        axes.set(xlim=(low, top), ylim=(low, top), xlabel="predicted (mean of a tenth)", ylabel="observed")
        axes.set_title("Reliability", loc="left")
        axes.legend(frameon=False, loc="upper left")

    return _svg(draw)


def gains(rows: Rows) -> str:
    """SVG: share of the leavers reached when so many of the likeliest are called, beside calling at random."""

    def draw(axes: Any) -> None:
        shares = [0.0]
        captured = [0.0]
        total = sum(row["n"] for row in rows)
        for row in reversed(rows):
            shares.append(shares[-1] + row["n"] / total)
            captured.append(row["captured"])
        axes.plot([0, 1], [0, 1], color=_PLAIN, linewidth=1, linestyle="--", label="at random")
        axes.plot(shares, captured, color=_OURS, marker="o", markersize=4, linewidth=1.2, label="this version")
        axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="share of subscribers called, likeliest first",
                 ylabel="share of leavers reached")
        axes.set_title("Gains", loc="left")
        axes.legend(frameon=False, loc="lower right")

    return _svg(draw)


def lift(rows: Rows) -> str:
    """SVG: each tenth's rate as a multiple of the rate of all."""

    def draw(axes: Any) -> None:
        base = sum(row["n"] * row["observed"] for row in rows) / sum(row["n"] for row in rows)
        heights = [row["observed"] / base if base else 0.0 for row in reversed(rows)]
        bars = axes.bar(range(1, len(heights) + 1), heights, color=_OURS, width=0.7)
        axes.bar_label(bars, fmt="%.1f", fontsize=7, color=_INK)
        axes.axhline(1.0, color=_PLAIN, linewidth=1, linestyle="--")
        axes.set(xticks=range(1, len(heights) + 1), xlabel="tenth, likeliest first", ylabel="times the average")
        axes.set_title("Lift", loc="left")

    return _svg(draw)


def _svg(draw: Callable[[Any], None]) -> str:
    """The drawing as SVG text without clock time or random ids, so that the same rows give the same bytes."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    style: Any = {"svg.hashsalt": "card", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 8,
             "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": _INK}
    with mpl.rc_context(style):
        figure = Figure(figsize=(3.6, 2.8), layout="constrained")
        draw(figure.subplots())
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return re.sub(r"^.*?(?=<svg)", "", out.getvalue(), flags=re.DOTALL)
