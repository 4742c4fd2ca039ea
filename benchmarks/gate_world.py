"""A synthetic operator whose truth is known, churn models fitted on it, and what the gate is shown of two of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from pipelines.bundle import Bundle
    from pipelines.gate import Case
    from pipelines.models.spec import ModelSpec

PEOPLE = 3000           # subscribers of the synthetic operator, half of them each model's
FIT, CALIBRATE, TEST = tuple(range(8)), (8, 9), (10, 11)  # its cut-offs
NUMBERS = tuple(f"x{place}" for place in range(10))
COLUMNS = (*NUMBERS, "contract_type", "operator", "region", "segment", "tenure_days")
SPEED_BATCH = 2_000


@dataclass(frozen=True)
class Model:
    """One fitted model: its bundle as scoring would load it, and the frame it was fitted on."""

    bundle: Bundle
    label_mean: float


def spec() -> ModelSpec:
    from pipelines.models import SPECS
    from pipelines.models.spec import Slice

    quick = {"learning_rate": 0.2, "max_rounds": 100}  # a third of the rounds
    slices = (Slice("operator"), Slice("region"), Slice("segment"), Slice("contract_type"),
              Slice("tenure_days", (0, 90, 365, 730)))
    return replace(SPECS["churn"], slices=slices,
                   parameters=MappingProxyType({**SPECS["churn"].parameters, **quick}))


def operator(seed: int, *, people: int = PEOPLE, cutoffs: Sequence[int] = (*FIT, *CALIBRATE, *TEST)) -> pd.DataFrame:
    """Keys, features and is_churned: one row per subscriber and cut-off.

    The log-odds are a line in five features, a step and an interaction in contract and contacts, and what nobody sees
    of a subscriber; about 5 % leave at every cut-off. Nobody is taken out after leaving: rows stay alike.
    """
    import pandas as pd

    person, parts = np.random.default_rng([seed, 1]), []
    contract = person.choice(["month", "year", "prepaid"], people, p=[0.5, 0.3, 0.2])
    fixed = {
        "contract_type": contract, "operator": person.choice(["alpha", "bravo"], people, p=[0.6, 0.4]),
        "region": person.choice(["north", "south", "west"], people), "tenure_days": person.integers(1, 2000, people),
        "segment": person.choice(["home", "business"], people, p=[0.8, 0.2]),
    }
    hidden, lasting = person.normal(0, 0.5, people), person.normal(size=(people, len(NUMBERS)))
    for cutoff in cutoffs:
        now = np.random.default_rng([seed, 2, cutoff])
        x = 0.7 * lasting + 0.7 * now.normal(size=lasting.shape)
        logit = (-4.2 + x[:, :5] @ [0.5, 0.4, 0.3, 0.2, 0.2] + 0.9 * (contract == "month") + hidden
                 + 1.2 * ((x[:, 5] > 0.5) & (contract == "month")) + 0.6 * (fixed["tenure_days"] < 365))
        hazard = 1 / (1 + np.exp(-logit))
        parts.append(pd.DataFrame({
            "subscriber_id": [f"s{number:06d}" for number in range(people)],
            "event_timestamp": pd.Series([pd.Timestamp("2026-01-02") + pd.Timedelta(days=30 * cutoff)] * people),
            "cutoff": cutoff, "hazard": hazard, "is_churned": now.random(people) < hazard,
            **dict(zip(NUMBERS, x.T.astype("float32"), strict=True)), **fixed,
        }))
    return pd.concat(parts, ignore_index=True)


def halves(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two disjoint halves of the subscribers, every row of each."""
    from pipelines.training.folds import folds

    side = folds(frame["subscriber_id"].to_numpy(dtype=object), 2, "halves")
    return frame[side == 0], frame[side == 1]


def fitted(the: ModelSpec, frame: pd.DataFrame, columns: Sequence[str] = COLUMNS) -> Model:
    """The churn recipe on the fit and calibrate cut-offs."""
    from pipelines import bundle as bundles
    from pipelines.training import recipe

    learned = [frame[frame["cutoff"].isin(cutoffs)] for cutoffs in (FIT, CALIBRATE)]
    categories = bundles.learn_categories(learned[0], columns)
    made = recipe.fit_in_time(the, *(recipe.encode(part, the, columns, categories) for part in learned))
    facts = {"columns": list(columns), "categories": categories, "calibrator": made.calibrator, "model": "churn",
             "version": 1, "feature_service": "synthetic"}
    return Model(bundles.Bundle(Path("nowhere"), "", facts, made.booster), float(learned[0]["is_churned"].mean()))


def case(
    the: ModelSpec, own: pd.DataFrame, candidate: Model, champion: Model, test: pd.DataFrame, *,
    change: Callable[[Any], Any] = lambda scores: scores, age_days: int = 30,
) -> Case:
    """Everything the gate is shown, measured as a training measures it. `change` distorts the candidate's scores."""
    from pipelines.gate import Case, Comparison
    from pipelines.training import judgement, speed

    label = test["is_churned"].to_numpy(dtype=np.float64)
    ours, theirs = change(candidate.bundle.predict(test)), champion.bundle.predict(test)
    found = Comparison(1, age_days, len(test), the.gate.compare_on, float("nan"), float("nan"),
                       label_means=(candidate.label_mean, champion.label_mean))
    watch = test.iloc[:SPEED_BATCH]
    clock = speed.measured(speed.score_of(the, candidate.bundle), watch, speed.score_of(the, champion.bundle), watch)
    return Case(_evaluation(the, own, candidate, test, label, ours),
                replace(found, **judgement.beside(the, test, ours, theirs)), clock)


def _evaluation(the: ModelSpec, own: pd.DataFrame, candidate: Model, test: pd.DataFrame, label: Any, ours: Any) -> Any:
    from pipelines.gate import Evaluation, metrics
    from pipelines.gate.classification import classification
    from pipelines.training import baselines, leakage, recipe

    columns, categories = candidate.bundle.columns, candidate.bundle.categories
    train = recipe.encode(own[own["cutoff"].isin(FIT)], the, columns, categories)
    judged = recipe.encode(test, the, columns, categories)
    rivals = {"constant": baselines.constant(train, len(label)),
              "logistic": baselines.logistic(train, judged, categories)}
    return Evaluation(
        rows_without_consent=0, rows_outside_region=0,  # everybody here may be learned from
        design="out_of_time", rows=len(label), positives=int(label.sum()),
        metrics={**classification(label, ours), **metrics.calibration(label, ours)},
        baselines={name: classification(label, scores) for name, scores in rivals.items()},
        alone=leakage.alone(train, categories.keys(), seed=the.seed),
    )
