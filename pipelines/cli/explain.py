"""Why one subscriber has the score they have, from raw facts to the published number."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli import completion, show
from pipelines.cli.options import AsOf, Json, Quiet
from pipelines.errors import UsageError

if TYPE_CHECKING:
    from pipelines.explain import Explanation, Probability, Value
    from pipelines.explain.published import Reason

WIDTH = 100
SHOWN = 8  # rows of a kind of fact; --json has them all


def register(app: typer.Typer) -> None:
    app.command(rich_help_panel="Operate")(explain)


def explain(
    subscriber: Annotated[str, typer.Argument(metavar="SUBSCRIBER", help="A subscriber_id, sub_...")],
    as_of: AsOf,
    model: Annotated[str | None, typer.Option("--model", autocompletion=completion.models,
                                                help="For example churn; default: every model.")] = None,
    lineage: Annotated[bool, typer.Option("--lineage", help="Instead: which files the score was made from, by sha256."
                                          )] = False,
    verify: Annotated[bool, typer.Option("--verify", help="With --lineage: make the night again from raw/ and compare."
                                         )] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Raw facts, features, contributions, score and decile of one subscriber on one published night.

    The score is taken apart with the bundle that made it. Exit 1 when that gives another score than was published.
    """
    from pipelines.cli.model import known
    from pipelines.explain import explain as ask

    if verify and not lineage:
        raise UsageError("--verify goes with --lineage: telco explain SUBSCRIBER --as-of DAY --lineage --verify")
    if lineage:
        _lineage(subscriber, as_of, known(model) if model else "churn", verify, json, quiet)
        return
    found = ask(subscriber, as_of, [known(model)] if model else [])
    if json:
        show.as_json(found)
    else:
        _tell(found)


def _lineage(subscriber: str, as_of: date, model: str, verify: bool, json: bool, quiet: bool) -> None:
    from pipelines.explain.lineage import as_rows
    from pipelines.explain.lineage import lineage as walk
    from pipelines.explain.replay import replay

    found = walk(model, subscriber, as_of)
    again = replay(found, report=show.reporter(quiet)) if verify else None
    if json:
        show.as_json({"lineage": found, "replay": again})
        return
    show.table(f"{found.measure} {found.published} of {subscriber} at {as_of}, {model} v{found.version}",
               ["step", "what", "sha256", "told"], as_rows(found))
    print(f"every file above has the sha256 its manifest states; {found.raw_files:,} raw drops were known by {as_of}")
    if again is not None:
        print(f"made again from raw/: {found.measure} {again.recomputed}, the same; "
              f"{len(again.same_bytes)} partitions byte for byte")


def _tell(found: Explanation) -> None:
    from pipelines.explain import Probability, Value

    show.table(f"Subscriber {found.subscriber_id}, everything known at the start of {found.as_of} UTC",
               ["what", "value"], found.roster.items(), width=WIDTH)
    print("\n1  Raw facts (times UTC, amounts in house currency)")
    for section in found.facts:
        more = f" (newest {SHOWN} of {len(section.rows)})" if len(section.rows) > SHOWN else ""
        names = [name.replace("_", " ") for name in section.columns]
        _table(f"{section.title}{more}", names, [list(row.values()) for row in section.rows[:SHOWN]])
    _features(found)
    number = 3
    for score in found.scores.values():
        if isinstance(score, Probability):
            _probability(score, number)
            number += 2
        elif isinstance(score, Value):
            _value(score, number)
            number += 1
    for why in found.unscored.values():
        print("\n" + textwrap.fill(f"Not scored: {why}", WIDTH))


