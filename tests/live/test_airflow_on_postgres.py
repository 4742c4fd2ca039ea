"""The services of docker-compose.yaml over a small operator: nights, backfills, and kill -9 of everything that can die.

History ends eight nights before today. Tonight's run is started by the schedule itself and finds a hole of seven dates;
a backfill fills it while a worker, the scheduler and PostgreSQL are killed. What is published in the end is held to a
copy of the home in which the same nights were built in bulk and undisturbed.
"""

from __future__ import annotations

import csv
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pytest
from PIL import Image

from pipelines import champions, features
from pipelines.clock import midnight, utc_now
from pipelines.features import online, store
from pipelines.settings import settings
from pipelines.stack import NIGHTLY
from pipelines.stack.environment import USER, load_secrets

sys.path.append(str(Path(__file__).parent))
import browser
import servers
import small_world
from chain import PATIENCE, TASK, WORKER, Live, kill_task, said, tell
from compose import Compose

pytestmark = pytest.mark.live

NIGHTS = 8  # seven to backfill, and tonight
FIT = "cut-offs, out of time"  # what a training says when the fit begins
SETTINGS = ("TELCO_HOME", "TELCO_FEAST_REGISTRY", "TELCO_FEAST_REDIS", "MLFLOW_TRACKING_URI")


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    """All services, a history, and nothing else: the servers start while the history is made."""
    folder = Path(tempfile.mkdtemp(prefix="telco-compose-"))  # pytest's own folder is closed to the user postgres
    if servers.as_postgres():
        shutil.chown(folder, "postgres")
    compose = Compose(folder, tell)
    compose.home.mkdir(mode=0o700)
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(1) as beside:
        patch.delenv("TELCO_ESTATE", raising=False)
        for name in SETTINGS:
            patch.setenv(name, compose.environment("scheduler")[name])
        settings.cache_clear()
        store._open_store.cache_clear()
        try:
            started = beside.submit(compose.up)
            world = small_world.make(utc_now().date(), NIGHTS, tell)
            started.result()
            airflow = compose.client()
            yield Live(compose, airflow, world)
            airflow.close()
        finally:
            beside.shutdown()  # nothing is started any more
            compose.down()
            shutil.rmtree(folder, ignore_errors=True)
    store._open_store.cache_clear()
    settings.cache_clear()


def test_every_service_of_the_file_is_well_and_listens_on_loopback_alone(live: Live) -> None:
    compose = live.compose
    runs = {name: leader for name, part in compose.parts.items() if (leader := part.process()) is not None}
    assert set(runs) == set(compose.services) - {"init"}
    heard = {(one.laddr.ip, one.laddr.port) for leader in runs.values()
             for process in (leader, *leader.children(recursive=True))
             for one in process.net_connections("inet") if one.status == psutil.CONN_LISTEN}
    logs = {compose.ports[port] for port in (8793, 8794)}  # Airflow's own servers of logs: their host is fixed
    assert {port for _, port in heard} == set(compose.ports.values())
    assert {ip for ip, port in heard if port not in logs} == {"127.0.0.1"}


def test_postgresql_and_mlflow_of_the_file_answer_those_they_know(live: Live) -> None:
    port, password = live.compose.ports[5432], live.compose.dotenv["POSTGRES_PASSWORD"]
    address = f"host=127.0.0.1 port={port} user=airflow dbname=airflow"
    with psycopg.connect(address, password=password) as connection:
        found = {name for (name,) in connection.execute("select datname from pg_database").fetchall()}
    assert found >= {"airflow", "feast", "mlflow"}
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(address, password="airflow")
    url = f"{settings().mlflow_uri}/api/2.0/mlflow/experiments/search?max_results=1"
    asked = {host: httpx.get(url, headers={"Host": host}, trust_env=False, timeout=30).status_code
             for host in ("mlflow:5000", "elsewhere.example")}
    assert asked == {"mlflow:5000": 200, "elsewhere.example": 403}


