"""A published probability taken apart: bias and contributions, their sum, calibration, the score of that night."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from pipelines.bundle import Bundle, calibrate
from pipelines.errors import IntegrityError
from pipelines.explain.published import Reason, published
from pipelines.reasons.phrases import PHRASES
from pipelines.scoring.table import DIGITS, probability_column

if TYPE_CHECKING:
    import numpy as np

RELATIVE = 1e-9  # beyond the digits that are published: nothing but the last bits of an exp()


@dataclass(frozen=True)
class Theme:
    """What the features of one theme add to the log-odds together, by feature, strongest first."""

    theme: str
    log_odds: float
    features: Mapping[str, float]


@dataclass(frozen=True)
class Probability:
    """`bias` + the themes' log_odds = `log_odds`; `calibrator` of it = `probability`; to DIGITS that is `published`.

    Themes are sorted by weight. `rank` 1 of `scored` is the likeliest, `decile` 1 the tenth likeliest.
    """

    model: str
    version: int
    in_force_from: date
    bundle_sha256: str
    feature_service: str
    bias: float
    themes: tuple[Theme, ...]
    log_odds: float
    calibrator: Mapping[str, Any]
    probability: float
    published: float
    decile: int
    rank: int
    scored: int
    expires_at: datetime
    reasons: tuple[Reason, ...]


def probability(model: str, subscriber_id: str, as_of: date, features: Mapping[str, Any]) -> Probability:
    """Take the score of the champion in force apart. `features`: this subscriber's values by name.

    The contributions are those the night's reasons were ranked by, compared with XGBoost's own for this row. Raises
    Unscored without a score, Held when the comparisons fail, IntegrityError when the bundle gives another probability
    than was published.
    """
    measure = probability_column(model)
    night = published(model, subscriber_id, as_of, measure)
    bias, contributed, log_odds = _contributions(night.bundle, features)
    value = float(calibrate(log_odds, night.bundle.calibrator)[0])
    told = float(night.row[measure])
    if not abs(value - told) <= 0.5 * 10 ** -DIGITS + RELATIVE * told:
        raise IntegrityError(
            f"{night.path}: {subscriber_id} is published with {told:.{DIGITS}f}, but {model} v{night.champion.version} "
            f"gives {value:.9f} on the published features of {as_of}; do not use this night. Restore features and "
            "scores from one backup, or ask who changed them: both have the sha256 of their manifest"
        )
    return Probability(
        model, night.champion.version, night.champion.from_as_of, night.bundle.sha256, night.bundle.feature_service,
        bias, _themes(contributed), float(log_odds[0]), night.bundle.calibrator, value, told, int(night.row["decile"]),
        night.rank, night.scored, night.row["expires_at"], night.reasons,
    )


def _contributions(bundle: Bundle, features: Mapping[str, Any]) -> tuple[float, dict[str, float], np.ndarray]:
    """Bias, contribution by column and log-odds (1,), after both proofs a night passes."""
    import pandas as pd

    from pipelines.reasons.contributions import check_sum, contributions, prove

    encoded, tables = bundle.encode(pd.DataFrame([features])), bundle.tables()
    bias = prove(tables, encoded, bundle.own_contributions(encoded))
    contributed, log_odds = contributions(tables, encoded), bundle.log_odds(encoded)
    check_sum(contributed, bias, log_odds)
    return bias, dict(zip(bundle.columns, contributed[0].astype("float64").tolist(), strict=True)), log_odds


def _themes(contributed: Mapping[str, float]) -> tuple[Theme, ...]:
    grouped: dict[str, dict[str, float]] = {}
    for name, weight in contributed.items():
        grouped.setdefault(PHRASES[name].theme, {})[name] = weight
    themes = [
        Theme(theme, sum(parts.values()), dict(sorted(parts.items(), key=lambda part: -abs(part[1]))))
        for theme, parts in grouped.items()
    ]
    return tuple(sorted(themes, key=lambda theme: -abs(theme.log_odds)))
