"""The real Airflow: a refused retrain changes nothing, a passing one goes through shadow and approval, and back again.

What a night needs is published in one bulk build, so that the runs here are those of retrain, score and promote. The
champion is the same recipe, four months old. The worse candidate learns from labels dealt out anew. Nobody watches for
drift: four months are time enough for a real one, whose own retrain would come between.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines import champions, scoring
from pipelines.clock import DAY, parse_day
from pipelines.models import SPECS
from pipelines.promotion import shadow
from pipelines.promotion.rollback import rollback
from pipelines.publish import Dataset, sha256
from pipelines.settings import settings
from pipelines.stack import Airflow, RunFailed, Stack, passwords_file
from pipelines.stack.environment import APPROVER

sys.path.append(str(Path(__file__).parent))
import browser
from small_world import fix_keys

pytestmark = pytest.mark.live

HISTORY_DAYS, NIGHTS, SEED = 300, 6, 7
BEFORE = 119  # days on the weekly grid between the two trainings: past the champion's age, and months to be judged on
PATIENCE = 900.0


def tell(line: str) -> None:
    print(line, flush=True)


@dataclass
class World:
    airflow: Airflow
    today: date           # the challenger is trained as of it; nights follow
    first: bytes = b""    # the champion log and scores before anything was tried
    second: int = 0       # the challenger that passes

    def night(self, number: int) -> date:
        return self.today + number * DAY

    def run(self, dag_id: str, as_of: date) -> dict[str, Any]:
        return self.airflow.wait_run(dag_id, self.airflow.trigger(dag_id, as_of=as_of), timeout=PATIENCE, report=tell)


def stands() -> dict[str, str]:
    """sha256 of the champion logs, the scores and the extracts."""
    home = settings().home
    return {str(path.relative_to(home)): sha256(path) for name in ("champions", "scores", "extracts")
            for path in sorted((home / name).rglob("*")) if path.is_file() and not path.name.startswith(".")}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A home with history and an old champion, its nights ready to be scored, Airflow running over it."""
    from pipelines import night
    from pipelines.estate import estate
    from pipelines.simulate import simulate

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TELCO_HOME", str(tmp_path_factory.mktemp("promotion") / "home"))
        for name in ("TELCO_ESTATE", "MLFLOW_TRACKING_URI"):
            patch.delenv(name, raising=False)
        settings.cache_clear()
        fix_keys()
        made = simulate(subscribers=2000, days=HISTORY_DAYS, nights=NIGHTS, seed=SEED, report=tell)
        settings.cache_clear()
        wants_approval()
        today = made.first_night
        night.land_history(today + NIGHTS * DAY, initial=True, report=tell)
        night.build_history(estate().training_start, today, report=tell)
        from pipelines import features, warehouse

        nights = [today + number * DAY for number in range(NIGHTS + 1)]
        warehouse.unify(nights, nights=nights, report=tell)
        features.materialize(nights[-1], report=tell)
        old_champion(today - BEFORE * DAY)
        with Stack(report=tell) as airflow:
            airflow.pause("monitor", paused=True)
            yield World(airflow, today)
    settings.cache_clear()


def wants_approval() -> None:
    path = settings().home / "estate.toml"
    text = path.read_text(encoding="utf-8")
    assert 'promotion = "automatic"' in text
    path.write_text(text.replace('promotion = "automatic"', 'promotion = "approval"'), encoding="utf-8")


def old_champion(as_of: date) -> None:
    """The same recipe, of so long ago that it may be refreshed by one that is not worse."""
    from pipelines import promotion, training

    result = training.train("churn", as_of, by="history", report=tell)
    assert result.verdict.passed, result.verdict.reasons
    entered = promotion.promote("churn", as_of, report=tell)
    assert entered is not None
    assert (entered.version, entered.from_as_of) == (1, as_of)


def deal_labels(keep: dict[Path, bytes] | None = None) -> dict[Path, bytes]:
    """Deal the labels of every published cut-off out anew, or put back what was kept; returns what was there."""
    root, kept = settings().labels / SPECS["churn"].label, dict[Path, bytes]()
    dataset, draw = Dataset(root, ("as_of",)), np.random.default_rng(3)
    for entry in list(dataset.entries().values()):
        path = dataset.live(entry.key)
        kept[path] = path.read_bytes()

        def write(beside: Path, path: Path = path) -> int:
            if keep is not None:
                beside.write_bytes(keep[path])
                return int(pq.read_metadata(beside).num_rows)
            table = pq.read_table(path, partitioning=None)
            column = SPECS["churn"].label_column
            dealt = pa.array(draw.permutation(table.column(column).to_numpy(zero_copy_only=False)),
                             type=table.schema.field(column).type)
            pq.write_table(table.set_column(table.schema.get_field_index(column), table.schema.field(column), dealt),
                           beside)
            return len(table)

        dataset.publish(entry.key, write, frozen=False)
    return kept


def test_a_worse_candidate_is_refused_with_its_reason_in_the_log_and_changes_nothing(world: World) -> None:
    world.run("score", world.today)
    before, honest = stands(), deal_labels()
    try:
        with pytest.raises(RunFailed, match="retrain_churn") as failed:
            world.run("retrain_churn", world.today)
    finally:
        deal_labels(honest)
    assert "over champion v1" in str(failed.value)  # what the UI shows under the failed task
    (run,) = [one for one in world.airflow.runs("retrain_churn") if one["partition_key"] == str(world.today)]
    (task,) = world.airflow.tasks("retrain_churn", run["dag_run_id"]).values()
    assert (task["state"], task["try_number"]) == ("failed", 1)
    assert stands() == before
    assert shadow.standing("churn") is None


