"""Nightly scoring: everyone active exactly once with the champion in force, and the extract people work from."""

from pipelines.scoring.extract import extract
from pipelines.scoring.nightly import Scored, score
from pipelines.scoring.online import push

__all__ = ["Scored", "extract", "push", "score"]
