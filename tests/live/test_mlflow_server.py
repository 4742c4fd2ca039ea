"""The registry on a real MLflow server over PostgreSQL: as on SQLite, and with the server killed."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pipelines import bundle as bundles
from pipelines import champions, features, promotion, registration, scoring, tracking, training, transfer
from pipelines.errors import RegistryAway
from pipelines.publish import Dataset
from pipelines.settings import PROJECT, settings

sys.path.append(str(Path(__file__).parent))
import servers

pytestmark = pytest.mark.live

NIGHT = date(2026, 1, 12)
REGISTERS = """
import sys
from pathlib import Path
from pipelines import tracking
import mlflow
number, folder = int(sys.argv[1]), Path(sys.argv[2])
bundle = folder / f"bundle{number}"
bundle.mkdir()
(bundle / "bundle.json").write_text("{}")
print("ready", flush=True)
sys.stdin.readline()
shared = tracking.register("telco_upgrade", {"identity": "shared", "trained_as_of": "2026-01-01"})
own = tracking.register("telco_upgrade", {"identity": f"own {number}", "trained_as_of": f"2026-06-0{number}"})
for found in (own, shared):
    tracking.settle(found, bundle, {"sha256": "0"}, alias="challenger")
print(shared.version, own.version)
"""


@dataclass
class Server:
    """The server, which can be killed and started again over the same database."""

    port: int
    backend: str
    artifacts: Path
    part: Any = None

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.part = servers.mlflow(self.port, self.backend, self.artifacts)

    def kill(self) -> None:
        if self.part is not None:
            servers.kill(self.part)
        self.part = None


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="telco-mlflow-"))  # pytest's own folder is closed to the user postgres
    if servers.as_postgres():
        shutil.chown(folder, "postgres")
    database = None
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TELCO_HOME", str(tmp_path_factory.mktemp("servers")))
        settings.cache_clear()
        port = servers.free_port()
        made = Server(servers.free_port(), f"postgresql://mlflow@127.0.0.1:{port}/postgres", folder / "artifacts")
        try:
            database = servers.postgres(folder, port, "mlflow")
            made.start()
            yield made
        finally:
            made.kill()
            if database is not None:
                servers.stop_postgres(database)
            shutil.rmtree(folder, ignore_errors=True)
    settings.cache_clear()


@pytest.fixture
def served(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """An empty home whose registry is the server."""
    if server.part is None:
        server.start()
    monkeypatch.setenv("TELCO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.uri)
    settings.cache_clear()
    yield server
    settings.cache_clear()


def module(name: str, *path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, PROJECT.joinpath("tests", "pipelines", *path))
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules[name] = made
    spec.loader.exec_module(made)
    return made


def alias(name: str) -> int | None:
    holder = tracking.version_by_alias("telco_churn", name)
    return holder.version if holder else None


def test_a_model_is_trained_promoted_moved_rolled_back_and_outlives_the_server(
    served: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from pipelines.promotion.rollback import rollback

    frames = module("live_frames", "training", "frames.py")
    cutoffs = frames.grid(24)
    frames.build(monkeypatch, settings().home, cutoffs, count=300)
    day = cutoffs[-1] + timedelta(days=37)
    first = training.train("churn", day)
    assert (first.version, first.verdict.passed) == (1, True)
    assert training.train("churn", day).reused
    entered = promotion.promote("churn", day)
    assert entered is not None
    assert (entered.version, alias("champion"), alias("challenger")) == (1, 1, None)

    # Its copy by file is version 2; entered by hand and rolled back, the aliases follow the log.
    moved = transfer.take_in(transfer.export("churn", 1, tmp_path / "churn.zip").path)
    copied = bundles.load(moved.bundle)
    champions.enter("churn", 2, day + timedelta(days=1), copied.sha256, reason="live test")
    promotion.promote("churn", day)
    assert (alias("champion"), alias("previous")) == (2, 1)
    assert rollback("churn", by="anna").champion.version == 1
    assert alias("champion") == 1
    tracking._client().set_registered_model_alias("telco_churn", "champion", "2")
    assert tracking.reconcile("telco_churn", {"champion": 1})
    assert alias("champion") == 1

    # A damaged bundle comes back from the server's artifacts.
    (first.bundle / "card.md").write_bytes(b"better\n")
    assert bundles.load(transfer.restore("churn", 1), expected=entered.sha256)

    # The server dies while the next one is trained: kept, the champion stands, and it is registered when it is back.
    fit = training._fit

    def dies(work: Any, report: Any) -> Any:
        made = fit(work, report)
        served.kill()
        return made

    monkeypatch.setattr(training, "_fit", dies)
    later = day + timedelta(days=3)
    with pytest.raises(RegistryAway, match="is trained and kept in"):
        training.train("churn", later)
    found = scoring.standing("churn", later)
    assert found.champion.version == 1
    assert "does not answer" in found.flags[0]
    assert rollback("churn", to=2, by="anna").champion.version == 2  # the log needs no registry
    served.start()
    monkeypatch.setattr(training, "_fit", lambda *words: pytest.fail("fitted twice"))
    [(model, as_of, version)] = registration.register_waiting()
    assert (model, as_of, version) == ("churn", later, 3)
    assert tracking.versions("telco_churn")[-1].state == tracking.READY
    promotion.promote("churn", later)
    assert alias("champion") == 2


def test_three_processes_register_at_once_on_postgresql(served: Server, tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(PROJECT)}
    started = [subprocess.Popen([sys.executable, "-c", REGISTERS, str(number), str(tmp_path)], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, text=True, cwd=PROJECT, env=env) for number in (2, 3, 1)]
    for one in started:
        assert one.stdout is not None
        assert one.stdout.readline().strip() == "ready"
    for one in started:  # all wait on a line, so they register at the same time
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    said = [one.communicate(timeout=240)[0].splitlines()[-1].split() for one in started]
    assert [one.returncode for one in started] == [0, 0, 0]
    shared, own = {words[0] for words in said}, {words[1] for words in said}
    assert (len(shared), len(own)) == (1, 3)
    found = tracking.versions("telco_upgrade")
    assert [one.version for one in found] == [1, 2, 3, 4]
    assert {one.state for one in found} == {tracking.READY}
    holder = tracking.version_by_alias("telco_upgrade", "challenger")
    assert holder is not None
    assert holder.tags["identity"] == "own 3"


def test_a_night_is_scored_from_the_local_copy_while_the_server_is_dead(served: Server) -> None:
    import xgboost

    partitions = module("live_partitions", "features", "partitions.py")
    later = NIGHT + timedelta(days=1)
    partitions.publish_world([NIGHT, later])
    features.apply()
    frame, columns = features.scoring_frame("churn_v2", NIGHT), features.feature_columns("churn_v2")
    categories = bundles.learn_categories(frame, columns)
    label = (frame["contract_type"] == "month_to_month").to_numpy()
    booster = xgboost.train({"objective": "binary:logistic", "max_depth": 2, "nthread": 1},
                            bundles.dmatrix(bundles.encode(frame, columns, categories), columns, label=label), 4)
    registered = tracking.register("telco_churn", {"identity": "night", "trained_as_of": str(NIGHT)}, booster=booster,
                                   columns=columns)
    made = bundles.save(bundles.path_of("churn", registered.version), {
        "model": "churn", "version": registered.version, "feature_service": "churn_v2", "columns": columns,
        "categories": categories, "calibrator": {"kind": "identity"}, "trained_as_of": str(NIGHT),
        "identity": "night", "verdict": {"passed": True, "reasons": []},
    }, booster=booster)
    registration.settle(registered, made)
    entered = promotion.promote("churn", NIGHT)
    assert entered is not None
    assert scoring.score("churn", NIGHT).rows == 190
    served.kill()
    assert scoring.score("churn", later).rows == 190
    entries = Dataset(settings().scores / "churn", ("as_of", "version")).entries()
    version = str(entered.version)
    assert "flags" not in entries[str(NIGHT), version].inputs
    [flag] = entries[str(later), version].inputs["flags"]
    assert flag.startswith("scored from the verified local copy: MLflow at 127.0.0.1:")
    assert json.loads((made.directory / "bundle.json").read_text())["version"] == entered.version
