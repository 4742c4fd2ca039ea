"""Exact tree SHAP looked up: what each pattern of answers to a few splits contributes, computed once per model.

The values are those of TreeSHAP with path-dependent feature perturbation (Lundberg et al., "From local explanations to
global understanding with explainable AI for trees", Nature Machine Intelligence 2, 2020), which is what XGBoost's
`pred_contribs` returns. Tabulating them per leaf for every pattern of met conditions is Fast TreeSHAP v2 (Yang, "Fast
TreeSHAP: accelerating SHAP value computation for trees", arXiv 2109.09847, 2021). Here leaves that hang together share
one table, so that a row costs a lookup per feature of a *block* of leaves and not of each leaf.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from pipelines.errors import Held
from pipelines.reasons.trees import LEAF, Tree

if TYPE_CHECKING:
    import numpy as np

# A block asks at most so many splits, unless one path alone is longer. Of 6 to 10, measured on trees of depth 3 to 6,
# 7 has the smallest tables among the fastest: a tree of depth 3 is one block, a block of depth 6 takes 3.5 KB.
BLOCK_BITS = 7
MAX_PATH = 16              # answers are kept in 16 bits
MAX_ENTRIES = 128_000_000  # of all tables together: 512 MB of float32

Path = tuple[tuple[int, bool], ...]  # from the root: each node, and whether the path leaves it to the left


class Tables(NamedTuple):
    """A forest as flat arrays for the kernel. Spans are `starts[i]:starts[i + 1]`.

    Splits of tree t: `split_*[split_starts[t]:...]`. Its blocks: `block_starts[t]:...`. A block asks the splits
    `asked[asked_starts[b]:...]` (positions within the tree) and the answers, first one lowest, make a number. Its
    features are `features[feature_starts[b]:...]`; that number is the place in each feature's row of `values`, the rows
    lying one after the other from `value_starts[b]`.
    """

    split_starts: np.ndarray         # int64 (trees + 1,)
    split_feature: np.ndarray        # int32 (splits,)
    split_threshold: np.ndarray      # float32 (splits,)
    split_default_left: np.ndarray   # bool (splits,)
    block_starts: np.ndarray         # int64 (trees + 1,)
    asked_starts: np.ndarray         # int64 (blocks + 1,)
    asked: np.ndarray                # int32
    feature_starts: np.ndarray       # int64 (blocks + 1,)
    features: np.ndarray             # int32
    value_starts: np.ndarray         # int64 (blocks + 1,)
    values: np.ndarray               # float32, log-odds


@dataclass(frozen=True)
class Block:
    """Leaves below one node. `splits` are the nodes asked: the path from the root, then those between the leaves."""

    splits: tuple[int, ...]
    leaves: tuple[tuple[int, Path], ...]  # each leaf with its whole path from the root


def tables_of(trees: Sequence[Tree]) -> Tables:
    """The tables of a forest. Raises Held when its paths are too long for them, before any memory is taken."""
    forest = [list(blocks_of(tree)) for tree in trees]
    _check_size([(block, tree) for tree, blocks in zip(trees, forest, strict=True) for block in blocks])
    splits = [_splits(tree) for tree in trees]
    asked, features, values = [], [], []
    for tree, places, blocks in zip(trees, splits, forest, strict=True):
        place = {node: position for position, node in enumerate(places)}
        for block in blocks:
            asked.append([place[node] for node in block.splits])
            features.append(_features(tree, block))
            values.append(_values(tree, block, features[-1]).ravel())
    return Tables(
        split_starts=_starts(splits),
        split_feature=_joined([tree.feature[at] for tree, at in zip(trees, splits, strict=True)], "int32"),
        split_threshold=_joined([tree.threshold[at] for tree, at in zip(trees, splits, strict=True)], "float32"),
        split_default_left=_joined([tree.default_left[at] for tree, at in zip(trees, splits, strict=True)], "bool"),
        block_starts=_starts(forest),
        asked_starts=_starts(asked), asked=_joined(asked, "int32"),
        feature_starts=_starts(features), features=_joined(features, "int32"),
        value_starts=_starts(values), values=_joined(values, "float32"),
    )


def blocks_of(tree: Tree, bits: int = BLOCK_BITS) -> Iterator[Block]:
    """The leaves of a tree in blocks as large as `bits` splits allow; a tree without a split has none.

    Sibling leaves stay together however long their path is: apart they would ask the same splits twice.
    """
    below = _splits_below(tree)
    waiting: list[tuple[int, Path]] = [(0, ())] if below[0] else []
    while waiting:
        node, path = waiting.pop()
        if below[node] <= 1 or len(path) + below[node] <= bits:
            leaves, between = _below(tree, node, path)
            yield Block((*(one for one, _ in path), *between), tuple(leaves))
        else:
            waiting += _both_ways(tree, node, path)


def _below(tree: Tree, top: int, path: Path) -> tuple[list[tuple[int, Path]], list[int]]:
    """The leaves below a node with their whole paths, and the splits between."""
    leaves, between, waiting = [], [], [(top, path)]
    while waiting:
        node, steps = waiting.pop()
        if tree.left[node] == LEAF:
            leaves.append((node, steps))
        else:
            between.append(node)
            waiting += _both_ways(tree, node, steps)
    return leaves, between


def _both_ways(tree: Tree, node: int, path: Path) -> list[tuple[int, Path]]:
    return [(int(tree.left[node]), (*path, (node, True))), (int(tree.right[node]), (*path, (node, False)))]


def _splits(tree: Tree) -> list[int]:
    """The splits that can be reached, root first: a pruned tree keeps nodes that cannot."""
    return _below(tree, 0, ())[1]


def _splits_below(tree: Tree) -> list[int]:
    """How many splits lie at or below each node."""
    counts = [0] * len(tree.left)
    for node in reversed(_splits(tree)):  # a split is listed before those below it
        counts[node] = 1 + counts[tree.left[node]] + counts[tree.right[node]]
    return counts


def _features(tree: Tree, block: Block) -> list[int]:
    return sorted({int(tree.feature[node]) for node in block.splits})


def _values(tree: Tree, block: Block, features: Sequence[int]) -> np.ndarray:
    """Contributions (features, 2^splits) of a block, float64: the sum over its leaves, each a game of its own."""
    import numpy as np

    answers = np.arange(2 ** len(block.splits))
    goes_left = {node: (answers >> position) & 1 == 1 for position, node in enumerate(block.splits)}
    values = np.zeros((len(features), len(answers)))
    for leaf, path in block.leaves:
        on_path = sorted({int(tree.feature[node]) for node, _ in path})
        met = np.ones((len(on_path), len(answers)), dtype=bool)
        share = np.ones(len(on_path))
        for node, left in path:
            player = on_path.index(int(tree.feature[node]))
            met[player] &= goes_left[node] == left
            share[player] *= tree.cover[tree.left[node] if left else tree.right[node]] / tree.cover[node]
        values[[features.index(name) for name in on_path]] += tree.value[leaf] * shapley(share, met)
    return values


def shapley(share: np.ndarray, met: np.ndarray) -> np.ndarray:
    """Shapley values (players, patterns) of the game a leaf of value 1 plays, for every pattern of `met`.

    A player is a feature of the leaf's path. In the coalition it leads to the leaf when `met` (players, patterns) says
    so, all conditions on it together; outside it with the `share` (players,) of the training rows that took those
    turns. So v(S) = prod of met in S x prod of share outside S, and by the multilinear extension (Owen, "Multilinear
    extensions of games", Management Science 18, 1972)

        phi_i = (met_i - share_i) x integral over t in [0, 1] of prod_{j != i} (t met_j + (1 - t) share_j)

    The integrand is a polynomial of degree players - 1, for which Gauss-Legendre's rule with half as many points is
    exact, and no term of it is negative, so nothing cancels.
    """
    import numpy as np

    players = len(share)
    roots, weights = np.polynomial.legendre.leggauss((players + 1) // 2)
    at, weights = (roots + 1) / 2, weights / 2
    factors = met[None] * at[:, None, None] + ((1 - at)[:, None] * share)[:, :, None]
    before, after = np.ones_like(factors), np.ones_like(factors)
    np.cumprod(factors[:, :-1], axis=1, out=before[:, 1:])
    after[:, :-1] = np.cumprod(factors[:, :0:-1], axis=1)[:, ::-1]
    integral = np.einsum("q,qij->ij", weights, before * after)
    return np.asarray((met - share[:, None]) * integral)


def _check_size(blocks: Sequence[tuple[Block, Tree]]) -> None:
    longest = max((len(block.splits) for block, _ in blocks), default=0)
    entries = sum(2 ** min(len(block.splits), 64) * len(_features(tree, block)) for block, tree in blocks)
    reasons = []
    if longest > MAX_PATH:
        reasons.append(f"a path of {longest} splits; the tables hold at most {MAX_PATH}")
    if entries > MAX_ENTRIES:
        reasons.append(f"the tables would have {entries:,} entries, more than {MAX_ENTRIES:,}")
    if reasons:
        raise Held("exact reasons", reasons, "train shallower trees (max_depth 8 and less fit), or fewer of them")


def _starts(lists: Sequence[Sequence[object] | np.ndarray]) -> np.ndarray:
    import numpy as np

    return np.cumsum([0, *map(len, lists)], dtype="int64")


def _joined(parts: Sequence[Sequence[int] | np.ndarray], dtype: str) -> np.ndarray:
    import numpy as np

    return np.concatenate([np.asarray(part, dtype=dtype) for part in parts] or [np.empty(0, dtype=dtype)])
