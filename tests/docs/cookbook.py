"""A page that is done as it is written: its files are made, its edits applied, its commands run, its output compared.

A page is its fenced blocks in order. `sh`: run by bash; a line that ends in `# exit 3` must end so, every other 0. A
block without a language after it is what the commands print: each of its lines, with numbers, tokens and spaces aside,
must be among what was printed, in that order (`...` stands for any lines). A block below a sentence that ends in *New
file `path`:*, *At the end of `path`:* or *In `path`, ...:* is that file, its end, or an edit of it (a diff without line
numbers: what it takes out must be there once). `python` and `sql` (DuckDB) elsewhere are run as `sh` is.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_PLACE = re.compile(r"(New file|[Aa]t the end of|[Ii]n) `([^`]+)`[^`]*:\s*$")
_EXIT = re.compile(r"\s+# exit (\d)\b.*$")


@dataclass(frozen=True)
class Block:
    """`place`: where the text goes (`New file`, `At the end of`, `In`), or nothing. `path`: which file."""

    language: str
    text: str
    place: str = ""
    path: str = ""


def blocks(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page; an edit of several parts has its sentence above the first."""
    text, last = page.read_text(encoding="utf-8"), Block("", "")
    end = 0
    for found in _BLOCK.finditer(text):
        between = text[end:found.start()].strip()
        place = _PLACE.search(between)
        if place:
            last = Block(found[1], found[2], place[1].capitalize(), place[2])
        elif not between and found[1] == last.language == "diff":
            last = Block(found[1], found[2], last.place, last.path)
        else:
            last = Block(found[1], found[2])
        end = found.end()
        yield last


def do(page: Path, folder: Path, *, home: Path, skip: Sequence[str] = ()) -> dict[str, str]:
    """Do a page in `folder` with `TELCO_HOME` as `home`. Returns what each block of commands printed, by its text.

    `skip`: beginnings of command lines that are not run here. AssertionError tells the block that went otherwise.
    """
    printed: dict[str, str] = {}
    said = ""
    for block in blocks(page):
        if block.place:
            put(block, folder)
        elif block.language in ("sh", "python", "sql"):
            said = printed[block.text] = run(block, folder, home, skip)
        elif block.language == "" and said:
            missing = not_printed(block.text, said)
            assert not missing, f"{page.name}: {missing!r} was not printed by the block before it, which said:\n{said}"
    return printed


def put(block: Block, folder: Path) -> None:
    """Write, lengthen or edit a file as a block says."""
    path = folder / block.path
    if block.place == "New file":
        assert not path.exists(), f"{block.path} is there already"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, encoding="utf-8")
    elif block.place == "At the end of":
        path.write_text(path.read_text(encoding="utf-8") + block.text, encoding="utf-8")
    else:
        assert block.language == "diff", f"an edit of {block.path} is a diff"
        old, new = (_side(block.text, sign) for sign in "-+")
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{block.path} holds these lines {text.count(old)} times, not once:\n{old}"
        path.write_text(text.replace(old, new), encoding="utf-8")


def _side(diff: str, sign: str) -> str:
    return "".join(f"{line[1:]}\n" for line in diff.splitlines() if line[:1] in (" ", sign))


def run(block: Block, folder: Path, home: Path, skip: Sequence[str] = ()) -> str:
    """What a block prints, stdout and stderr as they come."""
    text = block.text
    if block.language == "sh":
        words = ["bash", "-aeuo", "pipefail", "-c", _script(text, skip, home.parent / f"shell-{home.name}")]
    elif block.language == "python":
        words = [sys.executable, "-c", text]
    else:
        words = [sys.executable, "-c", f"import duckdb\nfor one in duckdb.extract_statements({text!r}):\n"
                                       "    found = duckdb.sql(one.query)\n    found and found.show(max_width=200)"]
    done = subprocess.run(words, cwd=folder, env=environment(folder, home), text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, f"{text}\nended {done.returncode}:\n{done.stdout}"
    return done.stdout


def _script(text: str, skip: Sequence[str], shell: Path) -> str:
    """The lines of a block, `# exit N` held to; variables, functions and folder are as the block before left them."""
    lines = [f"test ! -f {shell} || source {shell}",
             f"trap '{{ export -p | grep -v \"^declare -[a-z]*r\"; declare -f; echo cd $PWD; }} > {shell}' EXIT"]
    for line in text.splitlines():
        wanted = _EXIT.search(line)
        if any(line.startswith(word) for word in skip):
            continue
        if wanted:
            command = line[:wanted.start()]
            lines.append(f"code=0; {command} || code=$?; if [ $code != {wanted[1]} ]; then "
                         f"echo {shlex.quote(command)} ended $code; exit 99; fi")
        else:
            lines.append(line)
    return "\n".join(lines)


def environment(folder: Path, home: Path) -> dict[str, str]:
    """A shell of somebody who has activated the environment: nothing of the caller's settings but PATH."""
    tools = home.parent / f"bin-{home.name}"
    if not tools.exists():
        tools.mkdir(parents=True)
        for name, module in (("telco", "from pipelines.cli import main; main()"),
                             ("pytest", "import sys, pytest; sys.exit(pytest.console_main())")):
            shim = tools / name
            shim.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{module}" "$@"\n')
            shim.chmod(0o755)
        # `-o`: this interpreter's environment stands in for the one that `make setup` would build beside a copy.
        for name, command in (("python", sys.executable), ("make", f"/usr/bin/env -S make -o {sys.prefix}/.ready "
                                                                   f"VENV={sys.prefix}")):
            (tools / name).write_text(f'#!/bin/sh\nPATH=${{PATH#*:}}\nexec {command} "$@"\n')
            (tools / name).chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TELCO_", "MLFLOW_", "DBT_"))}
    code = folder if (folder / "pipelines").exists() else ROOT
    return {**kept, "TELCO_HOME": str(home), "PYTHONPATH": str(code), "COLUMNS": "200", "DO_NOT_TRACK": "true",
            "PATH": f"{tools}:{Path(sys.executable).parent}:{kept['PATH']}"}


def not_printed(expected: str, printed: str) -> str:
    """The first line of what a page shows that was not printed after the one before it; nothing if all were."""
    lines = iter([masked(line) for line in printed.splitlines()])
    for line in expected.splitlines():
        wanted = masked(line)
        if wanted.strip(" .") and not any(wanted in one for one in lines):
            return line
    return ""


def masked(line: str) -> str:
    """A line without what another house, day or machine prints otherwise: numbers, tokens, paths, tables' rules."""
    line = re.sub(r"\bsub_[0-9a-f.]+", "sub_#", line)
    line = re.sub(r"\b[0-9a-f]{12,}\b|(?<=-)[0-9a-f]{8}\b", "#", line)
    line = re.sub(r"(/[\w.=#-]+)+/", "/", line)
    line = re.sub(r"[-+]?\d[\d,.:]*%?", "#", line)
    return " ".join(re.sub(r"[│┃|━─╇┼+╪]|-{2,}", " ", line).split())
