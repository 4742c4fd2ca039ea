"""What `telco night` says when all steps are done."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines import night as steps
from pipelines.cli.app import app
from pipelines.monitoring import DriftVerdict
from pipelines.monitoring.triage import Action, Cause
from pipelines.scoring.nightly import Scored

AS_OF = date(2026, 3, 10)


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_a_night_tells_what_each_step_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, form: list[str]) -> None:
    monkeypatch.setenv("TELCO_HOME", str(tmp_path))
    done = steps.Night(
        AS_OF, scored={"churn": Scored("churn", 2, AS_OF, 1234)}, skipped={"upgrade": "no champion"},
        extract="extracts/scores.csv", monitored={"churn": DriftVerdict(
            "churn", AS_OF, 2, Cause.BROKEN_FEED, Action.HOLD, ("usage is all zeros",), (), (), ())})
    monkeypatch.setattr(steps, "night", lambda as_of, report: done)
    said = CliRunner().invoke(app, ["night", "--as-of", str(AS_OF), *form], catch_exceptions=False)
    assert said.exit_code == 0
    for word in ("broken_feed", "hold", "no champion", "1234" if form else "1,234"):
        assert word in said.stdout
