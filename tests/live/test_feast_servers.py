"""Feast over a real PostgreSQL registry and a real Redis online store, started here as plain processes on loopback."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from types import ModuleType

import pandas as pd
import pyarrow as pa
import pytest

from pipelines import features
from pipelines.clock import midnight
from pipelines.errors import UsageError
from pipelines.features import desk, store
from pipelines.settings import PROJECT, settings
from pipelines.stack import processes

sys.path.append(str(Path(__file__).parent))
from servers import as_postgres, free_port, listens, postgres, program, stop_postgres, wait

pytestmark = pytest.mark.live

OLD, NIGHT = date(2026, 1, 5), date(2026, 1, 12)
ADDS_SIX = """
import sys
from pipelines.features import store
opened = store._open()
from feast import FeatureService
view = opened.get_feature_view("ftr_subscriber_care")
print("ready", flush=True)
sys.stdin.readline()
for number in range(6):
    opened.apply([FeatureService(name=f"{sys.argv[1]}_{number}", features=[view])])
"""


@pytest.fixture
def servers(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The environment that points Feast at both servers; they are stopped by pid."""
    folder = Path(tempfile.mkdtemp(prefix="telco-feast-"))  # pytest's own folder is closed to the user postgres
    ports, parts, database = (free_port(), free_port()), [], None
    if as_postgres():
        shutil.chown(folder, "postgres")
    try:
        database = postgres(folder, ports[0], "feast")
        parts.append(processes.start("redis", [
            program("redis-server"), "--port", str(ports[1]), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder),
        ], {}))
        wait(lambda: listens(ports[1]), "redis")
        monkeypatch.setenv("TELCO_FEAST_REGISTRY", f"postgresql+psycopg://feast@127.0.0.1:{ports[0]}/postgres")
        monkeypatch.setenv("TELCO_FEAST_REDIS", f"127.0.0.1:{ports[1]}")
        settings.cache_clear()
        yield
    finally:
        store._open_store.cache_clear()
        if database is not None:
            stop_postgres(database)
        processes.stop(parts)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def partitions() -> ModuleType:
    path = PROJECT / "tests" / "pipelines" / "features" / "partitions.py"
    spec = importlib.util.spec_from_file_location("telco_partitions", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def scores(people: list[str], probability: float) -> pa.Table:
    return pa.Table.from_pandas(pd.DataFrame({
        "subscriber_id": people, "churn_probability": probability, "churn_decile": 2, "churn_reasons": "it rose",
        "churn_version": 1, "ltv_eur_12m": 100.0, "ltv_version": 1, "expires_at": pd.Timestamp("2026-01-15"),
    }), preserve_index=False)


@pytest.mark.usefixtures("servers")
def test_apply_materialize_push_and_look_up_over_postgresql_and_redis(home: Path, partitions: ModuleType) -> None:
    partitions.publish_world([OLD, NIGHT], 50, inactive=0)
    assert features.apply()
    assert not features.apply()
    assert features.materialize(NIGHT)
    assert features.push_scores(NIGHT, scores(partitions.ids(50), 0.25))
    assert not features.materialize(OLD)
    assert not features.push_scores(OLD, scores(partitions.ids(50), 0.99))
    answer = desk.ask("sub_00003", NIGHT)
    assert (answer.as_of, answer.facts_as_of, answer.churn_probability) == (NIGHT, NIGHT, 0.25)
    assert answer.facts["price_eur"] == partitions.values(partitions.BILLING, 50, NIGHT)["price_eur"][3]
    table = features.scoring_table("churn_v1", NIGHT)
    assert features.prove_equal("churn_v1", NIGHT, table) == 50
    assert features.forget(["sub_00003", "sub_nobody"], dry=True) == [("redis", 1, 0, "", "")]
    assert features.forget(["sub_00003", "sub_nobody"]) == [("redis", 1, 0, "", "")]
    assert features.forget(["sub_00003", "sub_nobody"]) == []
    with pytest.raises(UsageError, match="knows no subscriber"):
        desk.ask("sub_00003", NIGHT)
    assert desk.ask("sub_00004", NIGHT).churn_probability == 0.25
    # All of it went to the servers: the files of the embedded profile were never made.
    assert not (settings().feast / "registry.db").exists()
    assert not (settings().feast / "online.db").exists()


@pytest.mark.usefixtures("servers")
def test_every_byte_in_redis_is_what_feast_writes(home: Path, partitions: ModuleType) -> None:
    partitions.publish_world([NIGHT], 50, inactive=0)
    table = scores(partitions.ids(50), 0.25)
    assert features.materialize(NIGHT)
    assert features.push_scores(NIGHT, table)
    opened, start = store._open(), midnight(NIGHT)
    client = opened._get_provider().online_store._get_client(opened.config.online_store)
    ours = {key: client.hgetall(key) for key in client.scan_iter()}
    client.flushall()
    with store._quiet():
        opened.materialize(start - timedelta(seconds=1), start, feature_views=["subscriber_online"])
        stamp = pd.Timestamp(start)
        opened.push("scores", table.to_pandas().assign(event_timestamp=stamp, created_at=stamp))
    assert {len(values) for values in ours.values()} == {4 + 7 + 2}  # and when each of the two views was written
    assert {key: client.hgetall(key) for key in client.scan_iter()} == ours


@pytest.mark.usefixtures("servers")
def test_the_scores_of_a_rollback_in_the_same_night_reach_redis(home: Path, partitions: ModuleType) -> None:
    partitions.publish_world([NIGHT], 50, inactive=0)
    for probability in (0.25, 0.75):
        assert features.push_scores(NIGHT, scores(partitions.ids(50), probability))
        assert desk.ask("sub_00003", NIGHT).churn_probability == probability


@pytest.mark.usefixtures("servers")
def test_two_concurrent_applies_lose_nothing(home: Path) -> None:
    features.apply()
    started = [
        subprocess.Popen([sys.executable, "-c", ADDS_SIX, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         text=True, cwd=PROJECT, env={**os.environ, "PYTHONPATH": str(PROJECT)})
        for name in ("first", "second")
    ]
    for one in started:
        assert one.stdout is not None
        assert one.stdout.readline().strip() == "ready"
    for one in started:  # both wait on a line, so they apply at the same time
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    assert [one.wait(timeout=60) for one in started] == [0, 0]
    for one in started:
        one.stdin.close()  # type: ignore[union-attr]
        one.stdout.close()  # type: ignore[union-attr]
    store._open_store.cache_clear()
    names = {service.name for service in store._open().list_feature_services()}
    assert names >= {f"{name}_{number}" for name in ("first", "second") for number in range(6)}
    assert names >= {"churn_v1", "ltv_v1"}
    assert features.feature_columns("churn_v1")


@pytest.mark.usefixtures("servers")
def test_a_process_outlives_a_registry_whose_server_closed_its_connections(home: Path) -> None:
    import psycopg

    features.apply()
    assert store._open().get_feature_view("ftr_subscriber_care")
    address = settings().feast_registry.replace("+psycopg", "")
    with psycopg.connect(address, autocommit=True) as other:
        ended = other.execute("select pg_terminate_backend(pid) from pg_stat_activity "
                              "where pid <> pg_backend_pid() and backend_type = 'client backend'").fetchall()
    assert ended
    assert store._open().get_feature_view("ftr_subscriber_care").name == "ftr_subscriber_care"