def test_one_that_passes_goes_into_shadow_and_the_champion_keeps_scoring(world: World) -> None:
    world.run("retrain_churn", world.today)
    found = shadow.standing("churn")
    assert found is not None
    world.second = found.version
    assert (found.from_as_of, found.trained_by) == (world.night(1), "admin")
    for number in (1, 2, 3):
        world.run("score", world.night(number))
    line = champions.history("churn")
    assert [one.version for one in line] == [1]
    assert len(shadow.compared(found, line[-1])) == 3
    assert {version for _, version in scoring.nightly.scores_of("churn").entries()} == {"1"}


def test_its_trainer_may_not_approve_it_and_somebody_else_may(world: World, tmp_path: Path) -> None:
    run_id = asked(world)
    if browser.PROGRAM is not None:
        question_as_seen(world, run_id, Path(os.environ.get("PICTURES") or tmp_path) / "approval.png")
    answer(world.airflow, run_id)
    world.airflow.wait("the trainer's approval to be refused", lambda: ended(world, run_id) == "failed", PATIENCE)
    assert "the trainer may not approve his own version" in world.airflow.why_failed("promote", run_id)
    assert [one.version for one in champions.history("churn")] == [1]

    # With what follows it: cleared by itself, `settle_churn` would start beside the question and find no answer.
    world.airflow.call("POST", "/dags/promote/clearTaskInstances", json={
        "dag_run_id": run_id, "task_ids": ["approve_churn"], "dry_run": False, "only_failed": False,
        "include_downstream": True})
    other = Airflow(world.airflow.url, APPROVER, json.loads(passwords_file().read_text())[APPROVER])
    world.airflow.wait("the question again", lambda: waits(world, run_id), PATIENCE)
    answer(other, run_id)
    other.close()
    world.airflow.wait("the approved version to enter", lambda: ended(world, run_id) == "success", PATIENCE)
    entered = champions.history("churn")[-1]
    assert (entered.version, entered.by) == (world.second, APPROVER)
    assert entered.from_as_of == world.night(4)


def test_the_night_after_a_rollback_is_to_the_byte_what_the_former_champion_gives(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.run("score", world.night(4))
    assert scoring.scored_by("churn", world.night(4)).version == world.second
    before = stands()
    done = rollback("churn", by="grace", report=tell)
    assert (done.champion.version, done.champion.from_as_of) == (1, world.night(5))
    world.run("score", world.night(5))
    after = stands()
    assert {name: after[name] for name in before if name.startswith("scores/churn/as_of")} == {
        name: before[name] for name in before if name.startswith("scores/churn/as_of")}
    name = f"scores/churn/as_of={world.night(5)}/version=1/data.parquet"

    alone = tmp_path / "home"
    shutil.copytree(settings().home, alone, ignore=shutil.ignore_patterns("airflow", "landing", "raw", "truth"))
    first = (alone / "champions" / "churn.jsonl").read_text().splitlines()[0]
    (alone / "champions" / "churn.jsonl").write_text(first + "\n")
    shutil.rmtree(alone / "scores")
    monkeypatch.setenv("TELCO_HOME", str(alone))
    settings.cache_clear()
    try:
        scoring.score("churn", world.night(5))
        assert sha256(alone / name) == after[name]
    finally:
        monkeypatch.undo()
        settings.cache_clear()


def asked(world: World) -> str:
    """The run of the promote DAG that waits for a person."""
    found: list[str] = []

    def ready() -> bool:
        for run in world.airflow.runs("promote"):
            if run["state"] == "running" and waits(world, run["dag_run_id"]):
                found.append(run["dag_run_id"])
        return bool(found)

    world.airflow.wait("a question to a person", ready, PATIENCE)
    run = world.airflow.run("promote", found[0])
    assert parse_day(run["partition_key"]) >= world.night(3)
    return found[0]


def question_as_seen(world: World, run_id: str, path: Path) -> None:
    """The page on which a person is asked, as the approver sees it; docs/pictures has one."""
    with browser.Browser() as page:
        page.sign_in(world.airflow.url, APPROVER, json.loads(passwords_file().read_text())[APPROVER])
        page.open(f"{world.airflow.url}/dags/promote/runs/{run_id}/tasks/approve_churn/required_actions", "Approve")
        assert page.ask("document.body.innerText.includes('its shadow nights beside champion v1')")
        page.picture(path)
    assert path.stat().st_size > 10_000  # a blank page takes less than four thousand


def waits(world: World, run_id: str) -> bool:
    task = world.airflow.tasks("promote", run_id).get("approve_churn")
    return task is not None and task["state"] == "awaiting_input"


def ended(world: World, run_id: str) -> str:
    return str(world.airflow.run("promote", run_id)["state"])


def answer(person: Airflow, run_id: str) -> None:
    where = f"/dags/promote/dagRuns/{run_id}/taskInstances/approve_churn/-1/hitlDetails"
    # Airflow fails a task that is answered before the scheduler has seen its worker end: six seconds were measured. A
    # person reads the question first.
    time.sleep(20)
    question = person.call("GET", where).json()
    assert "its shadow nights beside champion v1" in question["body"]
    person.call("PATCH", where, json={"chosen_options": ["Approve"], "params_input": {}})
