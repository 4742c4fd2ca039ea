"""Training and scoring frames: one row out per row in, as known then, and the same values on both ways."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

from pipelines import features
from pipelines.errors import Held, IntegrityError, UsageError
from pipelines.features import store
from pipelines.publish import Dataset
from pipelines.settings import settings

NIGHTS = [date(2026, 1, 5), date(2026, 1, 12), date(2026, 1, 19)]


def entities(partitions: ModuleType, nights: list[date] = NIGHTS, count: int = 190) -> pd.DataFrame:
    return pd.concat([
        pd.DataFrame({
            "subscriber_id": partitions.ids(count), "event_timestamp": pd.Timestamp(night),
            "is_churned": [number % 7 == 0 for number in range(count)],
        })
        for night in nights
    ], ignore_index=True)


@pytest.mark.usefixtures("shared_home")
class TestOfPublishedNights:
    def test_every_row_comes_back_once_sorted_with_its_label(self, partitions: ModuleType) -> None:
        asked = entities(partitions).sample(frac=1, random_state=1)
        frame = features.training_frame("churn_v1", asked)
        assert len(frame) == len(asked) == 570
        assert list(frame.columns[:3]) == ["subscriber_id", "event_timestamp", "is_churned"]
        assert list(frame.columns[3:]) == features.feature_columns("churn_v1")
        expected = asked.sort_values(["event_timestamp", "subscriber_id"], ignore_index=True)
        pd.testing.assert_frame_equal(frame[list(asked.columns)], expected, check_dtype=False)

    def test_each_row_has_the_values_of_its_own_night(self, partitions: ModuleType) -> None:
        frame = features.training_frame("churn_v1", entities(partitions))
        for night in NIGHTS:
            rows = frame[frame["event_timestamp"] == pd.Timestamp(night)]
            assert rows["price_eur"].tolist() == partitions.values(partitions.BILLING, 190, night)["price_eur"].tolist()

    def test_training_and_scoring_get_equal_frames_from_one_service(self, partitions: ModuleType) -> None:
        for service in ("churn_v1", "ltv_v1", "churn_v2", "ltv_v2"):
            trained = features.training_frame(service, entities(partitions, [NIGHTS[1]]))
            scored = features.scoring_frame(service, NIGHTS[1])
            pd.testing.assert_frame_equal(trained[scored.columns], scored)

    def test_what_was_never_measured_stays_missing_and_is_never_zero(self) -> None:
        frame = features.scoring_frame("churn_v1", NIGHTS[0])
        gone = frame[~frame["has_network"]]
        assert 50 < len(gone) < 140
        assert gone[["data_mb_30d", "sms_count_30d", "days_since_last_use"]].isna().all().all()

    def test_the_scoring_frame_is_the_active_roster_in_order(self, partitions: ModuleType) -> None:
        assert features.scoring_frame("churn_v1", NIGHTS[2])["subscriber_id"].tolist() == partitions.ids(190)

    def test_a_subscriber_without_a_feature_row_is_held_not_filled(self, partitions: ModuleType) -> None:
        with pytest.raises(Held, match="3 rows have no row in ftr_subscriber_billing, at 2026-01-05"):
            features.training_frame("churn_v1", entities(partitions, [NIGHTS[0]], count=193))

    def test_a_cut_off_that_was_never_published_is_held_not_filled_from_the_week_before(
        self, partitions: ModuleType
    ) -> None:
        with pytest.raises(Held, match="190 rows have no row in ftr_subscriber_care, at 2026-01-13"):
            features.training_frame("churn_v1", entities(partitions, [date(2026, 1, 13)]))

    def test_doubled_entity_rows_are_held(self, partitions: ModuleType) -> None:
        asked = entities(partitions, [NIGHTS[0]])
        with pytest.raises(Held, match="doubled"):
            features.training_frame("churn_v1", pd.concat([asked, asked.iloc[:1]]))

    def test_no_entity_rows_are_held(self, partitions: ModuleType) -> None:
        with pytest.raises(Held, match="no entity rows"):
            features.training_frame("churn_v1", entities(partitions, [NIGHTS[0]]).iloc[:0])

    def test_a_label_named_like_a_feature_is_refused(self, partitions: ModuleType) -> None:
        with pytest.raises(UsageError, match=r"\['margin_eur_30d'\] are features too"):
            features.training_frame("ltv_v1", entities(partitions).assign(margin_eur_30d=1.0))

    def test_an_unknown_service_names_those_there_are(self) -> None:
        with pytest.raises(UsageError, match="no feature service 'churn_v9'; there are churn_v1, churn_v2, ltv_v1"):
            features.feature_columns("churn_v9")

    def test_a_night_that_was_not_published_is_held(self) -> None:
        with pytest.raises(Held, match="no such partition is published"):
            features.scoring_frame("churn_v1", date(2026, 2, 1))

    def test_a_row_lost_by_the_join_is_held(self, partitions: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
        joined = store.historical_of

        def losing(service: str, keys: pd.DataFrame) -> pd.DataFrame:
            return joined(service, keys).iloc[1:]

        monkeypatch.setattr(store, "historical_of", losing)
        with pytest.raises(Held, match="190 rows in, 189 rows out"):
            features.training_frame("churn_v1", entities(partitions, [NIGHTS[0]]))

    def test_a_row_of_somebody_nobody_asked_for_is_held(
        self, partitions: ModuleType, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        joined = store.historical_of

        def mistaken(service: str, keys: pd.DataFrame) -> pd.DataFrame:
            found = joined(service, keys)
            return found.assign(subscriber_id=found["subscriber_id"].where(found.index != 3, "sub_99999"))

        monkeypatch.setattr(store, "historical_of", mistaken)
        with pytest.raises(Held, match="190 rows in, as many out, but of other subscribers"):
            features.training_frame("churn_v1", entities(partitions, [NIGHTS[0]]))

    def test_a_part_of_the_subscribers_gets_the_values_of_the_whole(self, partitions: ModuleType) -> None:
        ids = partitions.ids(190)
        asked = entities(partitions, NIGHTS[:1])
        whole = features.training_frame("churn_v1", asked)
        part = features.training_frame("churn_v1", asked[asked["subscriber_id"].isin(ids[40:90])])
        pd.testing.assert_frame_equal(part, whole.iloc[40:90].reset_index(drop=True), check_dtype=False)

    def test_a_join_in_several_parts_gives_the_frame_of_one(
        self, partitions: ModuleType, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        whole = features.training_frame("churn_v2", entities(partitions))
        monkeypatch.setattr(store, "JOINED_AT_ONCE", 77)  # ends within a night, twice
        pd.testing.assert_frame_equal(features.training_frame("churn_v2", entities(partitions)), whole)

    def test_the_entity_rows_are_left_as_they_are(self, partitions: ModuleType) -> None:
        asked = entities(partitions)
        before = asked.copy()
        frame = features.training_frame("churn_v1", asked)
        frame["is_churned"] = True
        frame.loc[:, "subscriber_id"] = "nobody"
        pd.testing.assert_frame_equal(asked, before)

    def test_a_file_being_written_and_the_manifest_disturb_nobody(self, partitions: ModuleType) -> None:
        folder = settings().features / "ftr_subscriber_care" / "as_of=2026-01-12"
        (folder / ".0f0f.tmp").write_bytes(b"PAR1 half a file")
        assert (folder.parent / "manifest.jsonl").exists()
        assert len(features.scoring_frame("churn_v1", NIGHTS[1])) == 190
        assert len(features.training_frame("churn_v1", entities(partitions, [NIGHTS[1]]))) == 190


def test_a_correction_that_came_after_the_cut_off_is_not_read(home: Path, partitions: ModuleType) -> None:
    """The leak that filter_by_created_timestamp closes, shown both ways."""
    night = NIGHTS[0]
    partitions.publish_world([night])
    root = settings().features / "ftr_subscriber_billing"
    late = partitions.values(partitions.BILLING, 190, night).assign(price_eur=999.0)
    known_tomorrow = partitions.stamp(late, partitions.ids(190), night, created=date(2026, 1, 6))
    # Lies under another partition's name: published partitions never change, so only a fault could bring it here.
    partitions.publish(root, date(2026, 1, 6), known_tomorrow, partitions.BILLING)
    asked = entities(partitions, [night])
    then = features.training_frame("churn_v1", asked)["price_eur"].tolist()
    assert then == partitions.values(partitions.BILLING, 190, night)["price_eur"].tolist()
    leaking = store.historical("churn_v1", asked[["subscriber_id", "event_timestamp"]], known_by_then=False)
    assert set(leaking["price_eur"]) == {999.0}


def test_marts_of_the_same_keys_are_joined_once_and_another_by_itself(
    home: Path, partitions: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    from feast.infra.offline_stores import ibis

    partitions.publish_world(NIGHTS[:2])
    asked, joined = [], ibis.get_historical_features_ibis

    def watched(**words: Any) -> Any:
        asked.append([view.name for view in words["feature_views"]])
        return joined(**words)

    monkeypatch.setattr(ibis, "get_historical_features_ibis", watched)
    rows = entities(partitions, NIGHTS[:2])
    rows = rows[rows["subscriber_id"] >= "sub_00010"]
    before = features.training_frame("churn_v2", rows)
    root = settings().features / "ftr_subscriber_network"
    (root / f"as_of={NIGHTS[0]}" / "data.parquet").unlink()
    (root / "manifest.jsonl").unlink()
    values, ids = partitions.values(partitions.NETWORK, 190, NIGHTS[0]), partitions.ids(190)
    partitions.publish(root, NIGHTS[0], partitions.stamp(values.iloc[5:], ids[5:], NIGHTS[0]), partitions.NETWORK)
    after = features.training_frame("churn_v2", rows)
    assert asked == [["ftr_subscriber_billing"], ["ftr_subscriber_billing", "ftr_subscriber_network"]]
    pd.testing.assert_frame_equal(after, before)  # each of the others lies five rows further up, and is found there


def test_a_subscriber_missing_from_one_view_holds_the_scoring_frame(home: Path, partitions: ModuleType) -> None:
    night = NIGHTS[0]
    partitions.publish_world([night])
    root = settings().features / "ftr_subscriber_network"
    (root / f"as_of={night}" / "data.parquet").unlink()
    (root / "manifest.jsonl").unlink()
    short = partitions.stamp(partitions.values(partitions.NETWORK, 189, night), partitions.ids(189), night)
    partitions.publish(root, night, short, partitions.NETWORK)
    with pytest.raises(Held, match=r"189 rows for 190 active subscribers\n.*1 have no row, for example sub_00189"):
        features.scoring_frame("churn_v1", night)


def test_a_partition_altered_after_publishing_is_refused(home: Path, partitions: ModuleType) -> None:
    night = NIGHTS[0]
    partitions.publish_world([night])
    path = Dataset(settings().features / "ftr_subscriber_care", ("as_of",)).live({"as_of": night.isoformat()})
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(IntegrityError, match="is not the published"):
        features.scoring_frame("churn_v1", night)


def test_another_time_zone_of_the_machine_changes_no_row(
    home: Path, partitions: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    monkeypatch.setenv("TZ", "America/Los_Angeles")
    time.tzset()
    try:
        store._open_store.cache_clear()
        partitions.publish_world(NIGHTS[:2])
        frame = features.training_frame("churn_v1", entities(partitions, NIGHTS[:2]))
        assert set(frame["event_timestamp"]) == {datetime(2026, 1, 5), datetime(2026, 1, 12)}
        pd.testing.assert_frame_equal(
            frame[frame["event_timestamp"] == "2026-01-12"][["subscriber_id", "price_eur"]].reset_index(drop=True),
            features.scoring_frame("churn_v1", NIGHTS[1])[["subscriber_id", "price_eur"]],
        )
        assert features.materialize(NIGHTS[1])
        assert features.lookup("subscriber_online", ["sub_00001"])["as_of"].tolist() == [NIGHTS[1]]
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()
