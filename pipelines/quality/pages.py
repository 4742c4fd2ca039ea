"""The pages of the checks as HTML: one file each, no script, nothing loaded from elsewhere, every value escaped.

Great Expectations' own site needs five style sheets and nine scripts from other hosts and is bare without them; its
sentences are here (see `engine.bound_of`), its pages are not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from html import escape
from typing import Any

Json = Mapping[str, Any]

_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title><style>
:root {{ color-scheme: light dark }} body {{ font: 15px/1.45 system-ui, sans-serif; color: #1d2430; background: #fff;
  max-width: 76rem; margin: 2rem auto; padding: 0 1rem; overflow-wrap: break-word }}
h1 {{ font-size: 1.5rem; margin-bottom: .2rem }} p {{ max-width: 52rem }} .note {{ color: #5a6475 }}
table {{ border-collapse: collapse; width: 100%; margin: .6rem 0 1rem }}
th, td {{ text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid #e3e7ee }}
th {{ color: #5a6475; font-weight: 600; font-size: .85rem; white-space: nowrap }}
td.n {{ text-align: right; font-variant-numeric: tabular-nums }} td.b {{ color: #5a6475; font-size: .88rem }}
summary {{ cursor: pointer; font-weight: 600; padding: .5rem 0 }} details {{ border-top: 2px solid #e3e7ee }}
.tag {{ display: inline-block; padding: 0 .5rem; border-radius: .7rem; font-size: .82rem; white-space: nowrap }}
.passed {{ background: #e2f4e6; color: #14532d }} .stops {{ background: #fde0e0; color: #7f1d1d }}
.waits {{ background: #ffe9cf; color: #7c3a06 }} .warned {{ background: #fff6c9; color: #5f4b00 }}
.crashed {{ background: #e9dcfb; color: #4c1d95 }} a {{ color: #1d4ed8 }}
@media (max-width: 55rem) {{ table {{ display: block; overflow-x: auto }} }}
@media (prefers-color-scheme: dark) {{ body {{ color: #e7eaf0; background: #10141b }} a {{ color: #8fb4ff }}
  .note, th, td.b {{ color: #a2adbf }} th, td, details {{ border-color: #2b3340 }} }}
</style></head><body>
"""
_END = "</body></html>\n"

# state and severity of a check -> (class, word)
_TAGS = {
    "reject": ("stops", "stops the file"), "quarantine": ("waits", "rows wait"), "warn": ("warned", "warned"),
}
_ORDER = ("crashed", "stops", "waits", "warned", "passed")
_SCOPES = {"drop": "the whole drop", "rows": "its rows"}


def night(as_of: date, feeds: Sequence[Json]) -> str:
    """The page of one night: an index of its feeds, then every feed with every check; what failed comes first."""
    dts = sorted({str(feed["dt"]) for feed in feeds})
    rows = "".join(_index_row(feed) for feed in feeds)
    return "".join([
        _HEAD.format(title=f"Landing checks, night of {as_of}"),
        f"<h1>Landing checks, night of {as_of}</h1>",
        f'<p class="note">Drops of {escape(", ".join(dts))}. <a href="../index.html">All nights</a></p>',
        "<p>Every drop is read and checked before a row of it enters the house. A check that fails stops the whole "
        "file, lets its rows wait in quarantine, or only warns; a check that crashed says nothing, so the drop is "
        "held. Values of texts and identifiers are not shown here: <code>telco quarantine show</code> has them.</p>",
        "<table><tr><th>feed</th><th>what became of it</th><th>rows checked</th><th>crashed</th><th>stop the file</th>"
        f"<th>let rows wait</th><th>warn</th><th>passed</th></tr>{rows}</table>",
        *(_section(feed) for feed in feeds),
        _END,
    ])


