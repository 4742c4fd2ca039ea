"""What feature definitions must keep to before they are registered: tags, purposes, and services that models hold."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipelines.errors import Held, IntegrityError
from pipelines.models.spec import Purpose
from pipelines.settings import settings

TAGS = ("owner", "domain", "pii", "purpose", "residency")
PURPOSES = frozenset(str(one) for one in Purpose)
TEXT = "String"


@dataclass(frozen=True)
class Service:
    """A feature service as defined: its columns with their Feast type names, and the views they come from."""

    name: str
    columns: Mapping[str, str]
    views: tuple[str, ...]


@dataclass(frozen=True)
class Claim:
    """What a registered version says of its service: the columns it was trained with, and which of them are text."""

    model: str
    version: int
    service: str
    columns: tuple[str, ...]
    texts: frozenset[str]


def check(views: Mapping[str, Mapping[str, str]], services: Mapping[str, Service]) -> None:
    """Raise Held naming every view and service that breaks a rule. `views` maps a view's name to its tags."""
    reasons = [reason for name, tags in sorted(views.items()) for reason in _untagged(name, tags)]
    for service in services.values():
        reasons += [reason for view in service.views for reason in _purposeless(service.name, view, views[view])]
    if reasons:
        raise Held("feature definitions", reasons, "mend feature_repo; what was registered stands")
    for claim in claims():
        _check_claim(claim, services.get(claim.service))


def claims() -> list[Claim]:
    """The claims of every model version of this home, from its bundle. IntegrityError when one cannot be read."""
    return [_claim(path) for path in sorted(settings().models.glob("*/v*/bundle.json"))]


def _claim(path: Path) -> Claim:
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        return Claim(str(facts["model"]), int(facts["version"]), str(facts["feature_service"]),
                     tuple(facts["columns"]), frozenset(facts["categories"]))
    except (ValueError, KeyError, TypeError) as error:
        raise IntegrityError(f"{path}: does not say its columns ({error!r}); restore the bundle") from None


def _check_claim(claim: Claim, service: Service | None) -> None:
    reasons = _broken(claim, service)
    if reasons:
        successor = re.sub(r"\d+$", lambda number: str(int(number[0]) + 1), claim.service)
        raise Held(
            f"feature service {claim.service}",
            [f"{claim.model} v{claim.version} was trained with it and it has changed since", *reasons],
            f"leave {claim.service} as it was; declare other columns as {successor} and name that in the model's spec",
        )


def _broken(claim: Claim, service: Service | None) -> list[str]:
    if service is None:
        return ["it is gone from feature_repo"]
    reasons = []
    for words, names in (
        ("added", sorted(set(service.columns) - set(claim.columns))),
        ("taken away", sorted(set(claim.columns) - set(service.columns))),
        ("no longer text", sorted(name for name in claim.texts if service.columns.get(name, TEXT) != TEXT)),
    ):
        if names:
            reasons.append(f"{words}: {', '.join(names)}")
    return reasons


def _untagged(view: str, tags: Mapping[str, str]) -> list[str]:
    absent = [tag for tag in TAGS if not tags.get(tag)]
    unknown = sorted(set(tags.get("purpose", "").split()) - PURPOSES)
    return [
        *([f"view {view} lacks the tags {', '.join(absent)}"] if absent else []),
        *([f"view {view} names purposes that do not exist: {', '.join(unknown)}"] if unknown else []),
    ]


def _purposeless(service: str, view: str, tags: Mapping[str, str]) -> list[str]:
    """A service trains and scores, so each of its views must allow both."""
    refused = sorted(PURPOSES - set(tags.get("purpose", "").split()))
    return [f"service {service} uses view {view}, which does not allow {', '.join(refused)}"] if refused else []
