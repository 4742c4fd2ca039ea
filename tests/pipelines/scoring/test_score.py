"""A night's scores: everyone active once, by the champion in force, with the same bytes every time."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines import features, scoring
from pipelines.errors import Held, IntegrityError
from pipelines.publish import Dataset, sha256
from pipelines.reasons import contributions
from pipelines.reasons.tables import Tables
from pipelines.settings import settings

NIGHT = date(2026, 1, 12)
KEY = {"as_of": NIGHT.isoformat(), "version": "1"}


def published(model: str, version: int = 1, as_of: date = NIGHT) -> pd.DataFrame:
    key = {"as_of": as_of.isoformat(), "version": str(version)}
    path = Dataset(settings().scores / model, ("as_of", "version")).verify(key)
    return pq.read_table(path, partitioning=None).to_pandas()


def test_everyone_active_is_scored_once_and_the_rest_of_the_roster_is_counted_by_reason(champion: Any) -> None:
    bundle = champion()
    scored = scoring.score("churn", NIGHT)
    rows = published("churn")
    assert scored.rows == 190 == len(rows) == rows["subscriber_id"].nunique()
    assert scored.excluded == {"silent_45_days": 5, "tenure_under_one_day": 5}
    assert scored.rows + sum(scored.excluded.values()) == 200
    frame = features.scoring_frame("churn_v2", NIGHT)
    shuffled = frame.sample(frac=1, random_state=3)[frame.columns[::-1]]
    expected = dict(zip(shuffled["subscriber_id"], bundle.predict(shuffled), strict=True))
    assert np.allclose(rows["churn_probability"], rows["subscriber_id"].map(expected), atol=1e-6)


def test_every_row_says_its_night_its_version_and_when_it_expires(champion: Any) -> None:
    champion()
    scoring.score("churn", NIGHT)
    rows = published("churn")
    assert set(rows["as_of"]) == {NIGHT}
    assert set(rows["model_version"]) == {1}
    assert set(rows["expires_at"]) == {datetime(2026, 1, 15)}
    assert rows["reason_1"].str.match("(raises|lowers) the risk: ").all()


def test_decile_one_holds_the_most_likely_to_leave(champion: Any) -> None:
    champion()
    scoring.score("churn", NIGHT)
    rows = published("churn")
    assert rows["decile"].value_counts().to_dict() == dict.fromkeys(range(1, 11), 19)
    by_decile = rows.groupby("decile")["churn_probability"]
    assert all(by_decile.min()[d] >= by_decile.max()[d + 1] for d in range(1, 10))


def test_the_same_night_from_an_empty_scores_folder_gives_the_same_bytes(champion: Any, formula: Any) -> None:
    champion()
    formula()
    first = everything_scored()
    shutil.rmtree(settings().scores)
    shutil.rmtree(settings().extracts)
    assert everything_scored() == first
    assert len(set(first)) == 3


def everything_scored() -> list[str]:
    for model in ("churn", "ltv"):
        scoring.score(model, NIGHT)
    partitions = [Dataset(settings().scores / model, ("as_of", "version")).live(KEY) for model in ("churn", "ltv")]
    return [sha256(path) for path in (*partitions, scoring.extract(NIGHT))]


def test_the_same_night_again_changes_nothing(champion: Any) -> None:
    champion()
    scoring.score("churn", NIGHT)
    journal = (settings().scores / "churn" / "manifest.jsonl").read_bytes()
    scoring.score("churn", NIGHT)
    assert (settings().scores / "churn" / "manifest.jsonl").read_bytes() == journal


def test_a_row_dropped_between_features_and_scores_holds_the_night(champion: Any, monkeypatch: Any) -> None:
    champion()
    whole = features.scoring_table("churn_v2", NIGHT)
    without = pa.concat_tables([whole[:7], whole[8:]])
    monkeypatch.setattr(features, "scoring_table", lambda service, as_of: without)
    with pytest.raises(Held, match="189 rows for 190 active"):
        scoring.score("churn", NIGHT)
    assert not (settings().scores / "churn" / f"as_of={NIGHT}" / "version=1" / "data.parquet").exists()


@pytest.mark.parametrize(("tolerance", "reason"), [
    (1e-4, "differ from XGBoost's own by up to"),
    (1e9, "do not add up to the log-odds in [0-9]+ of 190 rows"),  # as when the sample misses what is wrong
])
def test_contributions_that_are_not_the_trees_hold_the_night(
    champion: Any, monkeypatch: pytest.MonkeyPatch, tolerance: float, reason: str
) -> None:
    champion()
    tables = contributions.tables
    monkeypatch.setattr(contributions, "tables", lambda booster: tampered(tables(booster)))
    monkeypatch.setattr(contributions, "ORACLE_TOLERANCE", tolerance)
    with pytest.raises(Held, match=reason):
        scoring.score("churn", NIGHT)
    assert not (settings().scores / "churn" / f"as_of={NIGHT}").exists()


def tampered(tables: Tables) -> Tables:
    """One tree's contributions as if its leaves were other ones."""
    values = tables.values.copy()
    values[:tables.value_starts[1]] += np.float32(0.01)
    return tables._replace(values=values)


