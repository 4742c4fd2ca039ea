"""Buttons on a task that open what it made: pages the plugin telco_reports shows to whoever is signed in."""

from __future__ import annotations

from typing import Any

import attrs
from airflow.sdk import BaseOperatorLink

PREFIX = "/telco"


@attrs.define(frozen=True)
class Page(BaseOperatorLink):
    """A link whose path holds the night: `{as_of}`. Worked out where the task ran, whatever its end."""

    title: str
    path: str

    @property
    def name(self) -> str:
        return self.title

    @property
    def xcom_key(self) -> str:
        return f"_link_{self.title.replace(' ', '_')}"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        from airflow.sdk.configuration import conf

        key = getattr(ti_key.get_template_context()["dag_run"], "partition_key", None)
        base = conf.get("api", "base_url", fallback="").rstrip("/")
        return f"{base}{PREFIX}/{self.path.format(as_of=key)}" if key else ""


LANDED = Page("what the door checked", "reports/landing/{as_of}/index.html")


def drift_of(model: str) -> Page:
    return Page("drift report", f"reports/drift/{model}/as_of={{as_of}}/report.html")


def card_of(model: str) -> Page:
    return Page("model card", f"cards/{model}/{{as_of}}")


def linked(made: Any, *pages: Page) -> Any:
    """The same task with its buttons."""
    made.operator.operator_extra_links = pages
    return made
