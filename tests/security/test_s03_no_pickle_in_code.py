"""S03: nothing of ours writes or reads a pickle: calibrators and categories are numbers and words in JSON."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIBRARIES = {"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "shelve", "marshal", "skops"}
# What unpickles without the word: pandas, numpy, torch, and loaders of MLflow that run what they find.
CALLS = {"read_pickle", "to_pickle", "allow_pickle", "load_model", "load_pyfunc", "sklearn", "pyfunc"}
SERVED = {("bundle.py", "load_model")}  # XGBoost's own, on verified bytes


def files() -> list[Path]:
    found = [path for folder in ("pipelines", "expectations", "dags", "feature_repo")
             for path in sorted((ROOT / folder).rglob("*.py"))]
    assert len(found) > 100
    return found


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0]
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in {"__import__", "importlib.import_module"}:
            yield from (word.value for word in node.args if isinstance(word, ast.Constant))


def called(tree: ast.AST) -> Iterator[str]:
    """Attributes and keywords by which something is loaded; scikit-learn is imported, MLflow's flavour of it is not."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in CALLS:
            yield node.attr
        elif isinstance(node, ast.keyword) and node.arg in CALLS:
            yield node.arg


def test_S03_no_module_imports_what_reads_or_writes_pickles() -> None:
    guilty = [f"{path.relative_to(ROOT)}: {name}" for path in files()
              for name in imported(ast.parse(path.read_text(encoding="utf-8"))) if name in LIBRARIES]
    assert not guilty


def test_S03_no_module_unpickles_through_another_library() -> None:
    guilty = [f"{path.relative_to(ROOT)}: {name}" for path in files()
              for name in called(ast.parse(path.read_text(encoding="utf-8"))) if (path.name, name) not in SERVED]
    assert not guilty
    assert {name for path in files() if path.name == "bundle.py"
            for name in called(ast.parse(path.read_text(encoding="utf-8")))} == {"load_model"}


def test_S03_the_test_sees_what_it_forbids() -> None:
    tree = ast.parse("import pickle\nfrom joblib import load\n__import__('dill')\nnumpy.load(f, allow_pickle=True)\n"
                     "mlflow.pyfunc.load_model(u)\n")
    assert {"pickle", "joblib", "dill"} <= set(imported(tree))
    assert {"allow_pickle", "load_model", "pyfunc"} <= set(called(tree))
