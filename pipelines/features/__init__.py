"""Features through Feast: register the definitions, read training and scoring frames, keep the online store forward."""

from pipelines.features.forgetting import forget
from pipelines.features.frames import (
    alike,
    feature_columns,
    partition_digests,
    scoring_frame,
    scoring_table,
    training_frame,
)
from pipelines.features.online import lookup, materialize, push_scores
from pipelines.features.skew import prove_equal
from pipelines.features.store import apply

__all__ = [
    "alike", "apply", "feature_columns", "forget", "lookup", "materialize", "partition_digests", "prove_equal",
    "push_scores", "scoring_frame", "scoring_table", "training_frame",
]
