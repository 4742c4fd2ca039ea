"""F49: a night is scored only when a sample of it equals what a training would read, column by column."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from types import ModuleType

import pandas as pd
import pyarrow as pa
import pytest

from pipelines import features, scoring
from pipelines.errors import Held
from pipelines.features import store
from pipelines.models import SPECS
from pipelines.settings import settings

NIGHTS = [date(2026, 1, 11), date(2026, 1, 12), date(2026, 1, 13)]
NIGHT = NIGHTS[1]
SERVICE = SPECS["churn"].feature_service


def load(name: str) -> ModuleType:
    path = Path(__file__).parents[1] / "pipelines" / name
    spec = importlib.util.spec_from_file_location(f"f49_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """1,300 active subscribers over three nights in a row, the middle one in question."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TELCO_HOME", str(tmp_path_factory.mktemp("f49") / "home"))
        settings.cache_clear()
        module = load("features/partitions.py")
        module.publish_world(NIGHTS, 1310, inactive=10)
        yield module
    settings.cache_clear()


@pytest.fixture(scope="module")
def frame(world: ModuleType) -> pd.DataFrame:
    return features.scoring_frame(SERVICE, NIGHT)


def table(frame: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(frame, preserve_index=False)


def compared(monkeypatch: pytest.MonkeyPatch, frame: pd.DataFrame, as_of: date = NIGHT) -> list[str]:
    """Whom the proof asks the training path about."""
    asked: list[str] = []
    read = store.historical_of

    def spied(service: str, keys: pd.DataFrame) -> pd.DataFrame:
        asked.extend(keys["subscriber_id"])
        return read(service, keys)

    with monkeypatch.context() as patch:
        patch.setattr(store, "historical_of", spied)
        assert features.prove_equal(SERVICE, as_of, table(frame)) == 1000
    return asked


def test_F49_a_thousand_subscribers_are_equal_and_the_same_thousand_on_a_repeat(
    frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = compared(monkeypatch, frame)
    assert len(set(first)) == 1000
    assert compared(monkeypatch, frame.sample(frac=1, random_state=1)) == first
    other = features.scoring_frame(SERVICE, NIGHTS[2])
    assert set(compared(monkeypatch, other, NIGHTS[2])) != set(first)


@pytest.mark.mlts("O3")
@pytest.mark.parametrize(("damage", "says"), [
    pytest.param(lambda f: f.assign(price_eur=f["data_mb_30d"], data_mb_30d=f["price_eur"]), "2 of 77 columns differ",
                 id="two columns permuted"),
    pytest.param(lambda f: f.assign(price_eur=f["price_eur"].shift(1)), "price_eur: ", id="rows shifted by one"),
    pytest.param(lambda f: f.assign(data_mb_30d=f["data_mb_30d"].fillna(0.0)), "training nan",
                 id="missing became zero"),
    pytest.param(lambda f: f.assign(price_eur=f["price_eur"] * (1 + 1e-12)), "price_eur: 1000 differ",
                 id="the last bits"),
    pytest.param(lambda f: f.drop(columns="price_eur"), "columns are not the service's 77", id="a column is gone"),
])
def test_F49_a_frame_that_is_not_what_training_reads_is_held(
    frame: pd.DataFrame, damage: Callable[[pd.DataFrame], pd.DataFrame], says: str
) -> None:
    with pytest.raises(Held, match=rf"skew {SERVICE} 2026-01-12: held") as held:
        features.prove_equal(SERVICE, NIGHT, table(damage(frame)))
    assert says in str(held.value)


def test_F49_the_frame_of_another_night_is_held(world: ModuleType, frame: pd.DataFrame) -> None:
    with pytest.raises(Held, match="columns differ in 1000 rows"):
        features.prove_equal(SERVICE, NIGHT, features.scoring_table(SERVICE, NIGHTS[0]))


def test_F49_the_cut_down_read_equals_the_training_frame(world: ModuleType, frame: pd.DataFrame) -> None:
    """The canary of the two calls of Feast that are not public: a release that changes them fails here, by value."""
    keys = frame[["subscriber_id"]].assign(event_timestamp=pd.Timestamp(NIGHT).as_unit("us"))
    narrow = store.historical_of(SERVICE, keys).sort_values("subscriber_id", ignore_index=True)
    whole = store.historical(SERVICE, keys).sort_values("subscriber_id", ignore_index=True)
    pd.testing.assert_frame_equal(narrow[whole.columns], whole)
    pd.testing.assert_frame_equal(features.training_frame(SERVICE, keys)[frame.columns], frame)


def test_F49_partitions_outside_the_neighbourhood_are_not_opened(world: ModuleType, frame: pd.DataFrame) -> None:
    """What makes the proof affordable: a night long ago is not a readable file, and neither way notices."""
    old = settings().features / "ftr_subscriber_care" / f"as_of={NIGHT - timedelta(days=400)}" / "data.parquet"
    old.parent.mkdir()
    try:
        # A page header that no Parquet reader understands, under a footer that is whole.
        good = settings().features / "ftr_subscriber_care" / f"as_of={NIGHT}" / "data.parquet"
        body = bytearray(good.read_bytes())
        body[4:200] = b"\xff" * 196
        old.write_bytes(bytes(body))
        assert len(features.scoring_frame(SERVICE, NIGHT)) == 1300
        assert features.prove_equal(SERVICE, NIGHT, table(frame)) == 1000
        keys = frame[["subscriber_id"]].assign(event_timestamp=pd.Timestamp(NIGHT).as_unit("us"))
        with pytest.raises(Exception, match="don't know what type"):  # Thrift's words, out of DuckDB
            store.historical(SERVICE, keys)
    finally:
        old.unlink()
        old.parent.rmdir()


@pytest.mark.mlts("O3")
def test_F49_a_night_that_differs_publishes_no_score(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    partitions = load("features/partitions.py")
    partitions.publish_world([NIGHT], 60, inactive=0)
    honest = features.scoring_table

    def skewed(service: str, as_of: date) -> pa.Table:
        found = honest(service, as_of)
        place = found.column_names.index("contacts_30d")
        return found.set_column(place, "contacts_30d", found["contacts_90d"])

    monkeypatch.setattr(features, "scoring_table", skewed)
    champion(NIGHT)
    with pytest.raises(Held, match="contacts_30d: "):
        scoring.score("churn", NIGHT)
    assert not (settings().scores / "churn").exists()


def champion(night: date) -> None:
    """A churn version that would score this night."""
    import numpy as np
    import xgboost

    from pipelines import bundle, champions

    frame = features.scoring_frame(SERVICE, night)
    columns = features.feature_columns(SERVICE)
    categories = bundle.learn_categories(frame, columns)
    label = np.arange(len(frame)) % 3 == 0
    fitted = xgboost.train({"objective": "binary:logistic", "nthread": 1},
                           bundle.dmatrix(bundle.encode(frame, columns, categories), columns, label=label), 2)
    facts = {"model": "churn", "version": 1, "feature_service": SERVICE, "columns": columns, "categories": categories,
             "calibrator": {"kind": "platt", "a": 1.0, "b": 0.0}, "verdict": {"passed": True}}
    saved = bundle.save(bundle.path_of("churn", 1), facts, booster=fitted)
    champions.enter("churn", 1, night, saved.sha256, reason="test")
