"""Why one subscriber has the score they have: raw facts, features, contributions, score, value; nothing scored anew."""

from pipelines.explain.probability import Probability
from pipelines.explain.subscriber import Explanation, explain
from pipelines.explain.value import Value

__all__ = ["Explanation", "Probability", "Value", "explain"]
