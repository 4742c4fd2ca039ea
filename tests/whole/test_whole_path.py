"""From dropped files to tonight's scores on a small simulated operator, through every real library but Airflow."""

from __future__ import annotations

import csv
import hashlib
import importlib
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import night_counts
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from pipelines.governance import audit, ledger
from pipelines.settings import PROJECT, settings

DAYS = 260


@dataclass
class World:
    home: Path
    as_of: date  # the last as_of of the loaded history; champions are trained here
    trained: dict[str, Any]
    night: Any
    bytes_after_first_pass: dict[str, str]
    backup: Path  # taken before that night
    watch: night_counts.Watch  # what that night did


def published_bytes(home: Path) -> dict[str, str]:
    """Every published partition and extract with its sha256."""
    return {
        str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in ("raw", "features", "labels", "scores", "extracts")
        for path in sorted((home / folder).rglob("*"))
        if path.suffix in (".parquet", ".csv")
    }


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A home with 1,800 subscribers, 260 days of history, both champions and one night after them."""
    patch = pytest.MonkeyPatch()
    patch.setenv("TELCO_HOME", str(tmp_path_factory.mktemp("whole") / "home"))
    for name in ("TELCO_ESTATE", "MLFLOW_TRACKING_URI"):
        patch.delenv(name, raising=False)
    settings.cache_clear()

    from pipelines import night, promotion, training
    from pipelines.simulate import simulate

    simulate(subscribers=1800, days=DAYS, nights=2, seed=11)
    settings.cache_clear()
    from pipelines.estate import estate

    last = estate().history_start + timedelta(days=DAYS)
    night.bootstrap(estate().training_start, last, initial=True)
    trained = {}
    for model in ("churn", "ltv"):
        trained[model] = training.train(model, last)
        promotion.promote(model, last)
    from pipelines import backup

    kept = backup.back_up(tmp_path_factory.mktemp("backups") / "before.tar", with_raw=True).path
    with night_counts.watched() as watch:
        first = night.night(last + timedelta(days=1))
    yield World(settings().home, last, trained, first, published_bytes(settings().home), kept, watch)
    patch.undo()
    settings.cache_clear()


def rows(world: World, dataset: str, **key: str) -> list[dict[str, Any]]:
    folder = world.home / dataset / "/".join(f"{name}={value}" for name, value in key.items())
    found: list[dict[str, Any]] = pq.read_table(folder / "data.parquet").to_pylist()
    return found


def test_both_first_versions_pass_the_gate_and_say_why(world: World) -> None:
    for model, result in world.trained.items():
        assert result.verdict.passed, (model, result.verdict.reasons)
        assert all(check.sentence for check in result.verdict.checks)


def test_churn_is_learned_from_all_three_sources_out_of_time(world: World) -> None:
    assert world.trained["churn"].evaluation.metrics["auc"] > 0.68
    used = json.loads((world.trained["churn"].bundle / "bundle.json").read_text())["columns"]
    assert {"contract_type", "dropped_call_ratio_30d", "unresolved_contacts_90d"} <= set(used)


@pytest.mark.mlts("D7")
def test_published_features_are_those_that_plain_python_makes_of_the_dropped_files(
    world: World, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(PROJECT / "benchmarks"))
    truth = importlib.import_module("features_truth")
    found, absent, wrong = truth.compared(world.home, sample=200, seed=7, examples=3)
    assert len(found) == 77
    assert {one.values for one in found.values()} == {200}
    assert not [example for one in found.values() for example in one.examples]
    assert absent == 50
    assert not wrong


@pytest.mark.mlts("I3")
def test_every_active_subscriber_with_consent_is_scored_exactly_once_and_nobody_else(world: World) -> None:
    night = str(world.night.as_of)
    roster = rows(world, "features/roster", as_of=night)
    consenting = {row["subscriber_id"] for row in rows(world, "features/consent", as_of=night) if row["has_analytics"]}
    active = sorted(row["subscriber_id"] for row in roster if row["is_active"])
    assert len(active) > 1200
    assert 0 < len(set(active) - consenting) < 0.1 * len(active)
    scored = rows(world, "scores/churn", as_of=night, version="1")
    assert sorted(row["subscriber_id"] for row in scored) == [one for one in active if one in consenting]
    told = world.night.scored["churn"]
    assert told.excluded["no_consent"] == len(set(active) - consenting)
    assert told.rows + sum(told.excluded.values()) == len(roster)


def test_the_ledger_knows_who_trained_a_version_and_all_of_them_had_consented(world: World) -> None:
    consents = rows(world, "features/consent", as_of=str(world.as_of))
    allowed = {row["subscriber_id"] for row in consents if row["has_model_training"]}
    for model in ("churn", "ltv"):
        kept = ledger.read(model, 1)
        people = kept.subscribers()
        assert set(people) < allowed
        assert people == sorted(people)
        assert world.trained[model].evaluation.rows_without_consent == 0
        someone = people[len(people) // 2]
        assert ledger.models_of(someone)[f"{model}:1"] == kept.cutoffs_of(someone) != []
    refused = next(row["subscriber_id"] for row in consents if not row["has_model_training"])
    assert ledger.models_of(refused) == {}
    assert "ledger digest: " + ledger.read("churn", 1).digest in (world.trained["churn"].bundle / "card.md").read_text()


def test_the_audit_log_has_both_trainings_and_the_registry_its_head(world: World) -> None:
    found = audit.verify()
    assert audit.history()[-1].event == "backup"  # of the fixture; the registry hears of trainings and promotions
    assert (found.bad, found.registry) == (None, f"has seen line {found.lines - 1}")
    told = {line.subject: line.facts["ledger"] for line in audit.history("training_registered")}
    assert {name: told[f"{name}:1"] for name in ("churn", "ltv")} == {
        name: ledger.read(name, 1).digest for name in ("churn", "ltv")}
    assert "sub_" not in audit.log_file().read_text()


def test_a_score_says_why_by_which_model_for_when_and_until_when(world: World) -> None:
    night = world.night.as_of
    for row in rows(world, "scores/churn", as_of=str(night), version="1"):
        assert 0 <= row["churn_probability"] <= 1
        assert 1 <= row["decile"] <= 10
        assert row["as_of"] == night
        assert row["model_version"] == 1
        assert (row["expires_at"].date() - night).days == 3
        reasons = [row[f"reason_{place}"] for place in (1, 2, 3)]
        assert all(reasons)
        assert len(set(reasons)) == 3


@pytest.mark.mlts("I3")
def test_the_extract_joins_both_models_for_everyone_scored(world: World) -> None:
    night = str(world.night.as_of)
    with (world.home / "extracts" / f"as_of={night}" / "scores.csv").open(encoding="utf-8", newline="") as handle:
        extract = list(csv.DictReader(handle))
    assert len(extract) == world.night.scored["churn"].rows
    assert {"subscriber_id", "churn_probability", "ltv_eur_12m", "churn_reason_1", "as_of", "churn_expires_at"} <= set(
        extract[0])
    assert all(row["ltv_eur_12m"] for row in extract)


def test_the_night_knows_what_the_day_before_did_not(world: World) -> None:
    before, after = (rows(world, "features/ftr_subscriber_network", as_of=str(day))
                     for day in (world.as_of, world.night.as_of))
    assert before != after


def test_drift_is_judged_for_every_scored_model_with_a_report_to_read(world: World) -> None:
    night = world.night
    assert night.monitored["churn"].is_all_clear
    report = world.home / "reports" / "drift" / "churn" / f"as_of={night.as_of}" / "report.html"
    assert report.stat().st_size > 10_000


def test_a_night_does_no_more_than_its_counts_say(world: World, pytestconfig: pytest.Config) -> None:
    """Queries, rows, files, bytes kept and libraries of each stage; no clock. On purpose: `night_counts.ACCEPT`."""
    found = night_counts.of_a_night(world.home, str(world.night.as_of), world.watch)
    if pytestconfig.getoption("--accept-counts"):
        night_counts.accept(found)
    grown = night_counts.compared(found, night_counts.figures())
    assert not grown, "\n".join([*grown, f"if this is meant: {night_counts.ACCEPT}"])


def test_a_night_before_the_first_champion_is_skipped_with_the_reason(world: World) -> None:
    from pipelines import scoring
    from pipelines.errors import NoChampion

    with pytest.raises(NoChampion, match="churn"):
        scoring.score("churn", world.as_of - timedelta(days=7))


def test_training_again_on_the_same_frame_gives_the_same_version(world: World) -> None:
    from pipelines import training

    again = training.train("churn", world.as_of)
    assert again.reused
    assert again.version == world.trained["churn"].version


def test_the_same_night_again_changes_no_published_byte(world: World) -> None:
    from pipelines import night

    again = night.night(world.night.as_of)
    # A day its sender declared empty was absent and stays so.
    assert {item.state for item in again.landed} <= {"duplicate", "absent"}
    assert [item for item in again.landed if item.state == "absent"] == [
        item for item in world.night.landed if item.state == "absent"
    ]
    assert published_bytes(world.home) == world.bytes_after_first_pass


def test_the_night_after_a_restore_has_the_bytes_of_the_night_without_the_loss(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a backup without features, warehouse, online store and landing; the senders deliver the day's drops."""
    from pipelines import backup, landing, night, warehouse

    as_of, home = world.night.as_of, tmp_path / "restored"
    monkeypatch.setenv("TELCO_HOME", str(home))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)  # MLflow itself sets it, to the registry it was told last
    settings.cache_clear()
    try:
        assert backup.restore(world.backup, nobody="a.person").missing > 0
        for drop in (world.home / "landing").rglob(f"dt={as_of - timedelta(days=1)}"):
            shutil.copytree(drop, home / drop.relative_to(world.home))
        landing.land(as_of)
        warehouse.unify([as_of])
        night.score_all(night.Night(as_of))
        tonight = {path: digest for path, digest in published_bytes(home).items()
                   if f"={as_of}/" in path or f"={as_of - timedelta(days=1)}/" in path}
    finally:
        monkeypatch.undo()
        settings.cache_clear()
    assert {path.split("/")[0] for path in tonight} == {"raw", "features", "scores", "extracts"}
    assert tonight.items() <= world.bytes_after_first_pass.items()


