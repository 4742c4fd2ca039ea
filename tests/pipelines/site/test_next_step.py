"""What to do next: one rule speaks at a time, the most pressing first; `telco` alone says it on one screen."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from types import ModuleType

from typer.testing import CliRunner

from pipelines.cli.app import app
from pipelines.promotion.standings import Stand
from pipelines.site import next_step
from pipelines.site.models import Champion, Model, Watched
from pipelines.site.next_step import Seen, decide
from pipelines.site.nights import Night, Scores, State
from pipelines.site.nights import Seen as SeenNight
from pipelines.site.waiting import Waiting
from pipelines.status import status

TODAY = date(2026, 6, 16)
DAY = timedelta(days=1)


def model(name: str, *, champion: bool = True, refused: bool = False, action: str = "none") -> Model:
    stood = Champion(1, "2026-06-01", "2026-06-01", 15, "", "", (), None, None, "", (), False) if champion else None
    versions = (Stand(name, 2, "refused", "-", "2026-06-10", "AUC 0.6 is below the floor"),) if refused else ()
    watched = (Watched("2026-06-16", "population_shift", "alarm", ("PSI 0.4",), "", action),)
    return Model(name, "", stood, State.OK, "", "", watched, "", versions)


def night(day: date, state: State = State.OK, *, scored: tuple[str, ...] = ("churn",), why: str = "why") -> Night:
    scores = {name: Scores(name, 1, 10, datetime(2026, 6, 20)) for name in scored}
    return Night(SeenNight(day, landed=3, scores=scores, expected=("churn", "ltv")), state, (why,))


CALM = Seen(TODAY, date(2025, 11, 1), date(2026, 1, 30), (TODAY - DAY,), TODAY, (night(TODAY),),
            (model("churn"), model("ltv")))
REFUSED_FILE = Waiting("care.complaints", 0, 1, "2026-06-15", ("cut off",))
CASES = {
    "an empty home": (Seen(), "telco demo"),
    "one dump": (replace(Seen(), delivered=(TODAY, TODAY + DAY), history_start=date(2025, 11, 1),
                         training_start=date(2026, 1, 30)),
                 "telco bootstrap --from 2026-01-30 --to 2026-06-17 --initial"),
    "daily drops": (replace(Seen(), delivered=(date(2026, 3, 1), TODAY), history_start=date(2026, 3, 1),
                            training_start=date(2026, 5, 30)), "telco bootstrap --from 2026-05-30 --to 2026-06-17"),
    "no champion": (replace(CALM, models=(), nights=()), "telco train churn --as-of 2026-06-16"),
    "refused": (replace(CALM, models=(model("churn", champion=False, refused=True),)), "telco gate show churn 2"),
    "not scored": (replace(CALM, nights=(night(TODAY - 2 * DAY), night(TODAY - DAY, State.HELD, scored=()),
                                         night(TODAY, State.HELD, scored=()))), "telco night --as-of 2026-06-15"),
    "a refused file": (replace(CALM, nights=(night(TODAY, State.HELD, scored=(), why="care.complaints rejected"),),
                               waiting=(REFUSED_FILE,)), "telco quarantine show care.complaints 2026-06-15"),
    "one model lacks": (replace(CALM, nights=(night(TODAY, State.HELD),)), "telco score ltv --as-of 2026-06-16"),
    "flagged": (replace(CALM, nights=(night(TODAY, State.FLAGGED),)), "telco doctor"),
    "killed erasure": (replace(CALM, erasing=("2026-06-10-abc",)), "telco privacy erase --resume --as-of 2026-06-16"),
    "registry was away": (replace(CALM, pending=("churn at 2026-06-10",)), "telco register --pending"),
    "the next drops": (replace(CALM, delivered=(TODAY,)), "telco night --as-of 2026-06-17"),
    "Airflow takes them": (replace(CALM, delivered=(TODAY,), has_airflow=True),
                           "telco extract --as-of 2026-06-16 --top 500"),
    "drift": (replace(CALM, models=(model("churn", action="retrain"),)), "telco train churn --as-of 2026-06-16"),
    "a watch that holds": (replace(CALM, models=(model("churn", action="hold"),)),
                           "telco monitor churn --as-of 2026-06-16"),
    "no lifetime value": (replace(CALM, models=(model("churn"),)), "telco train ltv --as-of 2026-06-16"),
    "rows wait": (replace(CALM, waiting=(REFUSED_FILE,)), "telco quarantine list"),
    "all is well": (CALM, "telco extract --as-of 2026-06-16 --top 500"),
}


def test_each_case_has_its_command_and_every_rule_is_asked() -> None:
    told = {name: decide(seen).command for name, (seen, _) in CASES.items()}
    assert told == {name: command for name, (_, command) in CASES.items()}
    spoke = {next(rule for rule in next_step.RULES if rule(seen)) for seen, _ in CASES.values()}
    assert spoke == set(next_step.RULES)


def screen() -> str:
    done = CliRunner().invoke(app, [])
    assert done.exit_code == 0, done.exception
    return done.output


def test_telco_alone_says_where_an_empty_home_begins_and_writes_nothing(home: Path) -> None:
    text = screen()
    assert "(not made yet)" in text
    assert str(home) in re.sub(r"\s", "", text)
    assert re.search(r"^Next +telco demo$", text, re.MULTILINE)
    assert not home.exists()


def test_telco_alone_tells_of_nights_champions_and_quarantine_in_eighty_columns(
    stood: Path, planted: ModuleType
) -> None:
    text = screen()
    assert re.search(r"^Nights +2026-03-03  ok +churn v1 400 scored$", text, re.MULTILINE)
    assert re.search(r"^Champions +churn v1 +trained as of 2026-02-20 \(11 days old\), AUC 0.710$", text, re.MULTILINE)
    assert "nothing waits" in text
    assert max(map(len, text.splitlines())) <= 80
    planted.refuse_night(date(2026, 3, 4))
    text = screen()
    assert re.search(r"^Nights +2026-03-04  held +billing_alpha.invoices rejected", text, re.MULTILINE)
    assert re.search(r"^Next +telco night --as-of 2026-03-04$", text, re.MULTILINE)
    assert status().next_step == "telco night --as-of 2026-03-04"
