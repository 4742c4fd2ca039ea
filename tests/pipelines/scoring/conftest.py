"""A night that can be scored: published partitions, a churn champion and an ltv hazard that were really fitted."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pipelines import features
from pipelines.models import SPECS
from pipelines.settings import settings

NIGHT = date(2026, 1, 12)
# A margin head that says the margin stays as it is, for one month and so for all.
MARGIN = {
    "longest": 1, "lead": 2, "features": ["margin_eur_30d"], "trend": [], "numbers": {"margin_eur_30d": [0.0, 100.0]},
    "categories": {}, "price": "no_list_price", "weights": [100.0, 0.0], "intercept": 0.0, "trend_weights": [0.0],
    "lowest": -500.0, "highest": 500.0, "silence_days": 45, "prepaid": None,
}
TERMS = {
    "months": 12, "monthly_discount": 0.006434, "margin_column": "margin_eur_30d", "margin": MARGIN,
    "hazard": {"longest": 3, "calibrator": {"kind": "identity"}},
    "interval": {"coverage": 0.8, "by": "contract_type", "ends": {"everybody": [0.02, 0.05]}},
}


def load_partitions() -> ModuleType:
    path = Path(__file__).parents[1] / "features" / "partitions.py"
    spec = importlib.util.spec_from_file_location("telco_partitions", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def partitions() -> ModuleType:
    return load_partitions()


@pytest.fixture(scope="session")
def kept_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One home for all tests here: registering features and publishing the night is paid for once."""
    home = tmp_path_factory.mktemp("scoring") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TELCO_HOME", str(home))
        settings.cache_clear()
        load_partitions().publish_world([NIGHT])
        features.apply()
        shutil.copytree(settings().features, home.with_name("features"))
    settings.cache_clear()
    return home


@pytest.fixture
def home(kept_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The kept home as it was before the first test: the night published, no model, no score."""
    for name in ("features", "models", "champions", "scores", "shadow", "extracts", "reports", "audit", "anchors"):
        shutil.rmtree(kept_home / name, ignore_errors=True)
    shutil.copytree(kept_home.with_name("features"), kept_home / "features")
    monkeypatch.setenv("TELCO_HOME", str(kept_home))
    for name in ("TELCO_ESTATE", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    settings.cache_clear()
    yield kept_home
    settings.cache_clear()


@pytest.fixture
def world(home: Path, partitions: ModuleType) -> ModuleType:
    """200 on the roster of one night, 190 of them active."""
    return partitions


def churn_facts(version: int, columns: list[str], categories: dict[str, list[str]]) -> dict[str, Any]:
    return {"model": "churn", "version": version, "feature_service": "churn_v2", "columns": columns,
            "categories": categories, "calibrator": {"kind": "platt", "a": 0.9, "b": -0.2}, "verdict": {"passed": True}}


@pytest.fixture
def champion(world: ModuleType) -> Callable[..., Any]:
    """Fit, save and enter a version, of churn by default: what it tells of depends on contract and contacts."""
    import numpy as np
    import xgboost

    from pipelines import bundle, champions

    def enter(version: int = 1, from_as_of: date = NIGHT, seed: int = 0, model: str = "churn") -> bundle.Bundle:
        service = SPECS[model].feature_service
        frame = features.scoring_frame(service, NIGHT)
        columns = features.feature_columns(service)
        categories = bundle.learn_categories(frame, columns)
        draw = np.random.default_rng(seed)
        push = (frame["contract_type"] == "month_to_month") * 1.5 + frame["contacts_30d"] / 60 + draw.normal(0, 1, 190)
        fitted = xgboost.train(
            {"objective": "binary:logistic", "max_depth": 3, "nthread": 1, "seed": seed},
            bundle.dmatrix(bundle.encode(frame, columns, categories), columns, label=(push > 1.2).to_numpy()), 12,
        )
        facts = churn_facts(version, columns, categories) | {"model": model, "feature_service": service}
        saved = bundle.save(bundle.path_of(model, version), facts, booster=fitted, files={"card.json": b"{}"})
        champions.enter(model, version, from_as_of, saved.sha256, reason="test")
        return saved

    return enter


@pytest.fixture
def formula() -> Callable[..., Any]:
    """Save and enter an ltv version that pins a churn version; who has many contacts leaves later, sooner by month."""
    import numpy as np
    import xgboost

    from pipelines import bundle, champions, valuation

    def enter(churn_version: int = 1, churn_sha256: str = "") -> bundle.Bundle:
        version, from_as_of = 1, NIGHT
        churn = champions.in_force("churn", NIGHT)
        pinned = churn.sha256 if churn else ""
        frame, columns = features.scoring_frame("ltv_v2", NIGHT), ["margin_eur_30d", "contacts_30d"]
        rows = np.vstack([valuation.with_month(bundle.encode(frame, columns, {}), month) for month in (2, 3)])
        left = np.nan_to_num(rows[:, 1]) * rows[:, 2] + np.random.default_rng(0).normal(0, 3, len(rows)) > 60
        hazard = xgboost.train(
            {"objective": "binary:logistic", "max_depth": 2, "nthread": 1, "seed": 0},
            bundle.dmatrix(rows, [*columns, valuation.MONTH], label=left), 6,
        )
        facts = {"model": "ltv", "version": version, "feature_service": "ltv_v2", "columns": columns,
                 "categories": {}, "calibrator": {"kind": "identity"}, "verdict": {"passed": True},
                 "ltv": {**TERMS, "churn_version": churn_version,
                         "churn_sha256": churn_sha256 or pinned}}
        files = {valuation.HAZARD: bytes(hazard.save_raw(raw_format="ubj"))}
        saved = bundle.save(bundle.path_of("ltv", version), facts, files=files)
        champions.enter("ltv", version, from_as_of, saved.sha256, reason="test")
        return saved

    return enter
