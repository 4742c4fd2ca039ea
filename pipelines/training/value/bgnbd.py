"""BG/NBD: how often somebody without a contract comes back, and whether they still will; the baseline for prepaid.

Fader, Hardie and Lee (2005), "Counting your customers the easy way: an alternative to the Pareto/NBD model", Marketing
Science 24(2). While alive a customer buys at a gamma(r, alpha) rate, and after each purchase leaves with a beta(a, b)
probability. A customer is (x, t_x, T): repeat purchases, the time of the last one, the time watched, in one unit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.errors import NotEnoughData
from pipelines.training.folds import Floats

FEW = 20  # customers who came back; below that the likelihood is flat
# Parameters stay within e^-5 and e^5: beyond, a mixture has all but collapsed to a point (top-ups on the day, every
# month), the likelihood is flat and the hypergeometric series loses its digits.
LOG_BOUND = 5.0


@dataclass(frozen=True)
class BgNbd:
    """The four parameters of a population."""

    r: float
    alpha: float
    a: float
    b: float

    def expected_purchases(self, x: Floats, t_x: Floats, watched: Floats, ahead: float) -> Floats:
        """Expected purchases in the next `ahead` units of time, shape (n,). Equation (10) of the paper."""
        from scipy.special import hyp2f1

        r, alpha, a, b = self.r, self.alpha, self.a, self.b
        gone = alpha + watched + ahead
        series = hyp2f1(r + x, b + x, a + b + x - 1, ahead / gone)
        bought = (a + b + x - 1) / (a - 1) * (1 - ((alpha + watched) / gone) ** (r + x) * series)
        return np.asarray(bought * self.alive(x, t_x, watched), dtype=np.float64)

    def alive(self, x: Floats, t_x: Floats, watched: Floats) -> Floats:
        """P(still a customer), shape (n,); certain for who never came back, as leaving follows a purchase."""
        late = ((self.alpha + watched) / (self.alpha + t_x)) ** (self.r + x)
        return np.asarray(1 / (1 + np.where(x > 0, self.a / (self.b + np.maximum(x, 1) - 1) * late, 0.0)))


def fit(x: Floats, t_x: Floats, watched: Floats) -> BgNbd:
    """Maximum likelihood over customers, arrays (n,). NotEnoughData when too few came back or it does not converge."""
    from scipy.optimize import minimize

    if int((x > 0).sum()) < FEW:
        raise NotEnoughData("BG/NBD", [f"{int((x > 0).sum())} of {len(x)} customers bought again, {FEW} are needed"])
    # Time in units of its mean keeps alpha of the order of one; it is the only parameter with a unit.
    unit = float(np.mean(watched))
    found = minimize(
        lambda log: -float(np.mean(log_likelihood(BgNbd(*np.exp(log)), x, t_x / unit, watched / unit))),
        np.zeros(4), method="L-BFGS-B", bounds=[(-LOG_BOUND, LOG_BOUND)] * 4, options={"ftol": 1e-14, "gtol": 1e-9},
    )
    r, alpha, a, b = (float(value) for value in np.exp(found.x))
    if not np.isfinite(found.fun):
        raise NotEnoughData("BG/NBD", [f"no maximum of the likelihood was found: {found.message}"])
    return BgNbd(r, alpha * unit, a, b)


def log_likelihood(model: BgNbd, x: Floats, t_x: Floats, watched: Floats) -> Floats:
    """Of each customer, shape (n,). Equation (6) in the form of Fader and Hardie's note 4, which does not underflow."""
    from scipy.special import gammaln

    r, alpha, a, b = model.r, model.alpha, model.a, model.b
    rate = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    leaving = gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x)
    alive = -(r + x) * np.log(alpha + watched)
    gone = np.where(x > 0, np.log(a) - np.log(b + np.maximum(x, 1) - 1) - (r + x) * np.log(alpha + t_x), -np.inf)
    return np.asarray(rate + leaving + np.logaddexp(alive, gone))
