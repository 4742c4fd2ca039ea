"""The models of a night read what they have in common once; what they have not, and another night, anew."""

from __future__ import annotations

from datetime import date
from typing import Any

import pyarrow as pa
import pytest

from pipelines import features
from pipelines.errors import Held
from pipelines.models.spec import Purpose
from pipelines.scoring import reading, score
from pipelines.scoring.reading import Reading

NIGHT = date(2026, 3, 2)
VIEWS = {"churn_v2": ("a", "b"), "ltv_v2": ("a", "b"), "churn_v1": ("a",)}


class People:
    """Of rows 1 to 3 all but the third may be scored."""

    def only(self, table: pa.Table) -> pa.Table:
        return table[:2]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was read and proved, in order."""
    told: list[str] = []

    def table(service: str, as_of: date) -> pa.Table:
        told.append(f"read {service} {as_of}")
        return pa.table({"subscriber_id": ["1", "2", "3"], **{name: [1, 2, 3] for name in VIEWS[service]}})

    def population(purpose: Purpose, as_of: date) -> People:
        told.append(f"people {purpose}")
        return People()

    monkeypatch.setattr(reading, "population", population)
    monkeypatch.setattr(features, "scoring_table", table)
    monkeypatch.setattr(features, "prove_equal", lambda service, as_of, found: told.append(f"prove {len(found)}"))
    monkeypatch.setattr(features, "partition_digests", lambda service, as_of: {service: "sha"})
    monkeypatch.setattr(features, "alike", lambda one, other: VIEWS[one] == VIEWS[other])
    return told


def test_two_services_of_the_same_columns_are_one_read(read: list[str]) -> None:
    night = Reading(NIGHT)
    first = night.of(Purpose.ANALYTICS, "churn_v2")
    assert (first.table["a"].to_pylist(), first.features) == ([1, 2], {"churn_v2": "sha"})
    assert night.of(Purpose.ANALYTICS, "ltv_v2") is first
    assert night.of(Purpose.ANALYTICS, "churn_v2") is first
    assert read == ["people ANALYTICS", "read churn_v2 2026-03-02", "prove 3"]


@pytest.mark.parametrize(("purpose", "service"), [
    (Purpose.MODEL_TRAINING, "churn_v2"), (Purpose.ANALYTICS, "churn_v1")])
def test_another_purpose_or_other_columns_are_read_anew(read: list[str], purpose: Purpose, service: str) -> None:
    night = Reading(NIGHT)
    first = night.of(Purpose.ANALYTICS, "churn_v2")
    other = night.of(purpose, service)
    assert other is not first
    assert read[3:] == [f"people {purpose}", f"read {service} 2026-03-02", "prove 3"]
    assert night.of(Purpose.ANALYTICS, "churn_v2") is not first  # the last read is kept and no more


def test_a_read_that_is_held_is_not_kept(read: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*asked: Any) -> None:
        raise Held("skew", ["a differs"])

    night, proof = Reading(NIGHT), features.prove_equal
    monkeypatch.setattr(features, "prove_equal", refused)
    with pytest.raises(Held, match="a differs"):
        night.of(Purpose.ANALYTICS, "churn_v2")
    monkeypatch.setattr(features, "prove_equal", proof)
    night.of(Purpose.ANALYTICS, "churn_v2")
    assert read.count("prove 3") == 1


def test_a_reading_is_of_one_night() -> None:
    with pytest.raises(ValueError, match="2026-03-02"):
        score("churn", date(2026, 3, 3), reading=Reading(NIGHT))
