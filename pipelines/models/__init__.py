"""The models this system trains, judges and serves, by name."""

from __future__ import annotations

from pipelines.errors import UsageError
from pipelines.models import churn, ltv
from pipelines.models.spec import ModelSpec

SPECS: dict[str, ModelSpec] = {spec.name: spec for spec in (churn.SPEC, ltv.SPEC)}


def spec_of(model: str) -> ModelSpec:
    """The spec of a model by its name; UsageError names those there are."""
    if model not in SPECS:
        raise UsageError(f"no model {model!r}; there are {', '.join(SPECS)}")
    return SPECS[model]
