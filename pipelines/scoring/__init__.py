"""Nightly scoring: everyone active exactly once with the champion in force, and the extract people work from."""

from pipelines.scoring.extract import extract
from pipelines.scoring.nightly import Scored, score
from pipelines.scoring.online import push
from pipelines.scoring.reading import Reading
from pipelines.scoring.standing import Standing, scored_by, standing

__all__ = ["Reading", "Scored", "Standing", "extract", "push", "score", "scored_by", "standing"]
