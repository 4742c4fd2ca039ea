"""What a user would otherwise write, beside ours: the same result from the same published files, turn about.

    python benchmarks/peers.py --home /data/bench --subscribers 20000
    python benchmarks/peers.py --home /data/bench --subscribers 20000 --cases join,explain --turns 1

The home is made as for night.py, and taken up again. Cases, each side of each turn a process of its own that pays its
imports:

- join: features of everyone with a label at six cut-offs, by pandas `merge_asof` of each mart; ours:
  features.training_frame.
- feast: the same by Feast's default offline store (Dask); ours again.
- score: probabilities of everyone active, by an MLflow pyfunc of the same booster on a frame that pandas reads and
  merges; ours: the scoring frame and the verified bundle.
- explain: contributions of every feature for everyone, by XGBoost's own TreeSHAP; ours: the tables.
- drift: Evidently's preset on all rows against all rows of the first cut-off; ours: telco monitor.

Peers read the partitions they need and no others. The results of both sides must agree (drift has no common result).
Medians of wall and CPU seconds, the largest memory of the process tree, ours to the peer's; one Markdown table. A
peer that is not done in --patience seconds is stopped and told so.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from costs import Cost, OutOfPatience, median, watched  # noqa: E402
from house import START, machine  # noqa: E402
from night import ready  # noqa: E402

VIEWS = ("ftr_subscriber_billing", "ftr_subscriber_network", "ftr_subscriber_care")
CUTOFFS, DAYS = 6, 225
CASES = {  # case: the peer's name, the peer's step, our step
    "join": ("pandas merge_asof", "pandas_join", "our_join"),
    "feast": ("Feast's default offline store", "feast_join", "our_join"),
    "score": ("pandas and an MLflow pyfunc", "pyfunc_score", "our_score"),
    "explain": ("XGBoost's pred_contribs", "xgboost_explain", "our_explain"),
    "drift": ("Evidently on all rows", "evidently_drift", "our_drift"),
}
AGREE = 1e-4  # of a sum over all rows: contributions are float32 and added in another order
Summary = dict[str, float]


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True, help="folder of the homes")
    parser.add_argument("--subscribers", type=int, default=5000, help="of the home (default: 5000)")
    parser.add_argument("--cases", default=",".join(CASES), help=f"default: {','.join(CASES)}")
    parser.add_argument("--turns", type=int, default=3, help="of each side (default: 3)")
    parser.add_argument("--patience", type=float, default=900, help="seconds a peer may take (default: 900)")
    parser.add_argument("--step", nargs=2, metavar=("NAME", "PLACE"), help=argparse.SUPPRESS)
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> int:
    options = arguments(words)
    home = options.home / f"{options.subscribers}x{DAYS}"
    if options.step:
        print(json.dumps(STEPS[options.step[0]](home, Path(options.step[1]))))
        return 0
    ready(home, options.subscribers, DAYS, 1)
    lines = [f"\n{options.subscribers:,} subscribers x {DAYS} days, {options.turns} turns; {machine()}\n",
             "| result | peer: wall s (CPU s) | peak MB | ours: wall s (CPU s) | peak MB | ours / peer (CPU) |",
             "|---|---:|---:|---:|---:|---:|"]
    with tempfile.TemporaryDirectory() as place:
        for case in options.cases.split(","):
            lines.append(measured(case, home, Path(place), options))
            print(lines[-1], file=sys.stderr, flush=True)
    print("\n".join(lines))
    return 0


def measured(case: str, home: Path, place: Path, options: argparse.Namespace) -> str:
    """Both sides turn about; a line of the table."""
    name, *steps = CASES[case]
    sides: tuple[list[Cost], list[Cost]] = ([], [])
    if case == "score":
        STEPS["save"](home, place)
    for _ in range(options.turns):
        for side, step in zip(sides, steps, strict=True):
            words = ["--home", str(options.home), "--subscribers", str(options.subscribers), "--step", step, str(place)]
            try:
                side.append(watched([str(Path(__file__)), *words], home, step, options.patience))
            except OutOfPatience:
                return f"| {case}: {name} | not done in {options.patience:.0f} | | | | |"
        agree(case, *(json.loads(side[-1].said.splitlines()[-1]) for side in sides))
    theirs, ours = map(median, sides)
    return (f"| {case}: {name} | {theirs.wall_s:.1f} ({theirs.cpu_s:.1f}) | {theirs.peak_mb:.0f} | {ours.wall_s:.1f} "
            f"({ours.cpu_s:.1f}) | {ours.peak_mb:.0f} | {ours.wall_s / theirs.wall_s:.2f} "
            f"({ours.cpu_s / theirs.cpu_s:.2f}) |")


def agree(case: str, theirs: Summary, ours: Summary) -> None:
    """Both sides made the same. Raises SystemExit naming what differs."""
    apart = [f"{name}: {theirs.get(name)} and {value}" for name, value in ours.items()
             if not math.isclose(value, theirs.get(name, math.nan), rel_tol=AGREE, abs_tol=AGREE)]
    if apart:
        raise SystemExit(f"{case}: not the same result: {'; '.join(apart[:5])}")


def summary(frame: Any) -> Summary:
    """Rows, and of every column that is a number or a flag the values there are and their sum."""
    found: Summary = {"rows": float(len(frame))}
    for name, column in frame.items():
        if column.dtype != object and "datetime" not in str(column.dtype):
            values = column.astype("float64")
            found |= {f"{name} known": float(values.notna().sum()), f"{name} sum": float(values.sum())}
    return found


def night() -> date:
    return START + timedelta(days=DAYS)


def cutoffs(home: Path) -> list[str]:
    """The newest six cut-offs that have labels and features."""
    labelled = {path.name for path in (home / "labels/lbl_churn_30d").glob("as_of=*")}
    return sorted(name for name in labelled if (home / "features" / VIEWS[0] / name).exists())[-CUTOFFS:]


def labels(home: Path) -> Any:
    import pandas as pd

    paths = [home / "labels/lbl_churn_30d" / name / "data.parquet" for name in cutoffs(home)]
    wanted = ["subscriber_id", "event_timestamp", "is_churned"]
    return pd.concat([pd.read_parquet(path, columns=wanted, partitioning=None) for path in paths], ignore_index=True)


def marts(home: Path, view: str, names: list[str]) -> Any:
    import pandas as pd

    return pd.concat([pd.read_parquet(home / "features" / view / name / "data.parquet", partitioning=None)
                      for name in names], ignore_index=True)


def pandas_join(home: Path, place: Path) -> Summary:
    import pandas as pd

    frame = labels(home).sort_values("event_timestamp", kind="stable")
    for view in VIEWS:
        mart = marts(home, view, cutoffs(home)).drop(columns="created_at").sort_values("event_timestamp", kind="stable")
        frame = pd.merge_asof(frame, mart, on="event_timestamp", by="subscriber_id", tolerance=pd.Timedelta(days=1))
    return flagged(frame)


def flagged(frame: Any) -> Summary:
    """The summary after flags that have gone through an outer join are flags again."""
    for name, column in frame.items():
        if column.dtype == object and column.dropna().map(type).eq(bool).all():
            frame[name] = column.astype("float64")
    return summary(frame)


def feast_join(home: Path, place: Path) -> Summary:
    """Feast as its quickstart sets it up: a local repository, one file source per mart, the default offline store."""
    from feast import Entity, FeatureStore, FeatureView, FileSource, RepoConfig, ValueType

    with tempfile.TemporaryDirectory() as own:
        folder, views = Path(own), []
        entity = Entity(name="subscriber", join_keys=["subscriber_id"], value_type=ValueType.STRING)
        for view in VIEWS:
            marts(home, view, cutoffs(home)).to_parquet(folder / f"{view}.parquet")
            source = FileSource(path=str(folder / f"{view}.parquet"), timestamp_field="event_timestamp",
                                created_timestamp_column="created_at")
            views.append(FeatureView(name=view, entities=[entity], ttl=timedelta(days=1), source=source))
        store = FeatureStore(config=RepoConfig(project="peer", provider="local", registry=str(folder / "registry.db"),
                                               entity_key_serialization_version=3))
        store.apply([entity, *views])
        rows = labels(home)
        rows["event_timestamp"] = rows["event_timestamp"].dt.tz_localize("UTC")
        wanted = [f"{view.name}:{one.name}" for view in views for one in view.features]
        return flagged(store.get_historical_features(entity_df=rows, features=wanted).to_df())


def our_join(home: Path, place: Path) -> Summary:
    from pipelines import features

    return flagged(features.training_frame("churn_v2", labels(home)))


def booster(home: Path) -> tuple[Any, Mapping[str, Any]]:
    import xgboost

    folder = sorted((home / "models/churn").glob("v*"))[-1]
    model = xgboost.Booster()
    model.load_model(folder / "model.ubj")
    return model, json.loads((folder / "bundle.json").read_text())


def encoded(home: Path, facts: Mapping[str, Any]) -> Any:
    """Everyone active: the three marts merged, categories as codes, numbers as float32; a DataFrame."""
    import pandas as pd

    frame = marts(home, VIEWS[0], [f"as_of={night()}"])
    for view in VIEWS[1:]:
        frame = frame.merge(marts(home, view, [f"as_of={night()}"]).drop(columns=["event_timestamp", "created_at"]),
                            on="subscriber_id", validate="one_to_one")
    for name, values in facts["categories"].items():
        codes = pd.Series(pd.Categorical(frame[name], categories=values).codes, dtype="float64")
        frame[name] = codes.where(codes >= 0)
    return frame.sort_values("subscriber_id")[facts["columns"]].astype("float32")


def save(home: Path, place: Path) -> Summary:
    import mlflow

    model, _ = booster(home)
    mlflow.xgboost.save_model(model, str(place / "pyfunc"), pip_requirements=[], model_format="ubj")
    return {}


def pyfunc_score(home: Path, place: Path) -> Summary:
    import mlflow
    from floor_models import calibrated

    _, facts = booster(home)
    probability = mlflow.pyfunc.load_model(str(place / "pyfunc")).predict(encoded(home, facts))
    import numpy as np

    odds = np.log(probability.astype("float64") / (1 - probability.astype("float64")))
    return {"rows": float(len(odds)), "probability": float(calibrated(odds, facts["calibrator"]).sum())}


def our_score(home: Path, place: Path) -> Summary:
    from pipelines import bundle, features

    found = bundle.load(sorted((home / "models/churn").glob("v*"))[-1])
    probability = found.predict(features.scoring_frame(found.feature_service, night()))
    return {"rows": float(len(probability)), "probability": float(probability.sum())}


def xgboost_explain(home: Path, place: Path) -> Summary:
    import xgboost

    model, facts = booster(home)
    return contributed(model.predict(xgboost.DMatrix(encoded(home, facts)), pred_contribs=True)[:, :-1], facts)


def our_explain(home: Path, place: Path) -> Summary:
    from pipelines.reasons.contributions import contributions, tables

    model, facts = booster(home)
    return contributed(contributions(tables(model), encoded(home, facts).to_numpy()), facts)


def contributed(values: Any, facts: Mapping[str, Any]) -> Summary:
    import numpy as np

    sums = np.abs(values).sum(axis=0, dtype="float64")
    return {"rows": float(len(values)), **{name: float(one) for name, one in zip(facts["columns"], sums, strict=True)}}


def evidently_drift(home: Path, place: Path) -> Summary:
    from evidently import Dataset, Report
    from evidently.presets import DataDriftPreset

    _, facts = booster(home)

    def everybody(name: str) -> Any:
        frame = marts(home, VIEWS[0], [name])
        for view in VIEWS[1:]:
            frame = frame.merge(marts(home, view, [name]), on="subscriber_id", suffixes=("", "_again"))
        return frame[facts["columns"]].dropna(axis=1, how="all")

    before, now = everybody(cutoffs(home)[0]), everybody(f"as_of={night()}")
    common = [name for name in before if name in now]
    run = Report([DataDriftPreset()]).run(Dataset.from_pandas(now[common]), Dataset.from_pandas(before[common]))
    run.save_html(str(place / "drift.html"))
    return {}


def our_drift(home: Path, place: Path) -> Summary:
    from pipelines import monitoring

    monitoring.monitor("churn", night())
    return {}


STEPS: dict[str, Callable[[Path, Path], Summary]] = {step.__name__: step for step in (
    pandas_join, feast_join, our_join, save, pyfunc_score, our_score, xgboost_explain, our_explain, evidently_drift,
    our_drift)}

if __name__ == "__main__":
    sys.exit(main())