def test_mlflow_killed_while_a_champion_is_trained_costs_one_retry_and_no_second_fit(live: Live) -> None:
    airflow, first = live.airflow, live.world.first
    for dag_id in ("retrain_churn", "retrain_ltv"):
        airflow.wait(f"{dag_id} to be parsed", lambda dag_id=dag_id: dag_id in airflow.dags(), 120)
        airflow.pause(dag_id, paused=False)
    run_id = airflow.trigger("retrain_churn", as_of=first)
    airflow.wait("the training to begin", lambda: said(live, "retrain_churn", run_id, FIT), PATIENCE)
    live.compose.held.add("mlflow")
    live.compose.kill("mlflow")
    airflow.wait("the task to give up", lambda: live.task("retrain_churn", first)["state"] == "up_for_retry", PATIENCE)
    live.compose.held.clear()
    airflow.wait_run("retrain_churn", run_id, timeout=PATIENCE, report=tell)
    task = live.task("retrain_churn", first)
    assert task["try_number"] == 2
    assert "mlflow" in live.compose.restarted
    assert not said(live, "retrain_churn", run_id, FIT)
    airflow.wait_run("retrain_ltv", airflow.trigger("retrain_ltv", as_of=first), timeout=PATIENCE, report=tell)
    assert [(one.version, one.from_as_of) for one in champions.history("churn")] == [(1, first)]
    for dag_id in ("retrain_churn", "retrain_ltv"):
        airflow.pause(dag_id, paused=True)


def test_a_backfill_beside_the_schedule_outlives_a_worker_the_scheduler_and_postgresql(
    live: Live, tmp_path: Path
) -> None:
    copy = small_world.reference(settings().home, tmp_path / "undisturbed", live.world)
    airflow = live.airflow
    for dag_id in ("promote", *reversed(NIGHTLY)):
        airflow.pause(dag_id, paused=False)
    airflow.wait("tonight's run by the schedule", lambda: bool(live.of("land_sources", live.tonight)), 120)
    assert live.of("land_sources", live.tonight)[0]["run_type"] == "scheduled"
    airflow.wait("tonight to find the hole",
                 lambda: live.task("unify", live.tonight).get("state") == "up_for_reschedule", PATIENCE)
    airflow.backfill("land_sources", live.hole[0], live.hole[-1])
    again = airflow.call("POST", "/backfills", allow=[409], json={
        "dag_id": "land_sources", "from_date": midnight(live.hole[2]).isoformat(),
        "to_date": midnight(live.hole[4]).isoformat(), "reprocess_behavior": "completed", "max_active_runs": 1})
    assert (again.status_code, "running" in again.text) == (409, True), again.text

    # Of the first dbt goes on building, and holds the warehouse until it is done. The second is the executor's process
    # around a task: nobody is left to say that it ended, so its heartbeat has to be missed.
    killed = [kill_task(live, "unify", TASK, works=True), kill_task(live, "score", WORKER)]
    airflow.wait("a night to be scored", lambda: len(live.done("score")) >= 2, PATIENCE)
    live.compose.kill("scheduler")
    airflow.wait("more nights to be scored", lambda: len(live.done("score")) >= 5, PATIENCE)
    live.compose.kill("postgres")
    live.compose.wait_healthy("postgres")
    live.wait_nights(set(), live.world.nights)
    live.wait_quiet()
    assert {"scheduler", "postgres"} <= set(live.compose.restarted)
    for path in killed:
        tries = live.airflow.call("GET", f"{path}/tries").json()["task_instances"]
        tell(f"{path}: {[(one['try_number'], one['state']) for one in tries]}")
        assert len(tries) > 1
    assert copy.wait(PATIENCE) == 0, copy.stdout.read() if copy.stdout else ""
    live.wanted = small_world.published(tmp_path / "undisturbed")
    assert live.differing() == set()


def test_the_same_seven_dates_backwards_change_no_byte_and_leave_the_online_store_at_tonight(live: Live) -> None:
    before, marks = desk(live), {view: online.high_water(view) for view in (online.FACTS, online.SCORES)}
    assert set(marks.values()) == {live.tonight}
    old = live.old_runs()
    live.airflow.backfill("land_sources", live.hole[0], live.hole[-1], reprocess="completed", backwards=True)
    live.wait_nights(old, live.hole)
    live.wait_quiet()
    began = sorted((run for as_of in live.hole for run in live.of("land_sources", as_of)[:1]),
                   key=lambda run: run["start_date"])
    assert began[0]["partition_key"] > began[-1]["partition_key"]
    assert live.differing() == set()
    assert {view: online.high_water(view) for view in marks} == marks
    assert desk(live) == before
    assert {row["as_of"] for row in before} == {live.tonight}


