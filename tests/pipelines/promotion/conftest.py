"""Homes in which versions are promoted: bundles written by hand, so that nothing is fitted, and a real registry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines import bundle as bundles
from pipelines import champions, gate, promotion, tracking
from pipelines.promotion import shadow
from pipelines.promotion.comparison import Comparison
from pipelines.publish import Dataset
from pipelines.settings import settings

T = date(2026, 6, 1)
FIGURES = {"agreement": 0.45, "rank_correlation": 0.9, "top_decile_churn": 0.3, "shift": 0.05, "ks": 0.3,
           "mean_change": 0.02}


@dataclass
class World:
    """Churn v1 is champion from T, and has scored as_of T + 6; ltv joins where a test asks for it."""

    home: Path
    told: list[str] = field(default_factory=list)

    def version(self, model: str, trained_on: date, *, passed: bool = True, by: str = "ada", **facts: Any) -> int:
        """Register a version that the gate judged, with the alias challenger if it passed."""
        tags = tracking.as_tags({"identity": f"{model}{trained_on}{passed}{facts}", "trained_by": by})
        found = tracking.register(f"telco_{model}", tags)
        check = gate.Check("champion", 0.01, 0.0, passed, "gain over the champion")
        bundle = bundles.save(bundles.path_of(model, found.version), {
            "model": model, "version": found.version, "feature_service": f"{model}_v2", "columns": [],
            "categories": {}, "calibrator": bundles.IDENTITY, "trained_as_of": trained_on.isoformat(),
            "identity": f"{model}{trained_on}",
            "verdict": gate.Verdict(passed, (check,), () if passed else (check.sentence,)).as_dict(), **facts,
        })
        tracking.settle(found, bundle.directory, {"sha256": bundle.sha256}, alias="challenger" if passed else None)
        return found.version

    def scored(self, model: str, night: date, version: int) -> None:
        """A published night: a score partition and a roster."""
        for dataset, key in (
            (Dataset(settings().scores / model, ("as_of", "version")),
             {"as_of": night.isoformat(), "version": str(version)}),
            (Dataset(settings().features / "roster", ("as_of",)), {"as_of": night.isoformat()}),
        ):
            dataset.publish(key, lambda path: path.write_bytes(b"x"))

    def shadowed(self, model: str, night: date, **figures: float) -> None:
        """A night the version in shadow was scored beside the last champion."""
        found, champion = shadow.standing(model), champions.succession(model)[-1]
        assert found is not None
        self.scored(model, night, champion.version)
        shadow.keep(model, Comparison(
            as_of=night, champion=champion.version, champion_sha256=champion.sha256, challenger=found.version,
            challenger_sha256=found.sha256, rows=1000, unmatched=int(figures.pop("unmatched", 0)),
            **{**FIGURES, **figures},
        ))

    def value(self, pinned_to: int, number: int, *, champion: bool = True) -> int:
        """An ltv version that is pinned to a churn version, in force from T + number."""
        churn = bundles.load(bundles.path_of("churn", pinned_to))
        made = self.version("ltv", T + timedelta(days=number), ltv={
            "churn_version": pinned_to, "churn_sha256": churn.sha256, "months": 12})
        if champion:
            bundle = bundles.load(bundles.path_of("ltv", made))
            champions.enter("ltv", made, T + timedelta(days=number), bundle.sha256, reason="test")
            promotion.entry.follow("ltv")
        return made

    def advance(self, model: str = "churn", as_of: date = T + timedelta(days=20)) -> promotion.Step:
        return promotion.advance(model, as_of, report=self.told.append)

    def begun(self) -> int:
        """A second churn version, in shadow from T + 7."""
        second = self.version("churn", T + timedelta(days=7))
        self.advance()
        return second

    def line(self, model: str = "churn") -> list[tuple[int, date]]:
        return [(one.version, one.from_as_of) for one in champions.history(model)]

    def aliases(self, model: str = "churn") -> dict[str, int | None]:
        found = {name: tracking.version_by_alias(f"telco_{model}", name)
                 for name in ("challenger", "champion", "previous")}
        return {name: one.version if one else None for name, one in found.items()}


@pytest.fixture
def world(home: Path, give_registry: Callable[[Path], None]) -> World:
    give_registry(home)
    made = World(home)
    made.version("churn", T)
    promotion.promote("churn", T)
    made.scored("churn", T + timedelta(days=6), 1)
    return made


@pytest.fixture
def approval(home: Path) -> None:
    """An estate that wants a person to approve."""
    from pipelines.settings import PROJECT

    text = (PROJECT / "estate.toml").read_text().replace('# promotion = "approval"', 'promotion = "approval"')
    home.mkdir(parents=True, exist_ok=True)
    (home / "estate.toml").write_text(text)
    settings.cache_clear()


@pytest.fixture
def coherent(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """The incoherent share that is measured when a pair is about to move."""
    share = {"value": 0.02}
    monkeypatch.setattr(
        "pipelines.training.value.coherence.of_standing", lambda *_: gate.coherence(share["value"], 0.1))
    return share