def test_reasons_are_compared_with_those_of_a_week_before_and_the_bytes_do_not_know(
    champion: Any, world: ModuleType
) -> None:
    champion()
    later = NIGHT + timedelta(days=7)
    world.publish_world([later])
    alone = scoring.score("churn", later)
    path = Dataset(settings().scores / "churn", ("as_of", "version")).live({**KEY, "as_of": later.isoformat()})
    before = sha256(path)
    assert alone.stability is None
    assert scoring.score("churn", NIGHT).stability is None
    again = scoring.score("churn", later)
    assert again.stability is not None
    assert again.stability.subscribers > 180
    assert 0 <= again.stability.same_first <= 1
    assert sha256(path) == before


def test_a_doubled_row_holds_the_night(champion: Any, monkeypatch: Any) -> None:
    champion()
    whole = features.scoring_table("churn_v2", NIGHT)
    doubled = pa.concat_tables([whole[1:], whole[5:6]])
    monkeypatch.setattr(features, "scoring_table", lambda service, as_of: doubled)
    with pytest.raises(Held, match="scored more than once"):
        scoring.score("churn", NIGHT)


def test_a_bundle_whose_model_file_was_edited_is_refused_before_it_is_loaded(champion: Any, monkeypatch: Any) -> None:
    bundle = champion()
    (bundle.directory / "model.ubj").write_bytes((bundle.directory / "model.ubj").read_bytes()[:-40])
    monkeypatch.setattr("pipelines.bundle._parse", lambda data: pytest.fail("XGBoost was given unverified bytes"))
    with pytest.raises(IntegrityError, match=r"model\.ubj: sha256"):
        scoring.score("churn", NIGHT)


def test_a_bundle_that_is_not_the_one_the_champion_log_names_is_refused(champion: Any) -> None:
    bundle = champion()
    manifest = bundle.directory / "bundle.json"
    facts = json.loads(manifest.read_text())
    facts["calibrator"]["b"] = 3.0
    manifest.write_text(json.dumps(facts))
    with pytest.raises(IntegrityError, match="is not the recorded"):
        scoring.score("churn", NIGHT)


def test_a_night_before_a_new_champion_is_scored_with_the_old_one(champion: Any, world: ModuleType) -> None:
    champion(1, NIGHT)
    later = NIGHT + timedelta(days=1)
    champion(2, later, seed=1)
    world.publish_world([later])
    assert scoring.score("churn", later).version == 2
    assert scoring.score("churn", NIGHT).version == 1


