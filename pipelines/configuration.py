"""Every setting with its value and where it came from: environment, estate.toml or default. Secrets are masked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from pydantic import BaseModel

from pipelines.settings import ASLEEP, PATIENCE, QUIET, VARIABLES, said, settings

HIDDEN = "***"
EMPTY = {  # what holds where a setting is empty
    "regions": "every region of the estate", "mlflow_database": "what mlflow_uri says",
    "airflow_database": "SQLite below the home", "feast_registry": "SQLite below the home",
    "feast_redis": "SQLite below the home", "notify_webhook": "nobody is posted to", "notify_smtp": "no mail is sent",
    "notify_to": "no mail is sent",
}
KEPT = {"sslmode", "ssl", "db", "connect_timeout"}  # of an address: what says nothing of who may enter


@dataclass(frozen=True)
class Setting:
    """`source`: `environment NAME`, the path of the estate file, or `default`. `means`: of an empty one."""

    name: str
    value: str
    source: str
    means: str = ""


def deployment() -> list[Setting]:
    """What the environment may say, in the order of VARIABLES. Addresses come without what opens them."""
    now = settings()
    secret = {each.name for each in fields(now) if not each.repr}
    found = []
    for name, variable in VARIABLES.items():
        value = getattr(now, name)
        text = ", ".join(value) if isinstance(value, tuple) else str(value)
        source = f"environment {variable}" if said(name) else "default"
        shown = masked(text) if name in secret else text
        found.append(Setting(name, shown, source, "" if text else EMPTY.get(name, "")))
    return found


def libraries() -> list[Setting]:
    """What keeps the libraries from phoning home and from waiting for ever, or awake; the environment may differ."""
    import os

    settings()  # sets those that nobody has set
    return [Setting(name, masked(os.environ[name]), "default" if os.environ[name] == value else f"environment {name}")
            for name, value in (QUIET | PATIENCE | ASLEEP).items()]


def of_estate() -> list[Setting]:
    """Every key of the estate file, as dotted names. Raises UsageError for an estate that cannot be read."""
    from pipelines.estate import estate

    return list(_walk(estate(), "", str(settings().estate_file)))


def masked(address: str) -> str:
    """An address without its secrets: credentials, a webhook's path, values after `?` or a comma.

    What stands before the last `@` is taken for credentials, so that a password with an unescaped `/`, `?` or `@` in it
    shows nothing of itself either. A file's path is no secret.
    """
    scheme, separator, rest = address.partition("://")
    if not separator:
        scheme, rest = "", address
    if scheme in ("sqlite", "file") and rest.startswith("/"):
        return address
    credentials, at, place = rest.rpartition("@")
    who = credentials.partition(":")[0] if ":" in credentials else ""
    if "//" in who or not re.fullmatch(r"[\w.-]*", who):
        who = ""
    place = _without_path(place) if not at and scheme.startswith("http") and _is_hook(address) else place
    return f"{scheme}{separator}{f'{who}:'.lstrip(':') + f'{HIDDEN}@' if at else ''}{_without_words(place)}"


def _is_hook(address: str) -> bool:
    return address == settings().notify_webhook


def _without_path(place: str) -> str:
    host, slash, path = place.partition("/")
    return f"{host}/{HIDDEN}" if slash and path else place


def _without_words(place: str) -> str:
    """`host:port/db?user=x,db=0`: the words after the place, each with its value hidden unless it is known harmless."""
    head, *words = re.split(r"(?=[?&,;])", place)
    shown = []
    for word in words:
        name, equals, value = word[1:].partition("=")
        harmless = not value or (name in KEPT and re.fullmatch(r"[\w-]*", value))
        shown.append(word[0] + (f"{name}{equals}{value}" if equals and harmless else f"{name}={HIDDEN}" if equals
                                else HIDDEN))
    return head + "".join(shown)


def _walk(model: BaseModel, prefix: str, path: str) -> Iterator[Setting]:
    for name in type(model).model_fields:
        value = getattr(model, name)
        source = path if name in model.model_fields_set else "default"
        yield from _told(f"{prefix}{name}", value, source, path)


def _told(name: str, value: Any, source: str, path: str) -> Iterator[Setting]:
    if isinstance(value, BaseModel):
        yield from _walk(value, f"{name}.", path)
    elif isinstance(value, Mapping) and value:
        for key, each in value.items():
            yield from _told(f"{name}.{key}", each, source, path)
    elif isinstance(value, tuple):
        for number, each in enumerate(value):
            yield from _told(f"{name}.{number}", each, source, path)
    else:
        text = "" if value is None or value == {} else str(value).lower() if isinstance(value, bool) else str(value)
        yield Setting(name, text, source)
