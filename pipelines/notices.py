"""What people must hear of, told once: an ERROR line for whatever reads the logs, and a file that says it was told."""

from __future__ import annotations

import json
import logging
from pathlib import Path

from pipelines.settings import settings

log = logging.getLogger(__name__)


def directory() -> Path:
    return settings().reports / "notices"


def once(name: str, text: str) -> bool:
    """Tell `text` unless a notice of this name was told before. Returns whether it was told now.

    Several processes may try: the file is made by one of them only. Delete it to be told again.
    """
    folder = directory()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with (folder / f"{name}.json").open("x", encoding="utf-8") as out:
            json.dump({"name": name, "text": text}, out, ensure_ascii=False)
    except FileExistsError:
        return False
    log.error("notice %s: %s", name, text)
    return True
