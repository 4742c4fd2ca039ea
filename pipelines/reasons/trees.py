"""A booster's trees as flat arrays, and a refusal of every booster whose trees are not plain ones."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.errors import Held

if TYPE_CHECKING:
    import numpy as np

LEAF = -1


@dataclass(frozen=True)
class Tree:
    """One tree; every array has one entry per node, node 0 is the root, `left` of a leaf is LEAF.

    `threshold` is float32, as XGBoost compares: a row goes left when x < threshold, a missing x when `default_left`.
    `cover` is the hessian sum of the training rows that passed the node; `value` counts at leaves, in log-odds.
    """

    left: np.ndarray
    right: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    default_left: np.ndarray
    cover: np.ndarray
    value: np.ndarray


def trees_of(booster: Any) -> list[Tree]:
    """The trees of an XGBoost booster in their order, from its own JSON, whose floats read back to the bit.

    Raises Held for what the tables of `pipelines.reasons.tables` cannot explain: boosters other than gbtree, several
    outputs, categorical splits, a tree whose cover is not positive.
    """
    learner = json.loads(bytes(booster.save_raw(raw_format="json")))["learner"]
    _refuse([reason for reason in (_not_gbtree(learner), _not_one_output(learner)) if reason])
    parsed = learner["gradient_booster"]["model"]["trees"]
    _refuse([reason for number, tree in enumerate(parsed) for reason in _not_plain(number, tree)])
    return [_tree(tree) for tree in parsed]


def _tree(parsed: Mapping[str, Any]) -> Tree:
    import numpy as np

    return Tree(
        left=np.asarray(parsed["left_children"], dtype="int32"),
        right=np.asarray(parsed["right_children"], dtype="int32"),
        feature=np.asarray(parsed["split_indices"], dtype="int32"),
        threshold=np.asarray(parsed["split_conditions"], dtype="float32"),
        default_left=np.asarray(parsed["default_left"], dtype="bool"),
        cover=np.asarray(parsed["sum_hessian"], dtype="float64"),
        value=np.asarray(parsed["split_conditions"], dtype="float64"),  # of a leaf, XGBoost keeps its value here
    )


def _not_gbtree(learner: Mapping[str, Any]) -> str | None:
    name = learner["gradient_booster"]["name"]
    return None if name == "gbtree" else f"the booster is {name!r}, not 'gbtree'"


def _not_one_output(learner: Mapping[str, Any]) -> str | None:
    stated = learner["learner_model_param"]
    outputs = max(int(stated["num_class"]), int(stated["num_target"]))
    return None if outputs <= 1 else f"the booster has {outputs} outputs, not one"


def _not_plain(number: int, tree: Mapping[str, Any]) -> list[str]:
    reasons = []
    if int(tree["tree_param"]["size_leaf_vector"]) > 1:
        reasons.append(f"tree {number} has vectors in its leaves")
    if any(tree["split_type"]):
        reasons.append(f"tree {number} splits on categories, not on numbers")
    if not all(cover > 0 for cover in tree["sum_hessian"]):
        reasons.append(f"tree {number} has a node that no training row passed (cover {min(tree['sum_hessian'])})")
    return reasons


def _refuse(reasons: list[str]) -> None:
    if reasons:
        raise Held("exact reasons", reasons, "train with booster gbtree, one output and categories as integer codes")