@pytest.mark.mlts("M2")
def test_a_better_auc_is_a_list_that_earns_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The published scores and worse ones made of them: expected AUC and expected profit of the list rise together."""
    import numpy as np
    from scipy.stats import spearmanr
    from sklearn.metrics import roc_auc_score

    monkeypatch.syspath_prepend(str(PROJECT / "benchmarks"))
    profit, truth = importlib.import_module("profit"), importlib.import_module("recovery").keyed_truth()
    scored = pa.Table.from_pylist(rows(world, "scores/churn", as_of=str(world.night.as_of), version="1")).to_pandas()
    both = scored.merge(truth, on=["subscriber_id", "as_of"], validate="one_to_one")
    assert len(both) > 1000
    likely = both["expected_all_30d"].to_numpy()
    gain = profit.brought(likely, both["expected_margin_12m"].to_numpy())
    odds = np.log(both["churn_probability"].to_numpy())
    chance, found = np.random.default_rng(7), []
    for noise in np.linspace(0.0, 6.0, 25):
        drawn = []  # a mean of eight: which subscriber gets which noise is chance, as the keys of a home are
        for _ in range(8):
            score = odds + noise * chance.standard_normal(len(odds))
            auc = roc_auc_score(np.r_[np.ones_like(score), np.zeros_like(score)], np.r_[score, score],
                                sample_weight=np.r_[likely, 1 - likely])
            drawn.append((auc, profit.List(np.zeros(len(score)), score, gain, 0.2).profit()))
        found.append(np.mean(drawn, axis=0))
    auc, earned = np.array(found).T
    assert auc[0] > auc[-1] + 0.1
    assert spearmanr(auc, earned).statistic > 0.8


@pytest.mark.mlts("D5")
def test_F60_no_clear_identifier_leaves_the_door(world: World) -> None:
    """Canaries planted by the simulator lie only in landing, quarantine, the vault and the truth."""
    planted = (world.home / "truth" / "canaries.json").read_text(encoding="utf-8")
    canaries = {text.lstrip("+").encode() for text in _strings(json.loads(planted)) if len(text) >= 6}
    assert len(canaries) >= 3
    allowed = {"landing", "quarantine", "vault", "truth"}
    searched = [path for path in world.home.rglob("*")
                if path.is_file() and path.relative_to(world.home).parts[0] not in allowed]
    assert len(searched) > 100
    for path in searched:
        found = canaries & set(re.findall(rb"[A-Za-z0-9@._-]{6,}", _readable(path)))
        assert not found, f"{path}: {found}"


@pytest.fixture
def copy(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The world's home once more, to take people out of."""
    home = tmp_path / "home"
    shutil.copytree(world.home, home)
    monkeypatch.setenv("TELCO_HOME", str(home))
    settings.cache_clear()
    yield home
    monkeypatch.undo()
    settings.cache_clear()


