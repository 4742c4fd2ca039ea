"""F39: MLflow is down while a model is trained. The fit is kept, the champion stands, the retry registers it."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pipelines import bundle as bundles
from pipelines import champions, registration, tracking, training
from pipelines.errors import RegistryAway
from pipelines.settings import settings
from pipelines.training import waiting

CUTOFFS = 24


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that nobody listens on, and nobody else can take."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield int(taken.getsockname()[1])


def registry(monkeypatch: pytest.MonkeyPatch, uri: str | None) -> None:
    if uri is None:
        monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    else:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    settings.cache_clear()


def test_F39_a_training_is_kept_while_the_registry_is_down_and_registered_when_it_is_back(
    home: Path, frames: ModuleType, give_registry: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch,
    closed_port: int,
) -> None:
    cutoffs = frames.grid(CUTOFFS)
    frames.build(monkeypatch, home, cutoffs, count=300)
    give_registry(home)
    day = cutoffs[-1] + timedelta(days=37)
    fits: list[Any] = []
    fit = training._fit

    def counted(work: Any, report: Any) -> Any:
        fits.append((work, fit(work, report)))
        return fits[-1][1]

    monkeypatch.setattr(training, "_fit", counted)
    registry(monkeypatch, f"http://127.0.0.1:{closed_port}")
    said: list[str] = []
    with pytest.raises(RegistryAway, match="is trained and kept in") as raised:
        training.train("churn", day, report=said.append)
    assert raised.value.exit_code == 1
    assert any("training all the same" in line for line in said)
    assert [(one.model, one.as_of) for one in waiting.waiting()] == [("churn", day)]
    assert champions.history("churn") == []
    folder = settings().models / "churn" / "waiting" / fits[0][0].identity
    assert not [path for path in folder.iterdir() if b"sub_0" in path.read_bytes()]  # it names nobody

    with pytest.raises(RegistryAway):  # still down: nothing is fitted again, nothing is doubled
        training.train("churn", day)
    assert len(waiting.waiting()) == len(fits) == 1

    registry(monkeypatch, None)
    assert registration.register_waiting() == [("churn", day, 1)]
    assert len(fits) == 1
    assert waiting.waiting() == []
    [found] = tracking.versions("telco_churn")
    late = bundles.load(bundles.path_of("churn", 1), expected=found.tags["sha256"])
    assert (found.state, found.tags["verdict"]) == (tracking.READY, "passed")

    # As if it had never been away: the bundle of what was fitted, without a stay on the disk, has the same bytes.
    late.directory.rename(home / "late")
    assert training._bundle(fits[0][0], 1, fits[0][1]).sha256 == late.sha256


def test_F39_a_kept_result_that_was_changed_on_disk_is_refused(home: Path, frames: ModuleType) -> None:
    from pipelines.errors import IntegrityError
    from pipelines.models import SPECS

    candidate, frame = small(frames)
    folder = waiting.keep(SPECS["churn"], date(2026, 6, 1), "id", candidate, frame)
    (folder / waiting.PREDICTED).write_bytes(b"PAR1")
    with pytest.raises(IntegrityError, match="not the bytes that were kept"):
        waiting.kept(SPECS["churn"], "id", frame)


def small(frames: ModuleType) -> tuple[Any, Any]:
    """A candidate without a booster, on 50 rows of one cut-off."""
    from pipelines.gate import Evaluation
    from pipelines.training.candidate import Candidate

    frame = frames.rows(frames.START, 50)
    told = Evaluation("out_of_time", 50, 5, {"auc": 0.7, "ece": float("nan")}, {})
    return Candidate(told, {}, {"kind": "identity"}, frame.iloc[10:20], (frames.START,),
                     frame["price_eur"].to_numpy()[10:20]), frame


def test_F39_what_is_kept_comes_back_as_it_was_whatever_the_order_of_the_frame(
    home: Path, frames: ModuleType
) -> None:
    from pipelines.models import SPECS

    candidate, frame = small(frames)
    waiting.keep(SPECS["churn"], date(2026, 6, 1), "id", candidate, frame)
    back = waiting.kept(SPECS["churn"], "id", frame.sample(frac=1, random_state=1))
    assert back is not None
    assert back.judged["subscriber_id"].tolist() == candidate.judged["subscriber_id"].tolist()
    assert back.predicted.tolist() == candidate.predicted.tolist()
    assert back.evaluation.as_dict() == candidate.evaluation.as_dict()


def test_F39_a_registry_that_is_down_is_found_out_in_seconds_and_no_password_is_told(
    home: Path, monkeypatch: pytest.MonkeyPatch, closed_port: int
) -> None:
    hidden = "hidden"
    registry(monkeypatch, f"http://someone:{hidden}@127.0.0.1:{closed_port}")
    started = time.monotonic()
    with pytest.raises(RegistryAway, match="MLflow does not answer") as raised:
        tracking.versions("telco_churn")
    assert time.monotonic() - started < 30
    assert hidden not in str(raised.value)
