"""A small world for training: published label and feature partitions, and the frame the feature store would give.

Churn depends on the contract, on contacts and on usage, with noise; usage and contacts are missing for some.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipelines.publish import Dataset
from pipelines.settings import settings

START = date(2026, 1, 30)  # first_cutoff of the world's estate: the anchor of the grid
COLUMNS = [
    "contract_type", "tenure_days", "price_eur", "billed_eur_30d", "margin_eur_30d", "is_paperless",
    "contacts_30d", "data_mb_30d", "noise",
]
TABLES = ("roster", "ftr_subscriber_billing", "ftr_subscriber_network", "ftr_subscriber_care")
ESTATE = """
name = "alpha"
history_start = 2025-11-01
first_cutoff = {first_cutoff}
[operators.alpha]
currency = "EUR"
time_zone = "Europe/Berlin"
region = "EU"
legal_basis = "contract"
[feeds."billing_alpha.subscriptions"]
operator = "alpha"
[cost_rates]
base = 250
"""


def grid(count: int, first: date = START) -> list[date]:
    """The first `count` weekly cut-offs."""
    return [first + timedelta(days=7 * place) for place in range(count)]


def rows(cutoff: date, count: int, *, seed: int = 1, signal: float = 1.0) -> pd.DataFrame:
    """Keys, features, is_churned and margin_eur_90d of one cut-off; the same subscribers at every cut-off."""
    people = np.random.default_rng(seed)
    contract = people.choice(["month", "one_year", "two_year"], size=count, p=[0.6, 0.2, 0.2])
    price = people.uniform(10, 80, size=count)
    day = np.random.default_rng([seed, cutoff.toordinal()])
    contacts = day.poisson(0.5, size=count).astype("float64")
    usage = day.gamma(2.0, 1500.0, size=count)
    # An interaction and a threshold: what a line cannot draw and a tree can.
    is_angry = (contract == "month") & (contacts >= 1)
    logit = -3.5 + signal * (2.8 * is_angry + 1.0 * (usage < 1200))
    churned = day.random(count) < 1 / (1 + np.exp(-logit))
    margin = price - 12.0 + day.normal(0, 2, size=count)
    # Months two and three take as many as month one does; the billed margin is noisy, the price exact.
    left_after = np.where(churned, day.uniform(0, 1, size=count), 3.0)
    later = day.random(count) < 2 * churned.mean()
    left_after = np.where(~churned & later, day.uniform(1, 3, size=count), left_after)
    frame = pd.DataFrame({
        "subscriber_id": [f"sub_{number:06d}" for number in range(count)],
        "event_timestamp": pd.Series([pd.Timestamp(cutoff)] * count).astype("M8[us]"),
        "is_churned": churned,
        "margin_eur_90d": margin * left_after + day.normal(0, 3, size=count),
        "contract_type": contract,
        "tenure_days": people.integers(10, 2000, size=count),
        "price_eur": price,
        "billed_eur_30d": price + day.normal(0, 1, size=count),
        "margin_eur_30d": margin + day.normal(0, 8, size=count),
        "is_paperless": people.random(count) < 0.5,
        "contacts_30d": np.where(people.random(count) < 0.1, np.nan, contacts),
        "data_mb_30d": np.where(people.random(count) < 0.1, np.nan, usage),
        "noise": day.normal(size=count),
    })
    return frame


@dataclass
class World:
    """A home with published partitions; `features` is what the feature store would answer."""

    home: Path
    features: pd.DataFrame
    reads: int = 0

    def publish(self, dataset: str, key: date, frame: pd.DataFrame, root: str = "features") -> None:
        place = Dataset(getattr(settings(), root) / dataset, ("as_of",))

        def write(path: Path) -> int:
            frame.to_parquet(path, index=False)
            return len(frame)

        place.publish({"as_of": key.isoformat()}, write)

    def answer(self, service: str, entities: pd.DataFrame) -> pd.DataFrame:
        """As the feature store: keys, the other columns, then the features, in an order nobody asked for."""
        self.reads += 1
        others = [name for name in entities.columns if name not in ("subscriber_id", "event_timestamp")]
        found = entities.merge(self.features, on=["subscriber_id", "event_timestamp"], how="inner")
        return found[["subscriber_id", "event_timestamp", *others, *COLUMNS]]


Labels = Callable[[pd.DataFrame], pd.DataFrame]


def build(
    monkeypatch: pytest.MonkeyPatch, home: Path, cutoffs: Sequence[date], *, count: int = 600,
    labels: Labels = lambda frame: frame, ltv_cutoffs: Sequence[date] = (), seed: int = 1, signal: float = 1.0,
    first_cutoff: date = START,
) -> World:
    """Publish labels and features of the cut-offs; `labels` may damage the label rows before they are published."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "estate.toml").write_text(ESTATE.format(first_cutoff=first_cutoff.isoformat()))
    settings.cache_clear()
    parts = {cutoff: rows(cutoff, count, seed=seed, signal=signal) for cutoff in cutoffs}
    keys = ["subscriber_id", "event_timestamp"]
    world = World(home, pd.concat(parts.values(), ignore_index=True)[[*keys, *COLUMNS]])
    for cutoff, frame in parts.items():
        world.publish("lbl_churn_30d", cutoff, labels(frame)[[*keys, "is_churned"]], root="labels")
        for table in TABLES:
            world.publish(table, cutoff, frame[keys].assign(created_at=frame["event_timestamp"]))
        if cutoff in ltv_cutoffs:
            world.publish("lbl_ltv", cutoff, frame[[*keys, "margin_eur_90d"]], root="labels")
    monkeypatch.setattr("pipelines.features.training_frame", world.answer)
    monkeypatch.setattr("pipelines.features.feature_columns", lambda service: list(COLUMNS))
    return world
