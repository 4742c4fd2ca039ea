"""The reasons of benchmarks/floor.py in words, and the tables that are published: SQL made of the phrases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from floor_models import Model, themes

from pipelines.reasons.phrases import LEVERS, PHRASES, Phrase


def classifier_table(connection: Any, model: Model, stamped: str) -> str:
    """Creates <model>_scores from `people` and the relation <model>_found, row beside row."""
    kinds = dict(connection.execute("select column_name, data_type from duckdb_columns() where table_name = 'features'")
                 .fetchall())
    names = themes(model.columns)
    levers = [place for place, theme in enumerate(names) if LEVERS[theme] is not None]
    told = []
    for rank in (1, 2, 3):
        said = " ".join(f"when {place} then {_said(name, PHRASES[name], kinds[name])}"
                        for place, name in enumerate(model.columns))
        told += [
            f"case sign_{rank} when 1 then 'raises the risk: ' when -1 then 'lowers the risk: ' end"
            f" || case speaker_{rank} {said} end as reason_{rank}",
            f"{_text(names)}[theme_{rank} + 1] as reason_{rank}_theme",
            f"sign_{rank} = 1 and theme_{rank} in ({', '.join(map(str, levers))}) as reason_{rank}_actionable",
        ]
    return f"""
        create temp table {model.name}_scores as
        select subscriber_id, {stamped}, '{model.name}' as model, {model.version} as model_version,
               probability as {model.name}_probability, decile, {', '.join(told)}
        from people positional join {model.name}_found
    """


def _said(name: str, phrase: Phrase, kind: str) -> str:
    """The words of one feature's value."""
    if phrase.denied is not None:
        words = f"if({name}, {_quoted(phrase.said)}, {_quoted(phrase.denied)})"
        return f"if({name} is null, {_quoted(phrase.unknown)}, {words})"
    before, after = phrase.said.split("{value}")
    value = f"replace({name}, '_', ' ')" if kind == "VARCHAR" else (
        f"cast({name} as varchar)" if "INT" in kind and not phrase.digits else
        f"format('{{:.{phrase.digits}f}}', cast({name} as double))")
    return f"coalesce({_quoted(before)} || {value} || {_quoted(after)}, {_quoted(phrase.unknown)})"


def _quoted(words: str) -> str:
    return "'" + words.replace("'", "''") + "'"


def _text(words: list[str]) -> str:
    return f"[{', '.join(map(_quoted, words))}]"


def value_table(connection: Any, model: Model, values: Mapping[str, npt.NDArray[Any]], stamped: str) -> str:
    """Creates ltv_scores from those of `people` with a margin, their churn scores, and the values, row beside row."""
    margin, stay = values["margin"][:, 0], values["stay"][:, -1]
    middle_margin, middle_stay = float(np.median(margin)), float(np.median(stay))
    connection.register("ltv_found", pa.table({
        **{name: values[name] for name in ("value", "low", "high")}, "margin": margin, "stay": stay,
        "survival_by_month": _lists(values["stay"]), "margin_eur_by_month": _lists(values["margin"]),
        "margin_first": np.abs(margin - middle_margin) / max(abs(middle_margin), 0.01)
        >= np.abs(stay - middle_stay) / max(abs(middle_stay), 0.01),
    }))
    months = values["stay"].shape[1]
    side = "case when {0} = {1!r} then 'at' when {0} > {1!r} then 'above' else 'below' end"
    of_margin = (f"'margin of ' || format('{{:.2f}}', margin) || ' EUR a month, ' || "
                 f"{side.format('margin', middle_margin)} || ' the median {middle_margin:.2f}'")
    of_stay = (f"format('{{:.0f}}', 100 * stay) || '% likely to be here in {months} months, ' || "
               f"{side.format('stay', middle_stay)} || ' the median {middle_stay:.0%}'")
    return f"""
        create temp table ltv_scores as
        select subscriber_id, {stamped}, 'ltv' as model, {model.version} as model_version, value as ltv_eur_12m,
               low as ltv_low_eur_12m, high as ltv_high_eur_12m, margin as margin_eur_month, stay as survival_12m,
               survival_by_month, margin_eur_by_month,
               if(margin_first, {of_margin}, {of_stay}) as reason_1,
               if(margin_first, {of_stay}, {of_margin}) as reason_2,
               'stay: ' || coalesce(churn_reason, 'nothing stands out') as reason_3
        from (
            select people.subscriber_id, churn_scores.reason_1 as churn_reason
            from people positional join churn_scores
            where people.margin_eur_30d is not null
        ) positional join ltv_found
    """


def _lists(values: npt.NDArray[np.float64]) -> pa.Array:
    rows, months = values.shape
    return pa.ListArray.from_arrays(np.arange(0, (rows + 1) * months, months, dtype="int32"), np.ravel(values))
