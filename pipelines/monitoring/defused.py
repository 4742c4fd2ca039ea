"""Evidently's page with what the data says made text: a plan named `</script><script>...` would run in it."""

from __future__ import annotations

import re
from pathlib import Path

from pipelines.errors import TelcoError

# The two lines of the page that hold data, as JSON (evidently/legacy/utils/dashboard.py, 0.7.23).
_DATA = re.compile(r"^    var \w+ = \{.*\};$", re.MULTILINE)


def defuse(page: Path) -> None:
    """Write every `<` of the page's data as JSON's own escape: a browser then never sees a tag in it.

    Raises TelcoError, and removes the page, when it has no such lines: Evidently then writes another form than ours.
    """
    text = page.read_text(encoding="utf-8")
    safe, found = _DATA.subn(lambda line: line.group().replace("<", "\\u003c"), text)
    if found != 2:
        page.unlink()
        raise TelcoError(f"{page.name}: Evidently's page has {found} lines of data, not 2; its names may run in a "
                         "browser. See pipelines/monitoring/defused.py")
    page.write_text(safe, encoding="utf-8")