@pytest.mark.mlts("D5")
def test_whoever_asks_to_be_forgotten_is_found_nowhere_and_a_rebuild_agrees(world: World, copy: Path) -> None:
    """F56: every other row of every partition is what it was, and dbt makes the erased partitions of what is left."""
    from pipelines import warehouse
    from pipelines.governance import erasure, tombstones
    from pipelines.governance.erasure import models

    night = world.night.as_of
    due = dict(list(erasure.due(night).items())[:3])
    assert len(due) == 3
    clear = clear_of(copy, set(due))
    before = {path: pq.read_table(path, partitioning=None) for store in ("raw", "features", "labels", "scores")
              for path in (copy / store).rglob("data.parquet")}
    proof = erasure.erase(due, night)
    assert proof is not None
    assert proof.clean
    tokens = {stone.token for stone in tombstones.standing() if stone.kind == "subscription"}
    theirs = pa.array(sorted(tokens | {f"sub_{token}" for token in tokens}))
    for path, table in before.items():
        after, name = pq.read_table(path, partitioning=None), {"subscriber_id", "subscription_token"}
        for column in name & set(table.column_names):
            assert after.equals(table.filter(pc.invert(pc.is_in(table[column], theirs)))), path
    assert len(clear) >= 3
    assert not found_in(copy, {word.encode() for word in {*clear, *tokens}}, but=("truth", "tombstones", "ledger"))
    assert {(one.model, one.persons > 0) for one in models.flagged()} == {("churn", True), ("ltv", True)}
    standing = {path: path.read_bytes() for path in (copy / "features").rglob("data.parquet")}
    warehouse.unify([night])  # PublishedChanged if one byte of a neighbour came out otherwise
    assert standing == {path: path.read_bytes() for path in (copy / "features").rglob("data.parquet")}


