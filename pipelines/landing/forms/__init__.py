"""The three written forms of a drop, each read strictly and in parts: CSV, JSON lines, Parquet."""

from __future__ import annotations

from pipelines.landing.forms.csv_lines import csv_parts
from pipelines.landing.forms.json_lines import jsonl_parts
from pipelines.landing.forms.parquet import parquet_parts

__all__ = ["csv_parts", "jsonl_parts", "parquet_parts"]
