"""docs/pictures/demo.svg, what `make demo` prints on a terminal: `python docs/site/recording.py [TRANSCRIPT]`.

Runs the demo on a terminal of its own and draws what it printed, or draws a transcript made before (`script -O`). Lines
that only say that something waits or runs are left out, and how many is said; the password of that run is masked, and
the folder it ran in is called ~/telco-mlops.
"""

from __future__ import annotations

import io
import os
import pty
import re
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PICTURE: Final = ROOT / "docs" / "pictures" / "demo.svg"
COLUMNS: Final = 112
WAITING: Final = re.compile(r": (?:queued|running|scheduled|restarting|up_for_reschedule)$")
# Rich's own form loads a font from elsewhere; this one has what a machine has, and loads nothing.
FORM: Final = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">
<title>make demo on a terminal</title>
<style>
.{unique_id}-matrix {{ font: {char_height}px ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
  line-height: {line_height}px }}
.{unique_id}-title {{ font: 14px system-ui, sans-serif }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal"><rect width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">{matrix}</g>
</g>
</svg>
"""


def record(*command: str) -> str:
    """Everything a command prints on a terminal of COLUMNS, while it prints it here too. A failure stops."""
    import fcntl
    import struct
    import termios

    kept: list[bytes] = []

    def read(terminal: int) -> bytes:
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
        kept.append(os.read(terminal, 65536))
        return kept[-1]

    os.environ["COLUMNS"] = str(COLUMNS)
    if code := os.waitstatus_to_exitcode(pty.spawn(command, read)):
        raise SystemExit(f"{' '.join(command)} ended with {code}: nothing drawn")
    return b"".join(kept).decode()


def told(transcript: str) -> list[str]:
    """The lines from the demo's first to its last; waiting left out, the password masked."""
    lines = transcript.replace("\r\n", "\n").split("\n")
    first = next((number for number, line in enumerate(lines) if "1/5 " in line), None)
    if first is None:
        raise SystemExit("this is no transcript of the demo: no line has 1/5")
    last = max(number for number, line in enumerate(lines) if "everything" in line)
    (folder,) = re.findall(r"everything\s+│ (\S+)/var", _plain(lines[last]))
    kept = [re.sub(r"(password, shown once: )[\w-]+", r"\1********", line).replace(folder, "~/telco-mlops")
            for line in lines[first:last + 1]]
    shown = [line for line in kept if not WAITING.search(_plain(line))]
    return ["$ make demo", *shown, f"({len(kept) - len(shown)} lines of waiting not shown)"]


def _plain(line: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", line).rstrip()


def drawn(lines: list[str]) -> str:
    """The lines on a dark terminal, as SVG."""
    from rich.console import Console
    from rich.terminal_theme import DIMMED_MONOKAI
    from rich.text import Text

    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    for line in lines:
        console.print(Text.from_ansi(line), soft_wrap=True)
    return console.export_svg(title="make demo", code_format=FORM, theme=DIMMED_MONOKAI, unique_id="demo")


if __name__ == "__main__":
    said = Path(sys.argv[1]).read_text(encoding="utf-8") if sys.argv[1:] else record("make", "demo")
    PICTURE.write_text(drawn(told(said)), encoding="utf-8")
