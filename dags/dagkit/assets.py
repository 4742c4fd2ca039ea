"""The assets that carry a night's date from DAG to DAG. Each nightly DAG has one that the next is scheduled on."""

from __future__ import annotations

from airflow.sdk import Asset, AssetAlias

from pipelines.models import SPECS

RAW_DAY = Asset(name="raw_day", uri="telco://raw_day")
MARTS = Asset(name="marts", uri="telco://marts")
FEATURES = Asset(name="features", uri="telco://features")
SCORES = Asset(name="scores", uri="telco://scores")

# One pair per model spec: either of them starts retrain_<model>.
DRIFT = {model: Asset(name=f"drift_{model}", uri=f"telco://drift_{model}") for model in SPECS}
DUE = {model: Asset(name=f"retrain_due_{model}", uri=f"telco://retrain_due_{model}") for model in SPECS}

# The watching task of a model succeeds every night, but its drift asset must change only when there is drift: an
# alias emits nothing until the task adds the asset to it. The event carries the partition key of the run.
DRIFT_SIGNAL = {model: AssetAlias(name=f"drift_signal_{model}") for model in SPECS}
