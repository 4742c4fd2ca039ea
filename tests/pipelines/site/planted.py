"""A home with three nights, a champion and a refused version, in the files the steps write; tags in every name."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines import bundle, champions
from pipelines.gate import Check, Evaluation, Verdict
from pipelines.models import SPECS
from pipelines.publish import Dataset, write_json
from pipelines.scoring.table import schema, write
from pipelines.settings import settings

PLANTED = "</title><script>document.title='pwned'</script><img src=x onerror=alert(1)>"
FIRST = date(2026, 3, 1)
NIGHTS = tuple(FIRST + timedelta(days=number) for number in range(3))
PEOPLE = 400


def stand() -> None:
    """Fill the home of the settings: churn v1 scored three nights, v2 was refused, the second night drifted."""
    sha = _version(1, passed=True)
    _version(2, passed=False)
    champions.enter("churn", 1, FIRST, sha, reason=f"first {PLANTED}")
    for night in NIGHTS:
        _publish(night)
        write_json(_drift(night) / "verdict.json", {
            "as_of": night.isoformat(), "status": "drift" if night == NIGHTS[1] else "ok",
            "reasons": [f"plan_code: new category {PLANTED}"]})
        (_drift(night) / "report.html").write_text("Evidently", encoding="utf-8")
        landing = settings().reports / "landing" / night.isoformat()
        write_json(landing / "billing_alpha.accounts.json", {"verdict": "published: 3 rows, 0 in quarantine"})
        (landing / "index.html").write_text("checks", encoding="utf-8")
    (settings().reports / "landing" / "index.html").write_text("nights", encoding="utf-8")
    extract = settings().extracts / f"as_of={NIGHTS[-1]}" / "scores.csv"
    extract.parent.mkdir(parents=True)
    extract.write_text("subscriber_id\n", encoding="utf-8")


def evaluation() -> Evaluation:
    tenths = tuple({"n": 40.0, "predicted": 0.01 * (place + 1), "observed": 0.011 * place, "captured": 1 - place / 10}
                   for place in range(10))
    return Evaluation(
        design="out_of_time", rows=PEOPLE, positives=40,
        metrics={"auc": 0.71, "lift_at_10": 2.4, "capture_at_20": 0.41, "ece": float("nan")},
        baselines={"constant": {"auc": 0.5}}, reliability=tenths, intervals={"auc": (0.66, 0.76)},
        segments=({"slice": "plan", "value": f"{PLANTED} ![x](http://example.com/x.png) [x](http://example.com)",
                   "rows": 400, "positives": 40, "observed": 0.1, "predicted": 0.1, "auc": 0.7, "auc_low": 0.6,
                   "auc_high": 0.8},),
    )


def verdict(passed: bool) -> Verdict:
    check = Check("plan", 0.1, 0.2, passed, f"the slice plan={PLANTED} is {'well' if passed else 'harmed'}")
    return Verdict(passed, (check,), () if passed else (check.sentence,))


def refuse_night(as_of: date) -> None:
    """A night whose mandatory file the door did not take."""
    landing = settings().reports / "landing" / as_of.isoformat()
    write_json(landing / "billing_alpha.invoices.json", {"verdict": f"rejected: plan {PLANTED}"})
    (landing / "index.html").write_text("checks", encoding="utf-8")


def _version(number: int, *, passed: bool) -> str:
    told = verdict(passed)
    facts: dict[str, Any] = {
        "model": "churn", "version": number, "feature_service": "churn_v2", "columns": ["a"], "categories": {},
        "calibrator": {"kind": "identity"}, "trained_as_of": "2026-02-20",
        "verdict": {"passed": told.passed, "reasons": list(told.reasons)},
    }
    files: dict[str, bytes | Path] = {
        "evaluation.json": json.dumps(evaluation().as_dict()).encode(),
        "verdict.json": json.dumps(told.as_dict()).encode(), "card.html": b"card", "card.md": b"card",
    }
    return bundle.save(bundle.path_of("churn", number), facts, files=files).sha256


def _drift(night: date) -> Path:
    return settings().reports / "drift" / "churn" / f"as_of={night}"


def _publish(night: date) -> None:
    people = [f"sub_{number:05d}" for number in range(PEOPLE)]

    def roster(path: Path) -> int:
        pq.write_table(pa.table({"subscriber_id": people}), path)
        return PEOPLE

    Dataset(settings().features / "roster", ("as_of",)).publish({"as_of": night.isoformat()}, roster)
    spec = SPECS["churn"]
    themes = ["contract"] * 25 + ["roaming"] * 15
    columns = {
        "subscriber_id": people, "as_of": [night] * PEOPLE, "model": ["churn"] * PEOPLE, "model_version": [1] * PEOPLE,
        "churn_probability": [1 - number / PEOPLE for number in range(PEOPLE)],
        "decile": [number // 40 + 1 for number in range(PEOPLE)],
        **{f"reason_{rank}": ["raises the risk: contract: monthly"] * PEOPLE for rank in (1, 2, 3)},
        **{f"reason_{rank}_theme": themes + ["contract"] * (PEOPLE - 40) for rank in (1, 2, 3)},
        **{f"reason_{rank}_actionable": [True] * PEOPLE for rank in (1, 2, 3)},
        "expires_at": [datetime(night.year, night.month, night.day) + timedelta(days=3)] * PEOPLE,
    }
    table = pa.table(columns, schema=schema(spec))
    Dataset(settings().scores / "churn", ("as_of", "version")).publish(
        {"as_of": night.isoformat(), "version": "1"}, lambda path: write(table, spec, path),
        inputs={"excluded": {"no_consent": 7}})


