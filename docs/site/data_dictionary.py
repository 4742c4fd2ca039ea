"""Writes docs/reference/extract.md, the data dictionary, from the contract of the extract."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pipelines.scoring.dictionary import columns

PAGE: Final = Path(__file__).resolve().parents[1] / "reference" / "extract.md"
ABOUT: Final = """# The extract and the call list

How to open it and what to ask it: [tonight's list](../cookbooks/use_the_extract.md). Here is every column in words, as
`python docs/site/data_dictionary.py` writes them from the contract, `pipelines/scoring/dictionary.py`.

Every night that a champion scored leaves `extracts/as_of=DAY/scores.csv` and `scores.parquet`: one row for everyone
scored, sorted by `subscriber_id`. Nobody is in it who has not consented to it, or withdrew by anything that has
landed since.

A list to call from is made of it, likeliest first:

```sh
telco extract --as-of DAY --top 5000 --region north
telco extract --as-of DAY --top 200 --out FILE --format parquet
```

- It keeps out whoever is not to be contacted: a campaign contacted them in the last `contact.rest` days (30), or
  holds them out as its control group for `contact.hold_out` days (90). The nightly extract keeps these rows and says
  so in `do_not_contact`, so that a campaign can be measured. Both are in `[contact]` of estate.toml; who was drawn
  comes from the feed `governance.campaigns`. The policy knows subscriptions: two lines of one person are two.
- It is refused (exit 3) when its scores have expired by the newest day this home knows of, or by `--on DAY`;
  `--expired` takes it all the same, for a look back.
- Without `--out` it goes to `extracts/as_of=DAY/call_list.csv`, where an erasure reaches it. A file put elsewhere,
  or given away, is out of reach.
- Counts of fewer than twenty subscribers are told as such.

No raw feature is in it as a column. A reason says the one value it rests on; three of them are all a row tells of
its subscriber.
"""
FORMS: Final = """CSV: UTF-8, comma, header; missing is empty, yes and no in words, instants in UTC with `Z`. Parquet:
the same columns with types (`bool`, `int64`, `double`, `date32`, `timestamp[us]`). A text that a spreadsheet would run
as a formula begins with an apostrophe in both.
"""


def page() -> str:
    """The page as Markdown."""
    lines = [ABOUT, "| column | kind | call list | what it says |", "|---|---|---|---|"]
    for column in columns():
        lines.append(f"| `{column.name}` | {column.kind} | {'yes' if column.is_listed else ''} | {column.says} |")
    return "\n".join([*lines, "", FORMS])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