def test_erasure_and_the_warehouse_agree_whose_a_number_was(world: World) -> None:
    """Rows of use are taken by who had the number: on every day the warehouse gives somebody one, erasure does."""
    import duckdb

    from pipelines.governance.erasure import numbers

    with duckdb.connect(str(world.home / "warehouse" / "warehouse.duckdb"), read_only=True) as connection:
        held = connection.execute("""
            select msisdn_token, subscriber_id, held_from_on, held_to_on from intermediate.int_number_holding
            where known_by = (select max(known_by) from intermediate.int_number_holding)
        """).fetchall()
    ours: dict[tuple[str, str], list[Any]] = {}
    for one in numbers.of_numbers(sorted({row[0] for row in held})):
        ours.setdefault((one.msisdn, f"sub_{one.subscription}"), []).append(one)
    assert len(held) > len({row[0] for row in held}) + 50  # numbers that had more than one holder
    assert not [row for row in held if not any(
        (one.start is None or one.start <= row[2]) and (one.end is None or (row[3] is not None and row[3] <= one.end))
        for one in ours.get((row[0], row[1]), []))]


def clear_of(home: Path, tokens: set[str]) -> set[str]:
    """Numbers, SIMs and accounts that these subscriptions alone have, in clear; two operators may use one number."""
    own: set[str] = set()
    others: set[str] = set()
    for path in (home / "raw").rglob("data.parquet"):
        if {"subscription_token", "msisdn_token", "account_token"} <= set(pq.read_schema(path).names):
            for row in pq.read_table(path, partitioning=None).to_pylist():
                told = {row[name] for name in ("msisdn_token", "account_token", "imsi_token") if row.get(name)}
                (own if row["subscription_token"] in tokens else others).update(told)
    by_word: dict[str, set[str]] = {}
    for path in (home / "vault").rglob("*.parquet"):
        for row in pq.read_table(path, partitioning=None).to_pylist():
            by_word.setdefault(row["identifier"], set()).add(row["token"])
    return {word for word, standing in by_word.items() if standing <= own - others}


