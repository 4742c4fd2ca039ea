"""Look for better parameters inside a stated budget, on slices the test never is; what is found is a proposal.

A model is its spec, so nothing here changes a model: the study is kept, its best trial is printed as lines for the
spec, and whoever adopts them commits them, with a new spec digest and a new verdict of the gate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from pipelines import bundle as bundles
from pipelines.errors import NotEnoughData, UsageError
from pipelines.gate import metrics
from pipelines.governance.purpose import leave
from pipelines.models import SPECS, spec_of
from pipelines.models.spec import Kind, ModelSpec
from pipelines.progress import Report, silent
from pipelines.settings import settings
from pipelines.training import frames, recipe, stack
from pipelines.training.cutoffs import divide, matured

if TYPE_CHECKING:
    from optuna import Study, Trial

# (low, high, on a logarithmic scale); whole numbers where both ends are.
SPACE: Final[Mapping[str, tuple[float, float, bool]]] = MappingProxyType({
    "max_depth": (2, 7, False),
    "learning_rate": (0.02, 0.2, True),
    "min_child_weight": (1.0, 100.0, True),
    "subsample": (0.5, 1.0, False),
    "colsample_bytree": (0.2, 1.0, False),
    "reg_lambda": (0.1, 100.0, True),
})


@dataclass(frozen=True)
class Tried:
    """One set of parameters. `log_loss` and `auc` are of the calibration slice; `rounds` by early stopping there."""

    number: int
    parameters: dict[str, float]
    log_loss: float
    auc: float
    rounds: int


@dataclass(frozen=True)
class Tuning:
    """`tried`: best first; trial 0 has the parameters of the spec as it stands."""

    model: str
    as_of: date
    rows: int
    judged_rows: int
    tried: tuple[Tried, ...]
    study: Path

    @property
    def standing(self) -> Tried:
        return next(one for one in self.tried if one.number == 0)


def tune(
    model: str, as_of: date, *, trials: int = 30, minutes: float = 20.0, report: Report = silent
) -> Tuning:
    """Try `trials` sets of parameters in all, stopping before a new one once `minutes` are over; a study goes on.

    Fit on the fit slice, judged by log loss on the calibration slice, never on the test slice. By optuna's TPE
    (Bergstra et al. 2011), seeded by the spec. Raises UsageError for a formula or an empty budget, NotEnoughData where
    history holds no slices in time.
    """
    spec = spec_of(model)
    if spec.kind is not Kind.CLASSIFIER:
        others = ", ".join(one.name for one in SPECS.values() if one.kind is Kind.CLASSIFIER)
        raise UsageError(f"tune: {model} is a {spec.kind}; there are classifiers to tune: {others}")
    if trials < 1 or not minutes > 0:
        raise UsageError(f"tune: {trials} trials in {minutes:g} minutes; give at least one trial and some time")
    fit, judged = _rows(spec, as_of, report)
    folder = settings().reports / "tuning" / model / f"as_of={as_of}"
    folder.mkdir(parents=True, exist_ok=True)
    study = _study(spec, folder / "study.db")
    left = trials - len(_finished(study))
    if left > 0:
        _search(study, spec, fit, judged, left, minutes, report)
    tried = tuple(sorted(_finished(study), key=lambda one: one.log_loss))
    return Tuning(model, as_of, len(fit.label), len(judged.label), tried, folder / "study.db")


def _rows(spec: ModelSpec, as_of: date, report: Report) -> tuple[recipe.Rows, recipe.Rows]:
    from pipelines.estate import estate

    cutoffs = matured(spec, as_of, estate().training_start)
    slices = divide(cutoffs, spec) if cutoffs else None
    if slices is None or slices.design != "out_of_time":
        why = slices.why if slices else "none"
        raise NotEnoughData(
            f"tuning {spec.name} at {as_of}",
            [f"{len(cutoffs)} matured cut-offs hold no fit and calibration in time: {why}"],
            "wait for more labels to mature",
        )
    used = (*slices.fit, *slices.calibrate)
    frames.check_published(spec, used, as_of)
    used = frames.thinned(spec, used, report)
    rows = frames.labels(spec, used, leave(spec.train_purpose, as_of))
    frames.check_labels(spec, rows)
    report(f"tune {spec.name}: reading features of {len(rows)} rows")
    whole = stack.read(spec, rows)
    fit, judged = (whole.of(days) for days in (slices.fit, slices.calibrate))
    return fit.rows(), judged.rows(fit)


def _study(spec: ModelSpec, path: Path) -> Study:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        study_name=f"{spec.name}-{spec.digest[:12]}", storage=f"sqlite:///{path}", direction="minimize",
        load_if_exists=True,
    )
    # A study that goes on must not draw its first sets again.
    study.sampler = optuna.samplers.TPESampler(seed=spec.seed + len(study.trials))
    if not study.trials:
        study.enqueue_trial({name: spec.parameters[name] for name in SPACE if name in spec.parameters})
    return study


def _search(
    study: Study, spec: ModelSpec, fit: recipe.Rows, judged: recipe.Rows, trials: int, minutes: float, report: Report
) -> None:
    def objective(trial: Trial) -> float:
        chosen = {name: _suggested(trial, name) for name in SPACE}
        tried = replace(spec, parameters=MappingProxyType({**spec.parameters, **chosen}))
        fitted = recipe.fit_in_time(tried, fit, judged)
        said = fitted.predict(judged)
        trial.set_user_attr("auc", metrics.auc(judged.label, said))
        trial.set_user_attr("rounds", fitted.rounds)
        loss = metrics.log_loss(judged.label, bundles.calibrate(fitted.margin(judged), bundles.IDENTITY))
        report(f"tune {spec.name}: trial {trial.number}: log loss {loss:.5f}")
        return loss

    study.optimize(objective, n_trials=trials, timeout=60 * minutes, n_jobs=1)


def _suggested(trial: Trial, name: str) -> float:
    low, high, is_log = SPACE[name]
    if isinstance(low, int) and isinstance(high, int):
        return trial.suggest_int(name, low, high)
    return trial.suggest_float(name, low, high, log=is_log)


def _finished(study: Study) -> list[Tried]:
    from optuna.trial import TrialState

    return [
        Tried(trial.number, dict(trial.params), float(trial.values[0]), trial.user_attrs["auc"],
              trial.user_attrs["rounds"])
        for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    ]