def test_ltv_is_what_its_published_months_add_up_to_so_that_anyone_can_see_why(champion: Any, formula: Any) -> None:
    champion()
    formula()
    scoring.score("churn", NIGHT)
    scoring.score("ltv", NIGHT)
    ltv = published("ltv").set_index("subscriber_id")
    margins = features.scoring_frame("ltv_v2", NIGHT).set_index("subscriber_id")["margin_eur_30d"]
    one, worth = "sub_00042", 1.006434
    stay, margin = [1.0, *ltv.loc[one, "survival_by_month"]], ltv.loc[one, "margin_eur_by_month"]
    assert len(margin) == 12
    assert margin == pytest.approx([margins[one]] * 12, abs=0.006)
    by_hand = sum((stay[m - 1] + stay[m]) / 2 * margin[m - 1] / worth ** (m - 0.5) for m in range(1, 13))
    assert ltv.loc[one, "ltv_eur_12m"] == pytest.approx(by_hand, abs=0.05)
    assert ltv.loc[one, "survival_12m"] == stay[-1]
    assert ltv.loc[one, "reason_3"].startswith("stay: ")


def test_month_one_is_the_churn_probability_and_survival_never_rises(champion: Any, formula: Any) -> None:
    champion()
    formula()
    scoring.score("churn", NIGHT)
    scoring.score("ltv", NIGHT)
    churn, ltv = published("churn"), published("ltv")
    stay = np.stack(ltv["survival_by_month"])
    assert np.round(1.0 - stay[:, 0], 6).tolist() == churn["churn_probability"].tolist()
    assert (np.diff(stay, axis=1) <= 0).all()
    assert (np.diff(stay, axis=1) < 0).any()
    assert ((ltv["ltv_low_eur_12m"] <= ltv["ltv_eur_12m"]) & (ltv["ltv_eur_12m"] <= ltv["ltv_high_eur_12m"])).all()
    assert (ltv["ltv_low_eur_12m"] < ltv["ltv_high_eur_12m"]).all()


def test_an_edited_hazard_head_is_refused_before_it_is_parsed(champion: Any, formula: Any, monkeypatch: Any) -> None:
    champion()
    saved = formula()
    scoring.score("churn", NIGHT)
    path = saved.directory / "hazard.ubj"
    path.write_bytes(path.read_bytes()[:-20])
    monkeypatch.setattr("pipelines.bundle._parse", lambda data: pytest.fail("XGBoost was given unverified bytes"))
    with pytest.raises(IntegrityError, match=r"hazard\.ubj: sha256"):
        scoring.score("ltv", NIGHT)


def test_who_has_no_recent_margin_is_left_out_of_ltv_and_counted_not_valued_at_zero(
    home: Path, partitions: ModuleType, champion: Callable[..., Any], formula: Callable[..., Any]
) -> None:
    later = NIGHT + timedelta(days=1)
    partitions.publish_world([later])
    billing = partitions.stamp(partitions.values(partitions.BILLING, 190, later), partitions.ids(190), later)
    billing.loc[:3, "margin_eur_30d"] = np.nan
    shutil.rmtree(settings().features / "ftr_subscriber_billing" / f"as_of={later}")
    _forget(settings().features / "ftr_subscriber_billing", later)
    partitions.publish(settings().features / "ftr_subscriber_billing", later, billing, partitions.BILLING)
    champion()
    formula()
    scoring.score("churn", later)
    scored = scoring.score("ltv", later)
    assert scored.excluded["no_recent_margin"] == 4
    assert scored.rows + sum(scored.excluded.values()) == 200
    assert not {"sub_00000", "sub_00003"} & set(published("ltv", as_of=later)["subscriber_id"])


def _forget(root: Path, as_of: date) -> None:
    manifest = root / "manifest.jsonl"
    kept = [line for line in manifest.read_text().splitlines() if as_of.isoformat() not in line]
    manifest.write_text("".join(f"{line}\n" for line in kept))


def test_ltv_is_held_when_the_churn_version_it_pins_did_not_score_the_night(champion: Any, formula: Any) -> None:
    champion(1)
    formula(churn_version=2)
    scoring.score("churn", NIGHT)
    with pytest.raises(Held, match=r"pinned to churn v2.*there are: \['1'\]"):
        scoring.score("ltv", NIGHT)


def test_ltv_is_refused_when_the_churn_scores_came_from_another_bundle(champion: Any, formula: Any) -> None:
    champion()
    formula(churn_sha256="f" * 64)
    scoring.score("churn", NIGHT)
    with pytest.raises(IntegrityError, match="not scored with the churn v1 bundle that ltv is pinned to"):
        scoring.score("ltv", NIGHT)
