"""What the published models must beat, fitted on the rows they were fitted on and asked about the same nights.

Churn: a logistic regression on all columns, and the recipe itself on billing's columns alone. Values: every rival of
`pipelines/training/value/rivals.py`, over twelve months, given the discounting that the value has.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
from ladder import columns_of
from resamples import Floats

KEYS = ["subscriber_id", "night"]
BILLING, LOGISTIC = "billing alone", "logistic"


def churn(nights: Sequence[date]) -> Any:
    """subscriber_id, night and a probability per rival, of everyone active on these nights."""
    import pandas as pd

    from pipelines.clock import parse_day
    from pipelines.features import feature_columns
    from pipelines.governance.purpose import leave
    from pipelines.models import spec_of
    from pipelines.training import baselines, frames, recipe

    spec = spec_of("churn")
    facts = _bundle("churn", nights[0]).facts
    cutoffs = [parse_day(day) for day in facts["cutoffs"]]
    may = leave(spec.train_purpose, parse_day(facts["trained_as_of"]))
    frame = frames.training_frame(spec, frames.labels(spec, cutoffs, may))
    asked = _asked(spec.feature_service, nights).assign(**{spec.label_column: 0.0})
    found = asked[KEYS].copy()
    columns = columns_of(("billing",))
    found[BILLING] = _recipe(spec, frame, asked, columns, cutoffs)
    columns = feature_columns(spec.feature_service)
    learned = _learned(frame, columns)
    train, told = (recipe.encode(one, spec, columns, learned) for one in (frame, asked))
    del frame, asked
    found[LOGISTIC] = baselines.logistic(train, told, learned)
    return pd.DataFrame(found)


def _recipe(spec: Any, frame: Any, asked: Any, columns: list[str], cutoffs: Sequence[date]) -> Floats:
    """Fitted, calibrated and refitted as a champion is (`pipelines/training/classifier.py`), on fewer columns."""
    from pipelines.training import frames, recipe
    from pipelines.training.cutoffs import divide

    slices = divide(cutoffs, spec)
    if slices.design != "out_of_time":
        raise SystemExit(f"recovery: {slices.why}. Simulate more days")
    parts = [frames.of_cutoffs(frame, days) for days in (slices.fit, slices.calibrate, slices.test)]
    learned = _learned(parts[0], columns)
    fit, calibrate, test = (recipe.encode(part, spec, columns, learned) for part in parts)
    fitted = recipe.fit_in_time(spec, fit, calibrate)
    margin = np.r_[fitted.margin(calibrate), fitted.margin(test)]
    learned = _learned(frame, columns)
    everything, newest, told = (
        recipe.encode(one, spec, columns, learned)
        for one in (frame, frames.of_cutoffs(frame, (*slices.calibrate, *slices.test)), asked))
    return recipe.refitted(spec, fitted, margin, everything, newest).predict(told)


def value(nights: Sequence[date], chance: Any) -> Any:
    """subscriber_id, night and EUR of twelve months per rival. `chance`: subscriber_id, night, churn_probability."""
    import pandas as pd

    from pipelines.governance.purpose import leave
    from pipelines.models import ltv, spec_of
    from pipelines.training.value import periods, rivals

    spec = spec_of("ltv")
    trained = date.fromisoformat(_bundle("ltv", nights[0]).facts["trained_as_of"])
    history = periods.read(spec, spec_of("churn"), leave(spec.train_purpose, trained), _silent)
    asked = _asked(spec.feature_service, nights).merge(chance, on=KEYS, how="inner", validate="one_to_one")
    asked = asked[asked[spec.parameters["margin_column"]].notna()].reset_index(drop=True)
    both = pd.concat([history.frame, asked], ignore_index=True)  # curves are of the history's lives alone
    rows = np.arange(len(history.frame), len(both))
    first = asked["churn_probability"].to_numpy(dtype=np.float64)
    told = periods.History(both, history.days, history.place, history.left)
    months = int(spec.parameters["months"])
    found = rivals.of(told, rows, first, spec.parameters["margin_column"], months)
    worth = float(np.mean(ltv.discount(months, float(spec.parameters["monthly_discount"]))))
    return asked[KEYS].assign(**{name: values * worth for name, values in found.items()})


def _silent(line: str) -> None:
    del line


def _bundle(model: str, night: date) -> Any:
    from pipelines import bundle, champions

    champion = champions.in_force(model, night)
    if champion is None:
        raise SystemExit(f"recovery: no {model} champion is in force on {night}")
    return bundle.load(bundle.path_of(model, champion.version), expected=champion.sha256)


def _asked(service: str, nights: Sequence[date]) -> Any:
    """Features of everyone active on these nights, with the night."""
    import pandas as pd

    from pipelines.features import scoring_frame

    return pd.concat([scoring_frame(service, night).assign(night=night) for night in nights], ignore_index=True)


def _learned(frame: Any, columns: Sequence[str]) -> dict[str, list[str]]:
    from pipelines import bundle

    return bundle.learn_categories(frame, columns)