def _features(found: Explanation) -> None:
    """Every feature in words, with its contribution where a model's trees were taken apart."""
    from pipelines.explain import Probability

    parts = {score.model: {name: weight for theme in score.themes for name, weight in theme.features.items()}
             for score in found.scores.values() if isinstance(score, Probability)}
    told = sorted(found.features, key=lambda f: -max((abs(of.get(f.name, 0.0)) for of in parts.values()), default=0.0))
    heads = [f"{model} log-odds" if len(parts) > 1 else "log-odds" for model in parts]
    print("\n2  Features of this night")
    _table("Strongest first" if parts else "As published",
           ["feature", "value", "in words", *heads],
           [(f.name, _value_of(f.value), f.words, *(_signed(of.get(f.name, 0.0)) for of in parts.values()))
            for f in told])


def _probability(score: Probability, number: int) -> None:
    ranks = {reason.theme: rank for rank, reason in enumerate(score.reasons, start=1)}
    moving = [theme for theme in score.themes if theme.log_odds]
    bias = "XGBoost's bias is the average of the training rows"
    print(f"\n{number}  {score.model}: contributions to the log-odds ({bias})")
    _table("By theme", ["theme", "log-odds", "published as"], [
        ("bias", _signed(score.bias), ""),
        *((theme.theme, _signed(theme.log_odds), f"reason {ranks[theme.theme]}" if theme.theme in ranks else "")
          for theme in moving),
        ("sum = log-odds", _signed(score.log_odds), ""),
    ])
    print(f"\n{number + 1}  {score.model}: the score")
    _table(f"{score.model} v{score.version}", ["what", "value"], [
        ("log-odds", f"{score.log_odds:+.6f}"),
        ("calibrated", f"{score.probability:.9f} ({_terms(score.calibrator).removeprefix('kind ')})"),
        ("published", f"{score.published:.6f}, the same to every published digit"),
        ("decile", f"{score.decile} (1 = likeliest), place {score.rank:,} of {score.scored:,} scored"),
        *_stamps(score), *_reasons(score.reasons),
    ])


def _value(score: Value, number: int) -> None:
    print(f"\n{number}  {score.model}: the value")
    _table(f"{score.model} v{score.version}", ["what", "value"], [
        *((name, f"{one:,.6f}" if name.startswith("survival") else f"{one:,.2f}")
          for name, one in score.measures.items()),
        ("place by value (1 = highest)", f"{score.rank:,} of {score.scored:,} scored"),
        ("made of", _terms({name: one for name, one in score.made_of.items() if not name.endswith("sha256")})),
        *_stamps(score), *_reasons(score.reasons),
    ])
    if score.by_month:
        months = zip(*score.by_month.values(), strict=True)
        _table("By 30-day month", ["month", *(name.replace("_", " ") for name in score.by_month)],
               [(number, *month) for number, month in enumerate(months, start=1)])


def _stamps(score: Probability | Value) -> list[tuple[str, Any]]:
    return [
        ("model version", f"v{score.version}, in force from {score.in_force_from}, {score.feature_service}"),
        ("bundle sha256", f"{score.bundle_sha256[:12]}..."),
        ("may be used until", f"{score.expires_at:%Y-%m-%d %H:%M} UTC"),
    ]


def _reasons(reasons: tuple[Reason, ...]) -> list[tuple[str, str]]:
    return [(f"reason {rank}", one.words + (" (can be acted on)" if one.actionable else ""))
            for rank, one in enumerate(reasons, start=1)]


def _terms(terms: Mapping[str, Any]) -> str:
    """Numbers and words, no lists; words first."""
    told = sorted(terms.items(), key=lambda term: not isinstance(term[1], str))
    return ", ".join(f"{name} {one:.6g}" if isinstance(one, float) else f"{name} {one}"
                     for name, one in told if isinstance(one, (str, int, float)))


def _signed(weight: float) -> str:
    return f"{weight:+.4f}"


def _value_of(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,.4g}" if isinstance(value, float) and abs(value) < 100 else (
        f"{value:,.1f}" if isinstance(value, float) else str(value))


def _table(title: str, columns: list[str], rows: list[Any]) -> None:
    print()
    show.table(title, columns, rows, width=WIDTH)
