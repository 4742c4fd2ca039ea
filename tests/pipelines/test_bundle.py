"""The model bundle: nothing is parsed before its bytes were compared, and columns are matched by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from pipelines import bundle
from pipelines.errors import Held, IntegrityError, UsageError
from pipelines.publish import sha256
from pipelines.reasons.contributions import contributions

COLUMNS = ["price_eur", "contract_type", "has_voice"]
CATEGORIES = {"contract_type": ["monthly", "yearly"]}


def frame(rows: int = 300) -> pd.DataFrame:
    draw = np.random.default_rng(5)
    return pd.DataFrame({
        "price_eur": draw.normal(20, 5, rows), "contract_type": draw.choice(["monthly", "yearly"], rows),
        "has_voice": draw.random(rows) < 0.5,
    })


@pytest.fixture(scope="module")
def booster() -> Any:
    import xgboost

    data = frame()
    leaves = ((data["price_eur"] > 20) & (data["contract_type"] == "monthly")).to_numpy()
    matrix = bundle.dmatrix(bundle.encode(data, COLUMNS, CATEGORIES), COLUMNS, label=leaves)
    return xgboost.train({"objective": "binary:logistic", "max_depth": 2, "nthread": 1}, matrix, 10)


def facts(**changed: Any) -> dict[str, Any]:
    return {"model": "churn", "version": 1, "feature_service": "churn_v1", "columns": COLUMNS,
            "categories": CATEGORIES, "calibrator": {"kind": "platt", "a": 0.8, "b": 0.1}, **changed}


@pytest.fixture
def saved(tmp_path: Path, booster: Any) -> bundle.Bundle:
    return bundle.save(tmp_path / "v1", facts(), booster=booster, files={"card.json": b"{}"})


@pytest.mark.mlts("I2")
def test_a_bundle_read_back_predicts_what_the_booster_predicted(saved: bundle.Bundle, booster: Any) -> None:
    data = frame()
    margin = booster.predict(bundle.dmatrix(saved.encode(data), COLUMNS), output_margin=True)
    expected = 1 / (1 + np.exp(-(0.8 * margin.astype("float64") + 0.1)))
    assert np.allclose(bundle.load(saved.directory).predict(data), expected, atol=1e-12)
    assert np.ptp(expected) > 0.3


def test_another_order_of_columns_gives_the_same_predictions(saved: bundle.Bundle) -> None:
    data = frame()
    assert np.array_equal(saved.predict(data), saved.predict(data[["has_voice", "price_eur", "contract_type"]]))


def test_contributions_add_up_to_the_margin(saved: bundle.Bundle, booster: Any) -> None:
    data = frame()
    encoded = saved.encode(data)
    own = saved.own_contributions(encoded)
    exact = contributions(saved.tables(), encoded)
    assert np.allclose(own, booster.predict(bundle.dmatrix(encoded, COLUMNS), pred_contribs=True))
    assert np.allclose(exact, own[:, :-1], atol=1e-5)
    assert np.allclose(exact.sum(axis=1) + own[:, -1], saved.margin(data), atol=1e-4)


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def edited(data: bytes) -> bytes:
    return data[:-2] + b" " + data[-1:]


@pytest.mark.parametrize("damage", [cut, edited])
@pytest.mark.parametrize("name", ["model.ubj", "card.json", "bundle.json"])
def test_damaged_bytes_never_reach_xgboost(
    saved: bundle.Bundle, monkeypatch: pytest.MonkeyPatch, name: str, damage: Callable[[bytes], bytes]
) -> None:
    path = saved.directory / name
    before = path.read_bytes()
    path.write_bytes(damage(before))
    assert path.read_bytes() != before
    monkeypatch.setattr(bundle, "_parse", lambda data: pytest.fail("XGBoost was given unverified bytes"))
    with pytest.raises(IntegrityError, match=name.replace(".", r"\.")):
        bundle.load(saved.directory, expected=saved.sha256)


def test_a_missing_file_is_an_integrity_error(saved: bundle.Bundle) -> None:
    (saved.directory / "model.ubj").unlink()
    with pytest.raises(IntegrityError, match=r"model\.ubj: missing"):
        bundle.load(saved.directory)


def test_a_bundle_that_names_a_pickle_is_refused_even_with_the_right_digest(saved: bundle.Bundle) -> None:
    (saved.directory / "model.pkl").write_bytes(b"cos\nsystem\n")
    stated = json.loads((saved.directory / "bundle.json").read_text())
    stated["files"]["model.pkl"] = sha256(saved.directory / "model.pkl")
    (saved.directory / "bundle.json").write_text(json.dumps(stated))
    with pytest.raises(IntegrityError, match=r"names \['model.pkl'\]"):
        bundle.load(saved.directory)


def test_a_file_that_is_not_on_the_list_cannot_be_saved(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"may not hold \['model.pkl'\]"):
        bundle.save(tmp_path / "v1", facts(), files={"model.pkl": b""})
    assert not (tmp_path / "v1").exists()


def test_a_version_is_written_once(saved: bundle.Bundle, booster: Any) -> None:
    again = bundle.save(saved.directory, facts(), booster=booster, files={"card.json": b"{}"})
    assert again.sha256 == saved.sha256
    with pytest.raises(IntegrityError, match="already written with other bytes"):
        bundle.save(saved.directory, facts(cutoffs=["2026-01-05"]), booster=booster)
    assert bundle.load(saved.directory).sha256 == saved.sha256


def test_a_booster_with_other_columns_than_the_manifest_is_refused(tmp_path: Path, booster: Any) -> None:
    with pytest.raises(IntegrityError, match="the booster's columns"):
        bundle.save(tmp_path / "v1", facts(columns=COLUMNS[::-1]), booster=booster)


@pytest.mark.parametrize("calibrator", [
    {"kind": "platt", "a": -1.0, "b": 0.0}, {"kind": "platt", "a": 0.0, "b": 0.0}, {"kind": "guess"},
])
def test_a_calibrator_that_would_turn_the_ranking_round_is_refused(tmp_path: Path, calibrator: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError, match="calibrator"):
        bundle.save(tmp_path / "v1", facts(calibrator=calibrator))


def test_a_formula_has_no_booster_to_predict_with(tmp_path: Path) -> None:
    formula = bundle.save(tmp_path / "v1", facts(model="ltv"))
    assert formula.booster is None
    with pytest.raises(UsageError, match="is a formula"):
        formula.predict(frame())


def test_unseen_categories_and_missing_values_are_missing_and_flags_are_numbers() -> None:
    data = pd.DataFrame({
        "price_eur": [Decimal("1"), Decimal("2.5"), None], "contract_type": ["yearly", "weekly", None],
        "has_voice": pd.Series([True, False, None], dtype=object),
    })
    encoded = bundle.encode(data, COLUMNS, CATEGORIES)
    assert encoded.dtype == np.float32
    assert np.array_equal(encoded, [[1, 1, 1], [2.5, np.nan, 0], [np.nan, np.nan, np.nan]], equal_nan=True)


@pytest.mark.parametrize("kind", ["float64", "Float64", "object"])
def test_a_column_encodes_alike_whatever_reader_made_it(kind: str) -> None:
    values = pd.Series([1.0, 0.0, None], dtype="Float64").astype(kind)
    assert np.array_equal(bundle.encode(pd.DataFrame({"x": values}), ["x"], {}), [[1], [0], [np.nan]], equal_nan=True)


def test_arrow_and_pandas_encode_alike_and_hold_alike() -> None:
    data = pd.DataFrame({
        "price_eur": [1.1, None, 3e7 + 0.3], "months": pd.array([1, None, 2**40 + 1], dtype="Int64"),
        "contract_type": ["yearly", "weekly", None], "has_voice": pd.Series([True, False, None], dtype=object),
        "paid": [Decimal("1"), Decimal("2.5"), None], "count": [1, 2, 3],
    })
    columns = list(data.columns)
    assert np.array_equal(bundle.encode(pa.Table.from_pandas(data), columns, CATEGORIES),
                          bundle.encode(data, columns, CATEGORIES), equal_nan=True)
    for wrong, says in (({"x": ["12"]}, "no categories for it"), ({"x": [float("inf")]}, "infinite"),
                        ({"z": [1.0]}, r"columns \['x'\] are not in the frame")):
        with pytest.raises(Held, match=says):
            bundle.encode(pa.table(wrong), ["x"], {})


@pytest.mark.mlts("O5")
def test_text_without_categories_an_infinity_or_a_missing_column_is_held() -> None:
    with pytest.raises(Held, match="no categories for it"):
        bundle.encode(pd.DataFrame({"x": ["12"]}), ["x"], {})
    with pytest.raises(Held, match="infinite"):
        bundle.encode(pd.DataFrame({"x": [1.0, float("inf")]}), ["x"], {})
    with pytest.raises(Held, match=r"columns \['y'\] are not in the frame"):
        bundle.encode(pd.DataFrame({"x": [1.0]}), ["x", "y"], {})


def test_categories_are_learned_sorted_and_only_from_text() -> None:
    data = frame().assign(contract_type=["yearly", "monthly", None] * 100)
    assert bundle.learn_categories(data, COLUMNS) == {"contract_type": ["monthly", "yearly"]}
