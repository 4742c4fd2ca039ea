"""The real Airflow as people meet it: who may do what, pages behind the sign-in, notes, one message per thing, a
deadline. No history and no model: what is shown here needs none."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from pipelines.settings import PROJECT, settings
from pipelines.stack import Airflow, RunFailed, Stack, passwords_file
from pipelines.stack.environment import USERS

pytestmark = pytest.mark.live

PATIENCE = 300.0


@dataclass
class House:
    """A running stack, and what its notices posted."""

    airflow: Airflow
    posted: list[dict[str, str]] = field(default_factory=list)

    def as_user(self, name: str) -> Callable[..., httpx.Response]:
        password = json.loads(passwords_file().read_text())[name]
        answer = httpx.post(self.airflow.url + "/auth/token", json={"username": name, "password": password},
                            timeout=30, trust_env=False)
        headers = {"Authorization": f"Bearer {answer.raise_for_status().json()['access_token']}"}

        def call(method: str, path: str, **more: Any) -> httpx.Response:
            return httpx.request(method, self.airflow.url + path, headers=headers, timeout=30, trust_env=False, **more)

        return call

    def hears(self, start: str) -> dict[str, str]:
        """The one message whose name starts so; waits for it, and then for a second that must not come."""
        end = time.monotonic() + PATIENCE
        while not [one for one in self.posted if one["name"].startswith(start)]:
            assert time.monotonic() < end, f"nobody was told of {start}: {self.posted}"
            time.sleep(0.5)
        time.sleep(5)
        (told,) = [one for one in self.posted if one["name"].startswith(start)]
        return told


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    posted: list[dict[str, str]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with pytest.MonkeyPatch.context() as patch:
        home: Path = tmp_path_factory.mktemp("operation") / "home"
        patch.setenv("TELCO_HOME", str(home))
        patch.setenv("TELCO_NOTIFY_WEBHOOK", f"http://127.0.0.1:{server.server_address[1]}/")
        patch.delenv("TELCO_ESTATE", raising=False)
        settings.cache_clear()
        report = home / "reports" / "landing" / "2026-03-11" / "index.html"
        report.parent.mkdir(parents=True)
        report.write_text("<p>what the door checked</p>")
        estate = (PROJECT / "estate.toml").read_text().replace('# scores_by = "08:00"', 'scores_by = "23:59"')
        assert '\nscores_by = "23:59"' in estate
        (home / "estate.toml").write_text(estate)
        with Stack(unpause=False) as airflow:
            yield House(airflow, posted)
    server.shutdown()
    server.server_close()
    settings.cache_clear()


MAY = {  # (method, path, body) -> the roles that may
    ("GET", "/api/v2/dags/unify/dagRuns", None): {"admin", "operator", "approver", "viewer"},
    ("PATCH", "/api/v2/dags/unify", '{"is_paused": true}'): {"admin", "operator", "approver"},
    ("PATCH", "/api/v2/pools/training", '{"pool": "training", "slots": 1, "include_deferred": false}'):
        {"admin", "operator"},
    ("GET", "/api/v2/connections", None): {"admin", "operator"},
}


@pytest.mark.parametrize("name", USERS)
def test_everybody_may_do_what_the_role_says_and_nothing_more(house: House, name: str) -> None:
    call = house.as_user(name)
    for (method, path, body), who in MAY.items():
        answer = call(method, path, json=json.loads(body) if body else None)
        assert answer.status_code == (200 if name in who else 403), (name, method, path, answer.text[:200])


def test_a_viewer_starts_no_run(house: House) -> None:
    body = {"logical_date": None, "partition_key": "2026-03-11"}
    assert house.as_user("viewer")("POST", "/api/v2/dags/unify/dagRuns", json=body).status_code == 403
    assert house.airflow.runs("unify") == []


def test_reports_are_for_those_who_signed_in_and_nothing_else_is_shown(house: House) -> None:
    page = "/telco/reports/landing/2026-03-11/index.html"
    url = house.airflow.url
    assert httpx.get(url + page, trust_env=False).status_code == 401
    assert httpx.get(url + page, trust_env=False, headers={"Authorization": "Bearer x.y.z"}).status_code == 403
    call = house.as_user("viewer")
    shown = call("GET", page)
    assert (shown.status_code, shown.text) == (200, "<p>what the door checked</p>")
    assert shown.headers["content-security-policy"].startswith("sandbox allow-scripts")
    for path in ("landing/..%2f..%2fsecrets%2fairflow.json", "..%2fsecrets%2fairflow.json", "notices", "erasure"):
        assert call("GET", f"/telco/reports/{path}").status_code == 404, path


def test_a_held_run_is_not_tried_again_says_why_in_its_note_and_is_told_of_once(house: House) -> None:
    airflow, day = house.airflow, date(2026, 2, 2)
    airflow.pause("retrain_churn", paused=False)
    run_id = airflow.trigger("retrain_churn", as_of=day)
    with pytest.raises(RunFailed, match="no cut-off matured"):
        airflow.wait_run("retrain_churn", run_id, timeout=PATIENCE)
    assert airflow.tasks("retrain_churn", run_id)["train"]["try_number"] == 1
    note = airflow.run("retrain_churn", run_id)["note"]
    assert note.startswith("started by hand (manual) by admin\ntrain: failed: training churn at 2026-02-02: held")
    told = house.hears("failed.retrain_churn.2026-02-02")
    assert "no cut-off matured" in told["text"]
    assert f"{airflow.url}/dags/retrain_churn/runs/" in told["text"]


def test_a_person_s_note_is_not_written_over(house: House) -> None:
    airflow, body = house.airflow, {"logical_date": None, "partition_key": "2026-02-03", "note": "mine"}
    run_id = airflow.call("POST", "/dags/retrain_churn/dagRuns", json=body).json()["dag_run_id"]
    with pytest.raises(RunFailed):
        airflow.wait_run("retrain_churn", run_id, timeout=PATIENCE)
    assert airflow.run("retrain_churn", run_id)["note"] == "mine"


def test_a_night_whose_hour_passes_is_told_of_and_one_long_past_is_not_waited_for(house: House) -> None:
    airflow = house.airflow
    night = (datetime.now(UTC) + timedelta(minutes=10)).date()
    airflow.call("PATCH", "/pools/warehouse", json={"pool": "warehouse", "slots": 0, "include_deferred": False})
    airflow.pause("unify", paused=False)
    run_id = airflow.trigger("unify", as_of=night)
    airflow.trigger("unify", as_of=date(2026, 3, 11))
    with sqlite3.connect(settings().airflow / "airflow.db", timeout=60) as database:
        ((due,),) = database.execute("select deadline_time from deadline").fetchall()  # and none of 2026-03-11
        assert str(due).startswith(f"{night} 23:59:00")
        database.execute("update deadline set deadline_time = ?",  # the hour passes
                         ((datetime.now(UTC) - timedelta(seconds=1)).strftime("%Y-%m-%d %H:%M:%S.%f"),))
    database.close()
    told = house.hears(f"overdue.night.{night}")
    assert f"unify is running ({run_id})" in told["text"] or f"unify is queued ({run_id})" in told["text"]


def test_a_fault_is_tried_again_and_the_late_files_then_found_are_one_message_a_source(house: House) -> None:
    airflow, day = house.airflow, date(2026, 3, 11)
    settings().raw.write_text("a file where a folder belongs")
    airflow.pause("land_sources", paused=False)
    run_id = airflow.trigger("land_sources", as_of=day)
    airflow.wait("a second try of land_network", lambda: airflow.tasks("land_sources", run_id)["land_network"]["state"]
                 == "up_for_retry", timeout=PATIENCE)
    settings().raw.unlink()
    with pytest.raises(RunFailed, match="nothing was delivered"):
        airflow.wait_run("land_sources", run_id, timeout=PATIENCE)
    assert airflow.tasks("land_sources", run_id)["land_network"]["try_number"] == 2
    assert "close: not run" in airflow.run("land_sources", run_id)["note"]
    told = house.hears("late.network.dt=2026-03-10")
    assert "network.usage_daily dt=2026-03-10 was due 2026-03-11 05:00 UTC and is not there" in told["text"]
    logs = settings().airflow / "logs" / "dag_processor"
    airflow.wait("the callback of the failed run", lambda: any(
        "land_sources.2026-03-11 failed, and everything of it was told before" in log.read_text(encoding="utf-8")
        for log in logs.rglob("land_sources.py.log")), timeout=PATIENCE)
    names = [one["name"] for one in house.posted]
    assert len(names) == len(set(names))
    assert not [name for name in names if name.startswith("failed.land_sources.2026-03-11")]
