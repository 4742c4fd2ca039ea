"""Why a score is what it is, in words a retention analyst reads."""

from pipelines.reasons.stability import Stability, stability
from pipelines.reasons.top import Choice, Reason, said, strongest, told, top_reasons
from pipelines.reasons.value import value_reasons

__all__ = [
    "Choice", "Reason", "Stability", "said", "stability", "strongest", "told", "top_reasons", "value_reasons",
]
