"""The models this system trains, judges and serves, by name."""

from __future__ import annotations

from pipelines.errors import UsageError
from pipelines.models import churn, ltv, upgrade
from pipelines.models.spec import Label, ModelSpec

SPECS: dict[str, ModelSpec] = {spec.name: spec for spec in (churn.SPEC, ltv.SPEC, upgrade.SPEC)}


def labels() -> tuple[Label, ...]:
    """The label marts of all specs in their order, each once; models may share one."""
    return tuple(dict.fromkeys(spec.label_mart for spec in SPECS.values()))


def spec_of(model: str) -> ModelSpec:
    """The spec of a model by its name; UsageError names those there are."""
    if model not in SPECS:
        raise UsageError(f"no model {model!r}; there are {', '.join(SPECS)}")
    return SPECS[model]
