"""Published lifetime values against the simulator's expectation and the twelve months that came."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from resamples import Figure, Floats, Resamples, figure

Named = Iterable[tuple[str, Any]]


def judged(frame: Any, rivals: Named, head: dict[str, Any]) -> dict[str, Any]:
    """Bias of the total, and rank correlation, against the expected margin of twelve months and, where it is over,
    against what came; the same of simple rivals. `spearman_share`: of the expectation's own against what came."""
    by_name = dict(rivals)
    value, truth = frame["ltv_eur_12m"], frame["expected_margin_12m"]
    found = {
        **head, "mean_value": float(value.mean()), "mean_expected": float(truth.mean()),
        **_against(value, truth, ""), "rivals": {name: _against(rival, truth, "") for name, rival in by_name.items()},
    }
    over = frame["margin_12m"].notna()
    if not over.any():
        return found
    came, told = frame["margin_12m"][over], _against(value[over], frame["margin_12m"][over], "_realised")
    own = _against(truth[over], came, "_realised")
    found |= {"mean_realised": float(came.mean()), **told, "expectation": own,
              "spearman_share": told["rank_correlation_realised"] / own["rank_correlation_realised"],
              "rivals_realised": {name: _against(rival[over], came, "_realised") for name, rival in by_name.items()}}
    if "ltv_low_eur_12m" in frame:
        low, high = frame["ltv_low_eur_12m"][over], frame["ltv_high_eur_12m"][over]
        found |= {"interval_coverage": float(((came >= low) & (came <= high)).mean()),
                  "interval_width": float((high - low).mean())}
    return found


def _against(value: Any, truth: Any, what: str) -> dict[str, float]:
    known = value.notna()
    value, truth = value[known], truth[known]
    return {f"bias{what}": float(value.sum() / truth.sum() - 1),
            f"rank_correlation{what}": float(value.corr(truth, method="spearman")),
            f"mae{what}": float((value - truth).abs().mean())}


class Ranks:
    """Mean ranks under row weights, from one sort."""

    def __init__(self, values: Floats) -> None:
        self._order = np.argsort(values, kind="stable")
        ranked = values[self._order]
        self._starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
        self._run = np.cumsum(np.r_[False, ranked[1:] != ranked[:-1]])

    def of(self, weight: Floats) -> Floats:
        """The mean rank of each row, (n,), in a sample that holds it `weight` times."""
        size = np.add.reduceat(weight[self._order], self._starts)
        middle = np.cumsum(size) - size / 2
        found = np.empty(len(weight))
        found[self._order] = middle[self._run]
        return found


def spearman(one: Floats, other: Floats, weight: Floats) -> float:
    """Correlation of two sets of mean ranks under row weights."""
    a, b = one - np.average(one, weights=weight), other - np.average(other, weights=weight)
    return float((weight * a * b).sum() / np.sqrt((weight * a * a).sum() * (weight * b * b).sum()))


def measured(over: Any, rivals: dict[str, Floats], resamples: Resamples) -> dict[str, Figure]:
    """Every figure of all nights together with its interval, by name. `over`: rows whose twelve months are over."""
    came, expected = (over[name].to_numpy(dtype=np.float64) for name in ("margin_12m", "expected_margin_12m"))
    values = {"model": over["ltv_eur_12m"].to_numpy(dtype=np.float64), "expectation": expected, **rivals}
    ranks = {name: Ranks(value) for name, value in {**values, "came": came}.items()}
    inside = ((came >= over["ltv_low_eur_12m"]) & (came <= over["ltv_high_eur_12m"])).to_numpy(dtype=np.float64)
    terms = {
        "values": values, "came": came, "expected": expected, "inside": inside, "ranks": ranks,
        "width": (over["ltv_high_eur_12m"] - over["ltv_low_eur_12m"]).to_numpy(dtype=np.float64),
    }
    point = _derived(terms, np.ones(len(came)))
    drawn = [_derived(terms, weight) for weight in resamples]
    return {name: figure(value, [draw[name] for draw in drawn]) for name, value in point.items()}


def _derived(terms: dict[str, Any], weight: Floats) -> dict[str, float]:
    """The figures asked for, under row weights."""
    values, came, expected = terms["values"], terms["came"], terms["expected"]
    ordered = terms["ranks"]["came"].of(weight)
    rank = {name: spearman(terms["ranks"][name].of(weight), ordered, weight) for name in values}
    rmse = {name: float(np.sqrt(np.average((value - came) ** 2, weights=weight))) for name, value in values.items()}
    mae = {name: float(np.average(np.abs(value - came), weights=weight)) for name, value in values.items()}
    total = {name: float(weight @ value) for name, value in {**values, "came": came}.items()}
    found = {f"bias against the expectation, {name}": total[name] / float(weight @ expected) - 1
             for name in values if name != "expectation"}
    found |= {f"bias against what came, {name}": total[name] / total["came"] - 1 for name in values}
    found |= {f"Spearman, {name}": value for name, value in rank.items()}
    found["share of the expectation's Spearman"] = rank["model"] / rank["expectation"]
    found |= {f"RMSE, {name}": value for name, value in rmse.items()}
    found |= {f"MAE, {name}": value for name, value in mae.items()}
    for name in values:
        if name not in ("model", "expectation"):
            found |= {f"RMSE gain over {name}": rmse[name] - rmse["model"],
                      f"Spearman gain over {name}": rank["model"] - rank[name]}
    found["80 % interval holds what came"] = float(np.average(terms["inside"], weights=weight))
    found["width of the interval"] = float(np.average(terms["width"], weights=weight))
    return found
