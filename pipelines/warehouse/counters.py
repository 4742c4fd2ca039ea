"""dbt_project/macros/pm_counters.sql, made from the landing contract: `python -m pipelines.warehouse.counters`.

A macro and not a seed: dbt loads seeds anew in every build, and a view over renamed columns costs nothing until read.
"""

from __future__ import annotations

from pipelines.landing.feeds.counters import MEASUREMENTS, VENDORS, Vendor
from pipelines.settings import PROJECT

PAGE = PROJECT / "dbt_project/macros/pm_counters.sql"
_HEAD = """{#-
    Made from pipelines/landing/feeds/counters.py by `python -m pipelines.warehouse.counters`; edit there.

    The columns of one vendor's period in canonical names and units: decimals, so that their sums are exact whatever
    the order of the rows. What is beyond fifteen digits was not measured, and an optional feed must not stop the
    night: it is NULL.
-#}
{% macro pm_period(vendor) -%}
    {%- set cell, start, minutes, measured = {
"""
_TAIL = """    }[vendor] -%}
    '{{ vendor }}' as vendor,
        counters."{{ cell }}" as cell_id,
        counters."{{ start }}" as period_start_at,
        {{ minutes }} as period_minutes,
    {%- for counter, factor, measurement in measured %}
        try_cast(counters."{{ counter }}" * {{ factor }} as decimal(18, 3)) as {{ measurement }}
        {{- "," if not loop.last }}
    {%- endfor %}
{%- endmacro %}
"""


def page() -> str:
    """The macro: for every vendor its cell, its period and its counters in the order of MEASUREMENTS."""
    return _HEAD + "".join(_vendor(vendor) for vendor in VENDORS) + _TAIL


def _vendor(vendor: Vendor) -> str:
    counters = {counter.measurement: counter for counter in vendor.counters}
    lines = [
        f"            ('{counters[name].name}', {counters[name].factor:g}, '{name}'),\n"
        for name in MEASUREMENTS
    ]
    head = f"        '{vendor.name}': ('{vendor.cell}', '{vendor.start}', {vendor.granularity_minutes}, [\n"
    return f"{head}{''.join(lines)}        ]),\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