def desk(live: Live) -> list[dict[str, Any]]:
    """What Redis holds of some subscribers who were scored tonight."""
    with (settings().extracts / f"as_of={live.tonight}" / "scores.csv").open(encoding="utf-8") as file:
        people = [row["subscriber_id"] for row, _ in zip(csv.DictReader(file), range(20), strict=False)]
    rows: list[dict[str, Any]] = features.lookup(online.SCORES, people).to_dict("records")
    return rows


def test_a_task_of_every_dag_cleared_at_once_runs_again_and_changes_no_byte(live: Live) -> None:
    as_of, before = live.hole[3], {}
    for dag_id in NIGHTLY:
        run_id = live.of(dag_id, as_of)[0]["dag_run_id"]
        tasks = live.airflow.tasks(dag_id, run_id)
        before[dag_id, run_id, min(tasks)] = tasks[min(tasks)]["try_number"]
    for dag_id, run_id, task_id in before:
        live.clear(dag_id, run_id, failed=False, tasks=[task_id])

    def again() -> bool:
        found = {key: live.airflow.tasks(*key[:2])[key[2]] for key in before}
        return all(task["try_number"] > before[key] and task["state"] == "success" for key, task in found.items())

    live.airflow.wait(f"again {sorted(before)}", again, PATIENCE)
    live.wait_quiet()
    assert live.differing() == set()


def test_a_training_of_an_older_date_learns_nothing_that_was_published_since(live: Live) -> None:
    assert max(as_of for as_of in live.done("unify")) > live.world.first
    live.airflow.pause("retrain_churn", paused=False)
    run_id = live.airflow.trigger("retrain_churn", as_of=live.world.first)
    live.airflow.wait_run("retrain_churn", run_id, timeout=PATIENCE, report=tell)
    assert said(live, "retrain_churn", run_id, "v1 is this very training; nothing to do")
    assert [one.version for one in champions.history("churn")] == [1]


@pytest.mark.skipif(browser.PROGRAM is None, reason="no chromium on this machine: apt-get install chromium")
def test_pictures_of_the_backfill_the_assets_and_the_reports(live: Live, tmp_path: Path) -> None:
    """Kept in the folder PICTURES names, if it does; those in docs/pictures were taken so and looked at."""
    folder = Path(os.environ.get("PICTURES") or tmp_path)
    url, drift = live.airflow.url, settings().reports / "drift" / "churn"
    (asset,) = [one["id"] for one in live.airflow.call("GET", "/assets").json()["assets"] if one["name"] == "features"]
    report = next(drift.glob(f"as_of={live.tonight}/*.html"))

    def widen(page: browser.Browser) -> None:
        page.drag((315, 600), (800, 600))  # the border between the grid and the details

    def zoom(page: browser.Browser) -> None:
        for _ in range(4):
            page.click(104, 707)

    def ask(page: browser.Browser) -> None:
        page.click(1218, 33)  # Trigger
        page.wait("document.body.innerText.includes('for a range of dates')", "the form to open")
        page.click(1037, 169)  # Backfill

    pages: dict[str, tuple[str, str, Callable[[browser.Browser], None]]] = {
        "grid": (f"{url}/dags/land_sources", "land_network", widen),
        "backfill": (f"{url}/dags/land_sources", "land_network", ask),
        "assets": (f"{url}/assets/{asset}", "materialize_features", zoom),
        "drift": (report.as_uri(), "rift", lambda page: None),
    }
    if (drift / "index.html").exists():
        pages["trend"] = ((drift / "index.html").as_uri(), "churn", lambda page: None)
    with browser.Browser() as page:
        page.sign_in(url, USER, load_secrets().password)
        for name, (address, shows, arrange) in pages.items():
            page.open(address, shows)
            arrange(page)
            time.sleep(2)
            page.picture(folder / f"{name}.png")
    for name in pages:
        path = folder / f"{name}.png"
        assert 10_000 < path.stat().st_size < 200_000  # a blank page takes less than four
        with Image.open(path) as image:
            assert image.size == (browser.WIDTH, browser.HEIGHT)
