"""The model card: what a version is for, what it was made of, how it did and where it fails, and what the gate said."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

from pipelines.gate import Evaluation, Verdict
from pipelines.models.spec import ModelSpec

_STYLE: Final = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #1b1f24;
       background: #fff; }
h1 { margin-bottom: .2rem; } h2 { margin-top: 2.2rem; border-bottom: 1px solid #d5dae0; padding-bottom: .2rem; }
table { border-collapse: collapse; font-size: 13px; display: block; overflow-x: auto; }
th, td { padding: .25rem .7rem .25rem 0; text-align: left; border-bottom: 1px solid #e6e9ed; vertical-align: top; }
td { font-variant-numeric: tabular-nums; }
.pictures { display: flex; flex-wrap: wrap; gap: 1rem; }
.pictures svg { max-width: 100%; height: auto; background: #fff; }
@media (prefers-color-scheme: dark) { body { color: #e7eaf0; background: #10141b; }
  h2, th, td { border-color: #2b3340; } }
"""


def card(spec: ModelSpec, facts: Mapping[str, Any], evaluation: Evaluation, verdict: Verdict) -> str:
    """Markdown. Holds no clock time, so that the same training gives the same card."""
    lines = [
        f"# {spec.name} v{facts['version']}",
        "",
        f"Trained as of {facts['trained_as_of']} on {facts['rows']} rows ({facts['positives']} positives) of "
        f"{len(facts['cutoffs'])} cut-offs, {facts['cutoffs'][0]} to {facts['cutoffs'][-1]}. "
        f"Gate: **{'passed' if verdict.passed else 'refused'}**.",
        "",
        *(f"- {reason}" for reason in verdict.reasons),
        "",
        *_section("What it is for", [spec.intended_use, "", *(f"- {limit}" for limit in spec.limits)]),
        *_section("How it was judged", [
            *(f"- {note}" for note in evaluation.notes),
            "",
            *_table(("slice", "cut-offs", "rows", "positives"), (
                (name, _span(part["cutoffs"]), part["rows"], part["positives"])
                for name, part in evaluation.slices.items()
            )),
        ]),
        *_section("Figures", _figures(evaluation)),
        *_section("Tenths, from the lowest to the highest predicted", _tenths(evaluation)),
        *_section("Segments", _segments(spec, evaluation)),
        *_section("Campaigns", _campaigns(spec, facts)),
        *_section("Features", _features(facts)),
        *_section("Gate", _table(("check", "passed", "why"), (
            (check.name, "yes" if check.passed else "NO", check.sentence) for check in verdict.checks
        ))),
        *_section("Made of", [f"- {name}: {value}" for name, value in _made_of(spec, facts).items()]),
    ]
    return "\n".join(lines)


def page(spec: ModelSpec, markdown: str, evaluation: Evaluation) -> str:
    """The same card as one HTML file with its pictures inside; it loads nothing from anywhere."""
    from markdown_it import MarkdownIt

    from pipelines.training import pictures

    # Words of the data are in it (a plan, a region): none of them may become a link or fetch a picture.
    parser = MarkdownIt("commonmark", {"html": False}).enable("table").disable(["link", "image", "autolink"])
    body = parser.render(markdown)
    rows = evaluation.reliability
    drawn = [pictures.reliability(rows)] if rows else []
    if rows and all("captured" in row for row in rows):
        drawn += [pictures.gains(rows), pictures.lift(rows)]
    shown = f'<div class="pictures">{"".join(drawn)}</div>\n' if drawn else ""
    head, rest = body.split("<h2>", 1)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width">'
        f"""<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">"""
        f'<title>{html.escape(spec.name)} model card</title>'
        f"<style>{_STYLE}</style></head>\n<body>\n{head}{shown}<h2>{rest}</body></html>\n"
    )


def _section(title: str, lines: list[str]) -> list[str]:
    return [f"## {title}", "", *lines, ""] if any(lines) else []


def _figures(evaluation: Evaluation) -> list[str]:
    rivals = list(evaluation.baselines)
    interval = ("95 % interval",) if evaluation.intervals else ()
    return _table(("figure", "this version", *interval, *rivals), (
        (name, _number(value), *([_interval(evaluation.intervals.get(name))] if interval else []),
         *(_number(evaluation.baselines[rival].get(name)) for rival in rivals))
        for name, value in evaluation.metrics.items()
    ))


def _tenths(evaluation: Evaluation) -> list[str]:
    if not evaluation.reliability:
        return []
    has_captured = "captured" in evaluation.reliability[0]
    head = ("rows", "predicted", "observed", *(("captured from here up",) if has_captured else ()))
    return _table(head, (
        (f"{row['n']:.0f}", _number(row["predicted"]), _number(row["observed"]),
         *((_number(row["captured"]),) if has_captured else ()))
        for row in evaluation.reliability
    ))


def _segments(spec: ModelSpec, evaluation: Evaluation) -> list[str]:
    if not evaluation.segments:
        return []
    table = _table(("by", "value", "rows", "positives", "observed", "predicted", "AUC", "95 % interval"), (
        (part["slice"], part["value"], part["rows"], part["positives"], _number(part["observed"]),
         _number(part["predicted"]), _number(part["auc"]), _interval((part["auc_low"], part["auc_high"])))
        for part in evaluation.segments
    ))
    rows, positives = spec.split.min_segment_rows, spec.split.min_slice_positives
    return [*table, "", f"Values with fewer than {rows} rows or {positives} positives are left out."]


