"""Why a score is what it is, in words a retention analyst reads."""

from pipelines.reasons.top import top_reasons
from pipelines.reasons.value import value_reasons

__all__ = ["top_reasons", "value_reasons"]
