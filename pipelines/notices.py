"""What people must hear of, told once: an ERROR line for whatever reads the logs, the channels of the deployment, and
a file that says it was told."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from pipelines import channels
from pipelines.errors import StorageFault
from pipelines.publish import write_json
from pipelines.settings import settings

log = logging.getLogger(__name__)


def directory() -> Path:
    return settings().reports / "notices"


def once(name: str, text: str) -> bool:
    """Tell `text` unless a notice of this name was told before. Returns whether it was told now.

    Never raises for a channel that fails: that is logged and kept in the file, and the night goes on.
    """
    if not claim(name, text):
        return False
    tell([name], name, text)
    return True


def claim(name: str, text: str) -> bool:
    """Whether it is ours to tell this: several processes may try, and the file is made by one of them only. Delete it
    to be told again."""
    folder = directory()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with (folder / f"{name}.json").open("x", encoding="utf-8") as out:
            json.dump({"name": name, "text": text}, out, ensure_ascii=False)
    except FileExistsError:
        return False
    return True


def tell(names: Sequence[str], subject: str, text: str) -> None:
    """One message about everything that was claimed under these names; each of their files says who it reached."""
    log.error("notice %s: %s", subject, text)
    reached = {channel: _send(channel, send, subject, text) for channel, send in channels.configured().items()}
    for name in names if reached else ():
        with suppress(StorageFault):  # it is told; what the file then lacks is who heard it
            write_json(directory() / f"{name}.json", {"name": name, "text": text, "channels": reached})


def was_told(name: str) -> bool:
    return (directory() / f"{name}.json").exists()


def _send(channel: str, send: channels.Send, name: str, text: str) -> str:
    """"sent", or the kind of error: its words may hold the address, and an address a password."""
    try:
        send(name, text)
    except Exception as error:
        log.warning("notice %s did not go out by %s: %s", name, channel, type(error).__name__)
        return type(error).__name__
    return "sent"
