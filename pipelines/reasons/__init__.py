"""Why a score is what it is, in words a retention analyst reads."""

from pipelines.reasons.stability import Stability, stability
from pipelines.reasons.top import Reason, said, top_reasons
from pipelines.reasons.value import value_reasons

__all__ = ["Reason", "Stability", "said", "stability", "top_reasons", "value_reasons"]