def _campaigns(spec: ModelSpec, facts: Mapping[str, Any]) -> list[str]:
    """Nothing where no campaign feed tells."""
    arms = facts.get("campaigns") or ()
    if not arms:
        return []
    left_out = ("left out of this training and of these figures" if spec.split.leave_out_contacted
                else "learned from like any other")
    table = _table(("judged rows", "rows", "share", "left", "observed", "95 % interval", "predicted", "ECE"), (
        (arm["arm"], arm["rows"], f"{arm['share']:.1%}", arm["positives"], _number(arm["observed"]),
         _interval((arm["observed_low"], arm["observed_high"])), _number(arm["predicted"]), _number(arm["ece"]))
        for arm in arms
    ))
    return [f"Rows whose subscriber a campaign contacted while the label was being decided are {left_out}. Contacted "
            "and held out were chosen by lot among the same people: compare those two.", "", *table]


def _features(facts: Mapping[str, Any]) -> list[str]:
    gains, idle, redundant = (facts.get(name) or () for name in ("gain_share", "idle", "redundant"))
    if not gains and not redundant:
        return []
    lines = ["What the trees gained by, of the first ten: "
             + ", ".join(f"{name} {share:.1%}" for name, share in list(dict(gains).items())[:10]) + "."]
    if idle:
        lines += ["", f"Worth nothing, no tree asks for them: {', '.join(idle)}."]
    if redundant:
        lines += ["", "Nearly a product or ratio of two others. What such a column has beyond them is judged as a "
                  "feature of its own: if that tells the label, it went on counting after the cut-off.", "",
                  *_table(("feature", "made of", "R2", "AUC alone", "AUC beyond"), (
                      (one["feature"], one["made_of"], f"{one['r2']:.5f}", _number(one["auc"]),
                       _number(one["auc_beyond"])) for one in redundant))]
    return lines


def _arrival(counted: Mapping[str, int]) -> str:
    return f"{counted['rows']} published feature rows of the cut-offs, {counted['late']} created after theirs"


def _made_of(spec: ModelSpec, facts: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "label": f"{spec.label}.{spec.label_column}, {spec.horizon_days} days, known {spec.grace_days} days later",
        "feature service": f"{spec.feature_service}, {len(facts['columns'])} columns",
        "train purpose": spec.train_purpose,
        "score purpose": spec.score_purpose,
        "seed": spec.seed,
        "parameters": dict(spec.parameters),
        "rounds": facts.get("rounds", "none: a formula"),
        "calibrator": f"{_calibrator(facts['calibrator'])} from {facts.get('calibrated_on', 'nothing')}",
        **({"calibrator chosen": facts["calibrated_by"]} if "calibrated_by" in facts else {}),
        **({f"lifetime value, {name}": told for name, told in _value(facts["ltv"]).items()} if "ltv" in facts else {}),
        **({"processing": _processing(facts["processing"])} if "processing" in facts else {}),
        **({"ledger digest": facts["ledger"]} if "ledger" in facts else {}),
        **({"arrival": _arrival(facts["arrival"])} if "arrival" in facts else {}),
        "frame digest": facts["frame_digest"],
        "spec digest": facts["spec_digest"],
    }


def _processing(told: Mapping[str, Any]) -> str:
    """By what right and where it was trained."""
    right = f"{told['purpose']} in {', '.join(told['regions'])} as known at {told['as_of']}, by {told['basis']}"
    if "known" not in told:
        return right
    return (f"{right}: of {told['known']} subscribers known, {told['no_consent']} without consent and {told['region']} "
            "of other regions were left out")


def _value(terms: Mapping[str, Any]) -> dict[str, Any]:
    """What a lifetime value settled on, without the numbers of its regressions, which bundle.json has."""
    weights = {"numbers", "categories", "weights", "trend_weights", "features"}
    return {
        name: {part: told for part, told in held.items() if part not in weights} if isinstance(held, Mapping) else held
        for name, held in terms.items()
    }


def _calibrator(calibrator: Mapping[str, Any]) -> str:
    if calibrator["kind"] == "isotonic":
        return f"isotonic, {len(calibrator['x'])} knots"
    return ", ".join(str(value) if name == "kind" else f"{name} = {value:.4f}" for name, value in calibrator.items())


def _table(head: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> list[str]:
    return [
        f"| {' | '.join(head)} |",
        f"|{'---|' * len(head)}",
        *(f"| {' | '.join(str(cell) for cell in row)} |" for row in rows),
    ]


def _number(value: float | None) -> str:
    """A figure; a dash where there is none, `unknown` where there should be one."""
    if value is None:
        return "-"
    return f"{value:.4f}" if math.isfinite(value) else "unknown"


def _interval(bounds: tuple[float, float] | None) -> str:
    if bounds is None:
        return "-"
    if not all(map(math.isfinite, bounds)):
        return "unknown"
    return f"{bounds[0]:.4f} to {bounds[1]:.4f}"


def _span(days: list[str]) -> str:
    return days[0] if len(days) == 1 else f"{len(days)}: {days[0]} to {days[-1]}"
