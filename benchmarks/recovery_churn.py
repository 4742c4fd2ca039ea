"""Published churn scores against the simulator's truth: skill, calibration, lift, beside the oracle and the rivals."""

from __future__ import annotations

from typing import Any

import numpy as np
import profit
from resamples import Figure, Floats, Resamples, figure


def judged(frame: Any, head: dict[str, Any]) -> dict[str, Any]:
    """Skill against the oracle's on the same rows, and calibration against what came; of one night or of all."""
    from pipelines.gate.classification import Ranked

    known = frame.dropna(subset=["is_churned"])
    came, said = known["is_churned"].astype(float), known["churn_probability"]
    if came.nunique() < 2:
        return {**head, "why": "nobody or everybody churned, or the 30 days are not over"}
    ours, best = (Ranked(came.to_numpy(), known[name].to_numpy(dtype=np.float64)).figures()
                  for name in ("churn_probability", "expected_all_30d"))
    return {
        **head, "churned": float(came.mean()), "predicted": float(said.mean()),
        "auc": ours["auc"], "oracle_auc": best["auc"], "skill_share": (ours["auc"] - 0.5) / (best["auc"] - 0.5),
        "ece": ours["ece"], "gap_top_tenth": ours["ece_top_decile"],
        "lift_top_tenth": ours["lift_at_10"], "oracle_lift_top_tenth": best["lift_at_10"],
        "rank_correlation": float(said.corr(known["expected_all_30d"], method="spearman")),
    }


def measured(known: Any, rivals: dict[str, Floats], resamples: Resamples) -> dict[str, Figure]:
    """Every figure of all nights together with its interval, by name. `known`: rows whose 30 days are over; `rivals`
    name -> probability of those rows."""
    from pipelines.gate.classification import Ranked

    came = known["is_churned"].to_numpy(dtype=np.float64)
    scores = {"model": known["churn_probability"].to_numpy(dtype=np.float64),
              "oracle": known["expected_all_30d"].to_numpy(dtype=np.float64), **rivals}
    ranked = {name: Ranked(came, score) for name, score in scores.items()}
    point = _derived({name: one.figures() for name, one in ranked.items()})
    drawn = [_derived({name: one.figures(weight) for name, one in ranked.items()}) for weight in resamples]
    return {name: figure(value, [draw[name] for draw in drawn]) for name, value in point.items()}


def _derived(of: dict[str, dict[str, float]]) -> dict[str, float]:
    """The figures asked for, from each scorer's own."""
    model, oracle = of["model"], of["oracle"]
    found = {f"AUC, {name}": one["auc"] for name, one in of.items()}
    found["share of the oracle's skill"] = (model["auc"] - 0.5) / (oracle["auc"] - 0.5)
    found |= {f"AUC gain over {name}": model["auc"] - one["auc"] for name, one in of.items() if name != "model"}
    found |= {"ECE": model["ece"], "gap in the top decile": model["ece_top_decile"]}
    found |= {f"lift in the top decile, {name}": one["lift_at_10"] for name, one in of.items()}
    found["share of the oracle's lift"] = model["lift_at_10"] / oracle["lift_at_10"]
    found |= {f"PR-AUC, {name}": one["pr_auc"] for name, one in of.items()}
    return found


def profits(known: Any, rivals: dict[str, Floats], resamples: Resamples) -> dict[str, Figure]:
    """Profit of the lists that the scores make (`benchmarks/profit.py`). `known` also has ltv_eur_12m, and
    margin_x_horizon where the rivals were asked for; a value nobody knows counts as nothing."""
    chance, oracle = (known[name].to_numpy(dtype=np.float64) for name in ("churn_probability", "expected_all_30d"))
    truth = known["expected_margin_12m"].to_numpy(dtype=np.float64)
    gain = profit.brought(known["is_churned"].to_numpy(dtype=np.float64), truth)
    scores = {"churn x value": profit.brought(chance, known["ltv_eur_12m"].fillna(0.0).to_numpy(dtype=np.float64)),
              "oracle": profit.brought(oracle, truth), "churn alone": chance, "oracle, churn alone": oracle}
    if "logistic" in rivals:
        simple = known["margin_x_horizon"].fillna(0.0).to_numpy(dtype=np.float64)
        scores |= {"logistic x margin": profit.brought(rivals["logistic"], simple),
                   "logistic alone": rivals["logistic"]}
    return profit.profits(known["night"].to_numpy(), gain, {**scores, "by lot": np.zeros(len(known))}, resamples)
