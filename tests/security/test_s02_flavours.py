"""S02: an MLmodel file that names another flavour, another loader or a path elsewhere is refused before any load."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines import artifacts
from pipelines.errors import IntegrityError

OURS: dict[str, Any] = {
    "xgboost": {"code": None, "data": "model.ubj", "model_class": "xgboost.core.Booster", "model_format": "ubj",
                "xgb_version": "3.2.0"},
    "python_function": {"data": "model.ubj", "env": {"conda": "conda.yaml", "virtualenv": "python_env.yaml"},
                        "loader_module": "mlflow.xgboost", "python_version": "3.11.7"},
}


def put(flavor: str, name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda flavors: flavors.setdefault(flavor, {}).update({name: value})


CRAFTED = {
    "another flavour": put("sklearn", "pickled_model", "model.pkl"),
    "dspy": put("dspy", "model_path", "model"),
    "statsmodels": put("statsmodels", "data", "model.statsmodels"),
    "shap": put("shap", "serialized_explainer", "explainer.shap"),
    "another loader": put("python_function", "loader_module", "mlflow.pyfunc.model"),
    "a loader of theirs": put("python_function", "loader_module", "os"),
    "a pickled function": put("python_function", "python_model", "python_model.pkl"),
    "code beside it": put("python_function", "code", "code"),
    "code of the booster": put("xgboost", "code", "code"),
    "another class": put("xgboost", "model_class", "os.system"),
    "a class of sklearn": put("xgboost", "model_class", "xgboost.sklearn.XGBClassifier"),
    "another format": put("xgboost", "model_format", "pkl"),
    "a path up": put("xgboost", "data", "../../secret.ubj"),
    "a path up in the function": put("python_function", "data", "../model.ubj"),
    "an absolute path": put("xgboost", "data", "/etc/passwd"),
    "a backslash": put("xgboost", "data", "..\\model.ubj"),
    "an address": put("xgboost", "data", "file:model.ubj"),
    "an environment elsewhere": put("python_function", "env", {"conda": "../../conda.yaml"}),
    "nothing of ours": lambda flavors: flavors.pop("xgboost"),
    "no class": lambda flavors: flavors["xgboost"].pop("model_class"),
}


def written(folder: Path, flavors: Any) -> Path:
    path = folder / "MLmodel"
    path.write_text(yaml.safe_dump({"flavors": flavors}))
    return path


@pytest.mark.parametrize("kind", sorted(CRAFTED))
def test_S02_a_crafted_flavour_is_refused(tmp_path: Path, kind: str) -> None:
    flavors = copy.deepcopy(OURS)
    CRAFTED[kind](flavors)
    written(tmp_path, flavors)
    with pytest.raises(IntegrityError, match="MLmodel"):
        artifacts.check(tmp_path)


@pytest.mark.parametrize("text", [
    "", "flavors: xgboost", "flavors: [xgboost]", "[1, 2", "flavors: {xgboost: 1}", "a: b",
    "flavors: !!python/object/apply:os.system ['true']",
])
def test_S02_what_is_no_mlmodel_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "MLmodel").write_text(text)
    with pytest.raises(IntegrityError, match="MLmodel"):
        artifacts.check(tmp_path)


def test_S02_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.ubj").symlink_to("/etc/passwd")
    with pytest.raises(IntegrityError, match="neither a file nor a folder"):
        artifacts.check(tmp_path)


def test_S02_the_flavour_we_write_is_the_one_that_passes(home: Path, tmp_path: Path) -> None:
    """What MLflow itself writes for a booster of ours: a new version of it that writes something else shows here."""
    import numpy as np
    import xgboost
    from mlflow.xgboost import save_model

    values = np.random.default_rng(0).normal(size=(20, 2))
    matrix = xgboost.DMatrix(values, label=values[:, 0] > 0, feature_names=["a", "b"])
    booster = xgboost.train({"objective": "binary:logistic", "nthread": 1}, matrix, 2)
    save_model(booster, str(tmp_path / "model"), model_format="ubj", pip_requirements=["xgboost"])
    artifacts.check(tmp_path)
    written(tmp_path / "model", OURS)
    artifacts.check(tmp_path)