def nights(known: Mapping[str, Mapping[str, int]]) -> str:
    """The list of nights, newest first."""
    names = ("feeds", "crashed", "stops", "waits", "warned")
    rows = "".join(
        f'<tr><td><a href="{escape(as_of)}/index.html">{escape(as_of)}</a></td>'
        + "".join(f'<td class="n">{int(known[as_of].get(name, 0))}</td>' for name in names) + "</tr>"
        for as_of in sorted(known, reverse=True)
    )
    return "".join([
        _HEAD.format(title="Landing checks"), "<h1>Landing checks</h1>",
        "<p>One line per night: its feeds, and how many of their checks crashed, stopped a file, let rows wait, "
        "warned.</p><table><tr><th>night</th><th>feeds</th><th>crashed</th><th>stop the file</th><th>let rows wait</th>"
        f"<th>warn</th></tr>{rows}</table>", _END,
    ])


def counts(feeds: Iterable[Json]) -> dict[str, int]:
    """Checks of a night by what became of them, and its feeds."""
    found = dict.fromkeys(("feeds", *_ORDER), 0)
    for feed in feeds:
        found["feeds"] += 1
        for check in feed["checks"]:
            found[_kind(check)] += 1
        found["waits"] += len(feed["form"])
    return found


def _kind(check: Json) -> str:
    if check["state"] == "failed":
        return _TAGS[check["severity"]][0]
    return str(check["state"])


def _index_row(feed: Json) -> str:
    found = counts([feed])
    shown = {kind: _tag(kind, str(found[kind])) if found[kind] and kind != "passed" else str(found[kind])
             for kind in _ORDER}
    numbers = "".join(f'<td class="n">{shown[kind]}</td>' for kind in _ORDER)
    name = escape(str(feed["feed"]))
    return (f'<tr><td><a href="#{name}">{name}</a></td><td>{escape(feed["verdict"]) or "checked"}</td>'
            f'<td class="n">{feed["rows"]:,}</td>{numbers}</tr>')


def _section(feed: Json) -> str:
    found = counts([feed])
    worst = next((kind for kind in _ORDER if found[kind]), "passed")
    checks = sorted(feed["checks"], key=lambda check: (_ORDER.index(_kind(check)), check["scope"]))
    rows = "".join(_form_row(reason, bad, feed["rows"]) for reason, bad in feed["form"])
    rows += "".join(_check_row(check, feed["rows"]) for check in checks)
    name = escape(str(feed["feed"]))
    return (
        f'<details id="{name}"{"" if worst == "passed" else " open"}><summary>{name} '
        f'{_tag(worst, "all passed" if worst == "passed" else _word(worst))}</summary>'
        f'<p class="note">{escape(feed["verdict"])}</p>'
        "<table><tr><th>result</th><th>looks at</th><th>what it says when it fails</th><th>must hold</th>"
        f"<th>found</th></tr>{rows}</table></details>"
    )


def _check_row(check: Json, rows: int) -> str:
    kind = _kind(check)
    return (
        f"<tr><td>{_tag(kind, _word(kind))}</td><td>{_SCOPES[check['scope']]}</td><td>{escape(check['reason'])}</td>"
        f'<td class="b">{escape(check["bound"])}</td><td>{escape(_found(check, rows))}</td></tr>'
    )


def _form_row(reason: str, bad: int, rows: int) -> str:
    return (f"<tr><td>{_tag('waits', _word('waits'))}</td><td>written form</td><td>{escape(reason)}</td>"
            f'<td class="b">the contract\'s</td><td>{_rows(bad)}</td></tr>')


def _found(check: Json, rows: int) -> str:
    if check["state"] == "crashed":
        return "nothing is known"
    if check["state"] == "passed":
        return "" if check["scope"] == "drop" else "no row"
    said = [check["observed"]] if check["observed"] else []
    if check["bad"]:
        share = f" of {rows:,} ({check['bad'] / rows:.2%})" if rows else ""
        said.append(_rows(check["bad"]) + share)
    if check["low"] is not None:
        low, high = f"{check['low']:g}", f"{check['high']:g}"
        said.append(f"about {low}" if low == high else f"about {low} to {high}")
    return "; ".join(said)


def _rows(count: int) -> str:
    return f"{count:,} row" + ("" if count == 1 else "s")


def _word(kind: str) -> str:
    return dict(_TAGS.values()).get(kind, kind)


def _tag(kind: str, text: str) -> str:
    return f'<span class="tag {kind}">{escape(text)}</span>'
