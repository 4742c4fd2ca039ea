"""Who may promote: nobody asks while the estate says automatic; by approval, a person other than the trainer."""

from __future__ import annotations

import getpass
import re

from pipelines.errors import Held, UsageError
from pipelines.estate import estate

# A user name, as auth managers have them: also a mail address.
NAME = re.compile(r"[\w][\w.@+ -]{0,79}")
NUMBER = re.compile(r"\d{9,}")
SCHEDULE = "airflow"  # the trainer of what no person started


def needs_approval() -> bool:
    """Whether the estate wants a person to approve each new champion."""
    return estate().promotion == "approval"


def person(name: str | None) -> str:
    """A name as it is recorded; without one, that of the operating system's user. Raises UsageError for no name."""
    try:
        found = name if name is not None else getpass.getuser()
    except (KeyError, OSError):
        raise UsageError("this process has no user name; say who you are: --by NAME") from None
    if not NAME.fullmatch(found):
        raise UsageError(f"not a name: {found!r}; letters, digits and . _ @ + - are, at most 80 of them")
    return found


def reason(text: str) -> str:
    """A person's reason as it is kept for ever. Raises UsageError for one that is long or that a number is in that may
    be somebody's."""
    found = " ".join(text.split())
    if len(found) > 300 or NUMBER.search(found):
        raise UsageError("a reason is kept for ever: at most 300 characters, and no number of nine digits or more")
    return found


def check_approver(model: str, version: int, trained_by: str, by: str) -> None:
    """Raises Held when the trainer would approve his own version, or nobody knows who trained it."""
    if not needs_approval():
        return
    if not trained_by:
        raise Held(f"{model} v{version}", ["nobody knows who trained it, so nobody else can be told from the trainer"],
                   "train it again with this release; it records who did")
    if trained_by.casefold() == by.casefold():
        raise Held(f"{model} v{version}", [f"{by} trained it; the trainer may not approve his own version"],
                   f"ask somebody else: telco promote {model} --version {version} --as-of DAY --by NAME")
