"""A recipe whose trees cannot be explained is refused where it is trained, not in the night that would score by it."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType, ModuleType

import pytest

from pipelines.errors import Held
from pipelines.models import SPECS
from pipelines.models.spec import Split
from pipelines.progress import silent
from pipelines.training import classifier


@pytest.mark.parametrize(("changed", "reason"), [
    ({"booster": "dart"}, "the booster is 'dart'"),
    ({"max_depth": 40, "min_child_weight": 0.0, "reg_lambda": 0.0}, "a path of [0-9]+ splits"),
])
def test_a_booster_without_exact_reasons_is_no_candidate(
    frames: ModuleType, changed: dict[str, object], reason: str
) -> None:
    parameters = {**SPECS["churn"].parameters, "max_rounds": 2, **changed}
    spec = replace(SPECS["churn"], parameters=MappingProxyType(parameters), split=Split(folds=2))
    cutoffs = frames.grid(1)
    with pytest.raises(Held, match=reason):
        classifier.fit(spec, frames.rows(cutoffs[0], 1500), frames.COLUMNS, cutoffs, silent)
