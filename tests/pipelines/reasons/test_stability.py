"""Two nights' reasons are compared by theme, for those scored on both."""

from __future__ import annotations

import pyarrow as pa
import pytest

from pipelines.reasons import stability

THEMES = ("first", "second", "third")


def night(**themes: tuple[str | None, str | None, str | None]) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(("subscriber_id", *THEMES), (who, *told), strict=True))
                                 for who, told in themes.items()])


def test_the_same_first_theme_and_the_overlap_of_three() -> None:
    before = night(a=("bill", "use", "plan"), b=("bill", "use", "plan"), c=("bill", "use", None), gone=("x", "y", "z"))
    after = night(new=("x", "y", "z"), c=("use", None, None), b=("use", "bill", "roaming"), a=("bill", "use", "plan"))
    found = stability(before, after, THEMES)
    assert found is not None
    assert found.subscribers == 3
    assert found.same_first == pytest.approx(1 / 3)
    assert found.overlap == pytest.approx((1 + 2 / 3 + 1 / 2) / 3)


def test_who_had_no_reason_and_has_none_is_told_the_same() -> None:
    nothing = (None, None, None)
    assert stability(night(a=nothing), night(a=nothing), THEMES) == stability(
        night(a=("x", "y", "z")), night(a=("x", "y", "z")), THEMES)
    changed = stability(night(a=nothing), night(a=("x", None, None)), THEMES)
    assert changed is not None
    assert (changed.same_first, changed.overlap) == (0.0, 0.0)


def test_nobody_scored_on_both_nights_is_no_figure() -> None:
    assert stability(night(a=("x", "y", "z")), night(b=("x", "y", "z")), THEMES) is None


def test_a_doubled_subscriber_is_an_error() -> None:
    with pytest.raises(ValueError, match="more than once"):
        stability(pa.concat_tables([night(a=("x", "y", "z"))] * 2), night(a=("x", "y", "z")), THEMES)