def found_in(home: Path, words: set[bytes], but: tuple[str, ...]) -> list[str]:
    """Files that hold one of these words, standing alone."""
    return [str(path.relative_to(home)) for path in sorted(home.rglob("*"))
            if path.is_file() and path.relative_to(home).parts[0] not in but
            and words & set(re.findall(rb"[A-Za-z0-9@._-]{6,}", _readable(path).replace(b"sub_", b" ")))]


def _readable(path: Path) -> bytes:
    """A file's bytes; of Parquet the texts it holds, in lists and dictionaries too, since it compresses them."""
    if path.suffix != ".parquet":
        return path.read_bytes()
    texts = []
    for column in pq.ParquetFile(path).read().columns:
        while pa.types.is_list(column.type):
            column = pc.list_flatten(column)
        kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
        if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_binary(kind):
            texts += [str(value) for value in column.unique().to_pylist()]
    return "\n".join(texts).encode()


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)


@pytest.mark.mlts("I5")
def test_a_score_is_walked_back_to_the_raw_files_and_made_again_from_them(world: World) -> None:
    from pipelines.explain.lineage import lineage
    from pipelines.explain.replay import replay

    scored = rows(world, "scores/ltv", as_of=str(world.night.as_of), version="1")[7]
    found = lineage("ltv", scored["subscriber_id"], world.night.as_of)
    assert found.published == scored["ltv_eur_12m"]
    by_kind = {kind: [step for step in found.steps if step.kind == kind] for kind in ("score", "features", "raw")}
    assert (len(by_kind["score"]), len(by_kind["features"])) == (1, 5)  # roster, consent and three views
    assert {"raw/network/usage_daily"} <= {step.name.partition("/dt=")[0] for step in by_kind["raw"]}
    for step in (*by_kind["score"], *by_kind["features"], *by_kind["raw"]):
        assert hashlib.sha256((world.home / step.name).read_bytes()).hexdigest() == step.sha256
    again = replay(found)
    assert again.recomputed == found.published
    assert set(again.same_bytes) == {step.name for step in (*by_kind["score"], *by_kind["features"])}
    assert not list(world.home.glob(".replay-*"))


def test_a_walk_back_stops_at_the_first_file_that_was_changed(world: World) -> None:
    from pipelines.errors import IntegrityError
    from pipelines.explain.lineage import lineage

    scored = rows(world, "scores/churn", as_of=str(world.night.as_of), version="1")[7]
    found = lineage("churn", scored["subscriber_id"], world.night.as_of)
    for step in [step for step in found.steps if step.kind in ("score", "features")]:
        path = world.home / step.name
        kept = path.read_bytes()
        path.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))
        with pytest.raises(IntegrityError, match=re.escape(step.name)):
            lineage("churn", scored["subscriber_id"], world.night.as_of)
        path.write_bytes(kept)
    raw = world.home / [step for step in found.steps if step.kind == "raw"][-1].name
    kept, manifest = raw.read_bytes(), raw.parents[1] / "manifest.jsonl"
    lines = manifest.read_text()
    manifest.write_text(lines.replace(hashlib.sha256(kept).hexdigest(), "0" * 64))
    with pytest.raises(IntegrityError, match="other raw drops"):
        lineage("churn", scored["subscriber_id"], world.night.as_of)
    manifest.write_text(lines)
    assert lineage("churn", scored["subscriber_id"], world.night.as_of) == found
