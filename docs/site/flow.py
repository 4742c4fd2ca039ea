"""docs/pictures/flow.svg, the flow drawn from the DAGs as Airflow parses them: `python docs/site/flow.py`.

A solid arrow is an asset: a task of one DAG changes it, and the next DAG is scheduled on it. Both ends are read from
the DAGs, so no arrow is drawn that is not there. Where a box stands, its second line, and the dotted arrows (what one
DAG leaves in the home for another to read) are written here; a DAG without a place stops the drawing.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any, Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parents[2]
PICTURE: Final = ROOT / "docs" / "pictures" / "flow.svg"


class Spot(NamedTuple):
    """Where a box stands on the grid, and what it says below its name."""

    column: int
    row: int
    says: str


DROPS: Final = "landing/"  # no DAG: what the operator's systems drop
SPOTS: Final = {
    DROPS: Spot(0, 0, "billing, network, care"),
    "land_sources": Spot(1, 0, "checks, tokens, quarantine"),
    "unify": Spot(2, 0, "dbt on DuckDB"),
    "materialize_features": Spot(3, 0, "Feast"),
    "score": Spot(3, 1, "scores, reasons, extract"),
    "monitor": Spot(2, 1, "Evidently, front page"),
    "retrain": Spot(1, 1, "XGBoost, gate, MLflow"),
    "retrain_tick": Spot(0, 1, ""),
    "promote": Spot(3, 2, "judges shadow nights"),
    "bootstrap_history": Spot(0, 2, "the first load"),
    "erase_subscribers": Spot(1, 2, "who asks to be forgotten"),
}
LEFT: Final = ((DROPS, "drops", "land_sources"), ("retrain", "challenger", "promote"),
               ("promote", "champion log", "score"))
WHEN: Final = {"0 0 * * *": "every night", "0 0 * * 1": "every Monday", "": ""}

WIDE, HIGH, ACROSS, DOWN, EDGE = 172, 62, 88, 54, 14
STYLE: Final = """
  svg { --ground: #ffffff; --ink: #1f2328; --soft: #59636e; --box: #f3f5fb; --line: #3f51b5; }
  @media (prefers-color-scheme: dark) {
    svg { --ground: #0d1117; --ink: #e6edf3; --soft: #9198a1; --box: #1b2233; --line: #8c9eff; }
  }
  .ground { fill: var(--ground) } .box { fill: var(--box); stroke: var(--line) } .loose { stroke-dasharray: 4 3 }
  .arrow { fill: none; stroke: var(--line); stroke-width: 1.5 } .head { fill: var(--line) }
  text { font: 12px system-ui, "Segoe UI", Helvetica, Arial, sans-serif; fill: var(--soft); text-anchor: middle }
  .name { font-weight: 600; font-size: 13px; fill: var(--ink) } .what { font-size: 11px } .down { text-anchor: end }
  .up { text-anchor: start }
"""


def drawn(dags: Mapping[str, Any], aliases: Mapping[str, str], models: Collection[str]) -> str:
    """The picture as SVG. `aliases`: the asset behind each alias that a task may change; `models` share one box.

    Raises KeyError for a DAG without a place and for an asset that starts a DAG and that nothing changes.
    """
    changed: dict[str, set[str]] = {}
    for dag_id, dag in dags.items():
        for outlet in (outlet for task in dag.tasks for outlet in task.outlets):
            changed.setdefault(aliases.get(outlet.name, outlet.name), set()).add(of(dag_id, models))
    arrows = {(maker, _starred(asset, models), of(dag_id, models))
              for dag_id, dag in dags.items() for asset in starts(dag) for maker in changed[asset]}
    boxes = {of(dag_id, models): dag for dag_id, dag in dags.items()}
    width, height = 2 * EDGE + 4 * WIDE + 3 * ACROSS, 2 * EDGE + 3 * HIGH + 2 * DOWN
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        f"<title>{escape(_said(arrows))}</title>", f"<style>{STYLE}</style>",
        '<marker id="to" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path class="head" d="M0 0 8 4 0 8z"/></marker>', '<rect class="ground" width="100%" height="100%" rx="6"/>',
        *(_arrow(*arrow, loose=False) for arrow in sorted(arrows)), *(_arrow(*arrow, loose=True) for arrow in LEFT),
        *(line for name in (DROPS, *sorted(boxes)) for line in _box(name, boxes.get(name), models)), "</svg>", ""])


def starts(dag: Any) -> list[str]:
    """The assets that a DAG is scheduled on."""
    condition = getattr(dag.timetable, "asset_condition", None)
    return [asset.name for asset in getattr(condition, "objects", [condition])] if condition is not None else []


def of(dag_id: str, models: Collection[str]) -> str:
    """The box a DAG is in: `retrain_churn` is in `retrain`."""
    return next((dag_id.removesuffix(f"_{model}") for model in models if dag_id.endswith(f"_{model}")), dag_id)


def _starred(asset: str, models: Collection[str]) -> str:
    return asset if of(asset, models) == asset else f"{of(asset, models)}_*"


def _said(arrows: Collection[tuple[str, str, str]]) -> str:
    return "; ".join(f"{maker} changes {asset}, which starts {started}" for maker, asset, started in sorted(arrows))


def _corner(name: str) -> tuple[int, int]:
    spot = SPOTS[name]
    return EDGE + spot.column * (WIDE + ACROSS), EDGE + spot.row * (HIGH + DOWN)


def _box(name: str, dag: Any, models: Collection[str]) -> Iterator[str]:
    x, y = _corner(name)
    family = bool(dag) and dag.dag_id != name
    when = "" if dag is None else WHEN[getattr(dag.timetable, "expression", "")]
    by_hand = dag is not None and not when and not starts(dag)
    lines = [f"{name}_*" if family else name, *filter(None, [", ".join(models) if family else "", SPOTS[name].says,
                                                             "by hand" if by_hand else when])]
    yield f'<rect class="box{"" if dag else " loose"}" x="{x}" y="{y}" width="{WIDE}" height="{HIGH}" rx="6"/>'
    top = y + HIGH / 2 - 8 * (len(lines) - 1) + 4
    for number, line in enumerate(lines):
        kind = ' class="name"' if not number else ""
        yield f'<text{kind} x="{x + WIDE // 2}" y="{top + 16 * number:g}">{escape(line)}</text>'


def _arrow(left: str, what: str, right: str, *, loose: bool) -> str:
    """From border to border: along a row, or up and down a column; otherwise around, below the row of the first."""
    (x, y), (to_x, to_y) = _corner(left), _corner(right)
    middle, half, side = HIGH // 2, WIDE // 2, ""
    if y == to_y:
        ends = (x + WIDE, to_x) if x < to_x else (x, to_x + WIDE)
        path, label = f"M{ends[0]} {y + middle}H{ends[1]}", (sum(ends) / 2, y + middle - 6)
    elif x == to_x:
        ends, aside = ((y + HIGH, to_y), -14) if y < to_y else ((y, to_y + HIGH), 14)
        path, label = f"M{x + half + aside} {ends[0]}V{ends[1]}", (x + half + 1.5 * aside, sum(ends) / 2 + 4)
        side = "down" if aside < 0 else "up"
    else:
        turn = to_y - DOWN // 2
        path = f"M{x + half} {y + HIGH}V{turn}H{to_x - ACROSS // 2}V{to_y + middle}H{to_x}"
        label = ((x + half + to_x - ACROSS // 2) / 2, turn - 6)
    return (f'<path class="arrow{" loose" if loose else ""}" marker-end="url(#to)" d="{path}"/>'
            f'<text class="what {side}" x="{label[0]:g}" y="{label[1]:g}">{escape(what)}</text>')


def of_bag(dags: Mapping[str, Any]) -> str:
    """The picture of parsed DAGs; `dags/` is on the path by then."""
    from dagkit.assets import DRIFT, DRIFT_SIGNAL

    return drawn(dags, {alias.name: DRIFT[model].name for model, alias in DRIFT_SIGNAL.items()}, tuple(DRIFT))


def parsed() -> str:
    """The picture of the DAGs in dags/, read by Airflow in a folder that is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(AIRFLOW_HOME=folder, TELCO_HOME=folder, AIRFLOW__CORE__LOAD_EXAMPLES="False",
                          AIRFLOW__CORE__PLUGINS_FOLDER=str(ROOT / "plugins"))
        sys.path[:0] = [str(ROOT), str(ROOT / "plugins"), str(ROOT / "dags")]
        import airflow.plugins_manager
        import airflow.providers.standard.operators.hitl  # noqa: F401
        from airflow.dag_processing.dagbag import BundleDagBag

        bag = BundleDagBag(dag_folder=str(ROOT / "dags"), bundle_path=ROOT / "dags", bundle_name="dags")
        if bag.import_errors:
            raise SystemExit(f"Airflow could not read {bag.import_errors}")
        return of_bag(bag.dags)


if __name__ == "__main__":
    PICTURE.write_text(parsed(), encoding="utf-8")
