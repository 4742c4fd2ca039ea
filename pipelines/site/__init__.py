"""The front page of a home: one static file that says what stands where, made of files, with nothing loaded from afar.

It is written to reports/index.html, beside what it links to, and opens from disk. Nothing is decided here, and a page
that cannot be written fails no night.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.estate import estate
from pipelines.publish import replacing
from pipelines.settings import settings
from pipelines.site.doors import Door, doors
from pipelines.site.models import Model
from pipelines.site.models import read as read_models
from pipelines.site.next_step import Step, decide, look
from pipelines.site.nights import Night, State, judged
from pipelines.site.nights import read as read_nights
from pipelines.site.people import Reason, reasons
from pipelines.site.waiting import Waiting, waiting
from pipelines.status import newest_day

if TYPE_CHECKING:
    from jinja2 import Template

__all__ = ["Page", "page", "refreshed", "render", "stand", "try_write", "write"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Page:
    """All that the page shows. `as_of` None: nothing has landed and nothing is published."""

    estate: str
    as_of: date | None
    state: State
    nights: tuple[Night, ...] = ()
    models: tuple[Model, ...] = ()
    reasons: tuple[Reason, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    doors: tuple[Door, ...] = ()
    next_step: str = ""
    step: Step | None = None


def write(as_of: date | None = None) -> Path:
    """Write reports/index.html as of a day, the newest this home knows of by default; one rename. Returns its path."""
    path = settings().reports / "index.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = render(page(as_of))
    with replacing(path) as out:
        out.write(text.encode())
    log.info("site as_of=%s %s", as_of or "newest", path)
    return path


def try_write(as_of: date | None = None) -> Path | None:
    """The same at the end of a night: never raises, since scores stand whether or not a page tells of them."""
    try:
        return write(as_of)
    except Exception as error:  # whatever it is, the night is done
        log.warning("the front page was not written: %s: %s", type(error).__name__, error)
        return None


@contextmanager
def refreshed() -> Iterator[None]:
    """Write the page when what is inside has ended, also when it failed: a night that holds is on it too."""
    try:
        yield
    finally:
        try_write()


def page(as_of: date | None = None) -> Page:
    """Read the home. Damaged files are shown as unknown; an unreadable champion log raises, as everywhere."""
    told = stand(as_of)
    if told.as_of is None:
        return told
    nights = list(reversed(told.nights))
    return replace(told, reasons=tuple(reasons(nights)), doors=tuple(doors(nights, list(told.models))))


def stand(as_of: date | None = None) -> Page:
    """The page without what only it shows, its reasons and links: what `telco` alone says on a screen."""
    from pipelines.promotion.standings import standings

    day = as_of or newest_day()
    if day is None:
        return _advised(Page(estate().name, None, State.UNKNOWN))
    nights = judged(read_nights(day))
    models = read_models(nights, standings(), day)
    return _advised(Page(estate().name, day, _state(nights, models), tuple(reversed(nights)), tuple(models),
                         waiting=tuple(waiting(day))))


def _advised(told: Page) -> Page:
    step = decide(look(told.as_of, tuple(reversed(told.nights)), told.models, told.waiting))
    return replace(told, step=step, next_step=step.command if step.is_owed else "")


def _state(nights: list[Night], models: list[Model]) -> State:
    """The worst of the newest night and of what serves now."""
    order = list(State)
    told = [nights[-1].state if nights else State.UNKNOWN, *(one.serving for one in models if one.champion)]
    return max(told, key=order.index)


def render(told: Page) -> str:
    """The page as text. Every value is escaped: a plan named `<script>` stays text."""
    return _template().render(page=told, states=list(State))


@lru_cache
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from pipelines.site.pictures import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH

    made = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
                       loader=FileSystemLoader(Path(__file__).parent / "templates"))
    made.globals |= {"W": WIDTH, "H": HEIGHT, "L": LEFT, "R": RIGHT, "T": TOP, "B": BOTTOM}
    made.filters["thousands"] = "{:,}".format
    return made.get_template("index.html")
