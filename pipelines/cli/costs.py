"""What `telco status --cost` prints."""

from __future__ import annotations

from pipelines.cli import show


def tell(json: bool) -> None:
    """Stages of the last nights, what the home keeps of one, and both for a million subscribers."""
    from pipelines.cost import nights

    found = nights.costs()
    if json:
        show.as_json(found)
        return
    if not found.nights:
        print(found.note)
        return
    of = f"{len(found.nights)} nights" if len(found.nights) > 1 else "1 night"
    show.table(
        f"What a night costs: median of {of} to {found.nights[-1]}, {found.subscribers:,} subscribers",
        ["stage", "runs", "wall s", "CPU s", "peak MB", "read MB", "written MB", "rows", "queries", "modules"],
        [(one.name, one.runs, f"{one.wall_s:,.1f}", f"{one.cpu_s:,.1f}",
          f"{'< ' if one.peak_is_bound else ''}{one.peak_mb:,.0f}", f"{one.read_bytes / 1e6:,.1f}",
          f"{one.written_bytes / 1e6:,.1f}", one.rows_out or one.rows_in or None, one.queries or None, one.modules)
         for one in found.stages])
    show.table("\nKept", ["store", "what", "MB", "GB per million subscribers"],
               [(one.store, "of a night" if one.of_a_night else "standing", f"{one.bytes / 1e6:,.1f}",
                 f"{one.gb_per_million:,.2f}") for one in found.kept])
    show.table("\nA night for a million subscribers", ["what", "value"], [
        ("CPU seconds", f"{found.cpu_s_per_million:,.0f} ({found.cpu_s:,.1f} for {found.subscribers:,})"),
        ("GB kept of it", f"{found.gb_per_million:,.2f}"),
    ])
    if found.note:
        print(f"\n{found.note}")
