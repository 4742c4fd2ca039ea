"""What a recipe hands to registration: the model as numbers, and the rows and scores it may be judged on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from pipelines.gate import Evaluation
from pipelines.training.folds import Floats

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Candidate:
    """`judged` holds the test rows with keys, label and features; `predicted` (len(judged),) what the recipe said.

    The booster is None for a model made of several, whose boosters are in `files`. `facts` go into bundle.json as they
    are, `files` beside it.
    """

    evaluation: Evaluation
    categories: Mapping[str, list[str]]
    calibrator: Mapping[str, Any]
    judged: pd.DataFrame
    judged_cutoffs: tuple[date, ...]
    predicted: Floats
    booster: Any = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
