"""What to do next in a home, decided in one place: `telco`, `telco status` and the front page say the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from pipelines.clock import DAY, parse_day
from pipelines.settings import settings
from pipelines.site.models import Model
from pipelines.site.nights import Night, State
from pipelines.site.waiting import Waiting

FIRST, SECOND = "churn", "ltv"  # lifetime value stands on the churn champion; other specs are a choice


@dataclass(frozen=True)
class Step:
    """One command and why. `others`: what may be typed in its place. `is_owed`: something lacks until it is done."""

    command: str
    why: str
    others: tuple[str, ...] = ()
    is_owed: bool = True


@dataclass(frozen=True)
class Seen:
    """What the decision is made of. `delivered`: the days in landing/; `roster`: the newest published as_of;
    `nights`: oldest first; `erasing`: erasures that were killed; `pending`: trainings the registry has not got."""

    as_of: date | None = None
    history_start: date | None = None
    training_start: date | None = None
    delivered: tuple[date, ...] = ()
    roster: date | None = None
    nights: tuple[Night, ...] = ()
    models: tuple[Model, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    erasing: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    has_airflow: bool = False


def decide(seen: Seen) -> Step:
    """The first rule that speaks. Pure."""
    return next(step for rule in RULES if (step := rule(seen)) is not None)


def look(
    as_of: date | None, nights: Sequence[Night], models: Sequence[Model], waiting: Sequence[Waiting] = (),
) -> Seen:
    """What the files of this home say, beside the nights, models and quarantine that were read already."""
    from pipelines.estate import estate
    from pipelines.governance.erasure import job
    from pipelines.training.waiting import waiting as trainings

    days = {path.name.removeprefix("dt=") for path in settings().landing.glob("*/*/dt=????-??-??")}
    rosters = [path.name.removeprefix("as_of=") for path in (settings().features / "roster").glob("as_of=????-??-??")]
    return Seen(
        as_of, estate().history_start, estate().training_start, tuple(sorted(map(parse_day, days))),
        max(map(parse_day, rosters), default=None), tuple(nights), tuple(models), tuple(waiting),
        tuple(job.unfinished()), tuple(f"{one.model} at {one.as_of}" for one in trainings()),
        (settings().airflow / "ports.json").exists(),
    )


# --- the rules, the most pressing first ---------------------------------------------------------------------------


def _erasing(seen: Seen) -> Step | None:
    if not seen.erasing:
        return None
    return Step(f"telco privacy erase --resume --as-of {seen.as_of or seen.roster or 'DAY'}",
                f"an erasure was interrupted and is to be finished: {', '.join(seen.erasing)}")


def _empty(seen: Seen) -> Step | None:
    if seen.delivered or seen.as_of or seen.roster:
        return None
    why = "nothing is here yet: this plays the whole story on a simulated operator, in some minutes"
    return Step("telco demo", why,
                ("telco simulate --list", "telco import ibm-telco FILE --as-of DAY"))


def _history(seen: Seen) -> Step | None:
    if seen.roster or not seen.delivered or not seen.history_start:
        return None
    is_dump = seen.delivered[0] > seen.history_start  # one dump tells of everything before its day
    last = (seen.delivered[0] if is_dump else seen.delivered[-1]) + DAY
    first = min(seen.training_start or seen.history_start, last)
    return Step(f"telco bootstrap --from {first} --to {last}{' --initial' if is_dump else ''}",
                f"drops of {len(seen.delivered)} days are in landing/ and nothing is published yet")


def _first_model(seen: Seen) -> Step | None:
    return _trained(seen, FIRST)


def _second_model(seen: Seen) -> Step | None:
    return _trained(seen, SECOND)


def _trained(seen: Seen, name: str) -> Step | None:
    """What was refused is to be read before it is trained again."""
    model = next((one for one in seen.models if one.name == name), None)
    if model is not None and model.champion is not None:
        return None
    newest = model.versions[0] if model is not None and model.versions else None
    if newest is not None and newest.state == "refused":
        return Step(f"telco gate show {name} {newest.version}",
                    f"the gate refused {name} v{newest.version} and no other is in force: {newest.why}",
                    is_owed=name == FIRST)
    return Step(f"telco train {name} --as-of {seen.roster or 'DAY'}", f"no champion of {name} is in force",
                is_owed=name == FIRST)


def _unscored(seen: Seen) -> Step | None:
    """The first of the newest nights without scores; one that a model is missing from is scored for that model."""
    behind: list[Night] = []
    for night in reversed(seen.nights):
        if night.seen.scores:
            break
        behind.append(night)
    if behind:
        return _again(behind[-1], seen.waiting)
    if seen.nights and seen.nights[-1].state is State.HELD:
        night = seen.nights[-1]
        lacks = [name for name in night.seen.expected if name not in night.seen.scores]
        return Step(f"telco score {lacks[0]} --as-of {night.seen.as_of}" if lacks
                    else f"telco night --as-of {night.seen.as_of}", "; ".join(night.why[:2]))
    return None


def _again(night: Night, waiting: Sequence[Waiting]) -> Step:
    """Run the night again; where the door refused a file, first look at why."""
    again, why = f"telco night --as-of {night.seen.as_of}", "; ".join(night.why[:2])
    refused = next((one for one in waiting if one.files and any(said.startswith(one.feed) for said in night.why)), None)
    if refused is None:
        return Step(again, why)
    return Step(f"telco quarantine show {refused.feed} {night.seen.as_of - DAY}",
                f"{why}; when it is mended or was sent again: {again}")


def _flagged(seen: Seen) -> Step | None:
    night = seen.nights[-1] if seen.nights else None
    if night is None or night.state is not State.FLAGGED:
        return None
    return Step("telco doctor", "; ".join(night.why[:2]))


def _pending(seen: Seen) -> Step | None:
    if not seen.pending:
        return None
    return Step("telco register --pending", f"trained and not registered yet: {', '.join(seen.pending)}")


def _next_night(seen: Seen) -> Step | None:
    """The drops of a later day are there, and no Airflow of this home takes them by itself."""
    day = seen.nights[-1].seen.as_of if seen.nights else seen.roster
    if day is None or seen.has_airflow or day not in seen.delivered:  # the night after `day` takes the drops of `day`
        return None
    return Step(f"telco night --as-of {day + DAY}", f"the drops of {day} are there")


def _drift(seen: Seen) -> Step | None:
    for model in seen.models:
        newest = model.watched[-1] if model.watched else None
        if model.champion and newest and newest.action == "retrain" and model.champion.trained_as_of < newest.as_of:
            return Step(f"telco train {model.name} --as-of {newest.as_of}",
                        "; ".join([f"{model.name} drifts: {newest.verdict}", *newest.reasons[:1]]))
        if model.champion and newest and newest.action == "hold":
            return Step(f"telco monitor {model.name} --as-of {newest.as_of}",
                        "; ".join([f"the watch on {model.name} holds: {newest.verdict}", *newest.reasons[:1]]))
    return None


def _quarantine(seen: Seen) -> Step | None:
    if not seen.waiting:
        return None
    files, rows = sum(one.files for one in seen.waiting), sum(one.rows for one in seen.waiting)
    return Step("telco quarantine list", f"{rows:,} rows and {files} files wait in quarantine", is_owed=False)


def _calm(seen: Seen) -> Step:
    if seen.nights:
        return Step(f"telco extract --as-of {seen.nights[-1].seen.as_of} --top 500",
                    "all is well: the list to call from", is_owed=False)
    return Step(f"telco night --as-of {seen.roster or 'DAY'}", "a champion is in force and no night is scored yet")


RULES: tuple[Callable[[Seen], Step | None], ...] = (
    _erasing, _empty, _history, _first_model, _unscored, _flagged, _pending, _next_night, _drift, _second_model,
    _quarantine, _calm,
)
