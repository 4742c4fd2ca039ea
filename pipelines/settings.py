"""Deployment settings: environment variables, read once here and nowhere else."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path


def _project() -> Path:
    """The checkout or, installed from a wheel, the folder of the environment with dags/, dbt_project/ and so on."""
    checkout = Path(__file__).resolve().parents[1]
    return checkout if (checkout / "dbt_project").is_dir() else Path(sys.prefix) / "share" / "telco-mlops"


PROJECT = _project()
IS_INSTALLED = not (PROJECT / "pipelines").is_dir()

# Nothing we run may phone home; set before any of the libraries is imported.
QUIET = {
    "DO_NOT_TRACK": "true",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # stdout is for what a command answers
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "GX_ANALYTICS_ENABLED": "false",
    "FEAST_USAGE": "False",
    "GIT_PYTHON_REFRESH": "quiet",
}
# A registry that is away is found out in seconds: MLflow's own defaults try eight times, over minutes.
PATIENCE = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_JITTER": "0",
    "MLFLOW_ARTIFACT_UPLOAD_DOWNLOAD_TIMEOUT": "120",
}


@dataclass(frozen=True)
class Settings:
    """Where state lives and which back ends serve it. `home` holds everything the system writes."""

    home: Path
    estate_file: Path
    mlflow_uri: str = field(repr=False)  # an address may hold a password
    memory_limit: str
    threads: int
    feast_registry: str = field(default="", repr=False)  # a database URL; empty: SQLite below the home
    feast_redis: str = field(default="", repr=False)     # host:port[,db=0]; empty: SQLite below the home
    regions: tuple[str, ...] = ()  # whose rows this deployment may process; empty: every region of the estate

    @property
    def duckdb(self) -> dict[str, str]:
        """What every connection of ours to DuckDB is opened with."""
        return {"memory_limit": self.memory_limit, "threads": str(self.threads)}

    @property
    def landing(self) -> Path:
        return self.home / "landing"

    @property
    def raw(self) -> Path:
        return self.home / "raw"

    @property
    def quarantine(self) -> Path:
        return self.home / "quarantine"

    @property
    def secrets(self) -> Path:
        return self.home / "secrets"

    @property
    def vault(self) -> Path:
        return self.home / "vault"

    @property
    def tombstones(self) -> Path:
        return self.home / "tombstones"

    @property
    def warehouse(self) -> Path:
        return self.home / "warehouse"

    @property
    def features(self) -> Path:
        return self.home / "features"

    @property
    def labels(self) -> Path:
        return self.home / "labels"

    @property
    def scores(self) -> Path:
        return self.home / "scores"

    @property
    def shadow(self) -> Path:
        """What challengers would have said: kept apart, so that it is never taken for scores."""
        return self.home / "shadow"

    @property
    def extracts(self) -> Path:
        return self.home / "extracts"

    @property
    def models(self) -> Path:
        return self.home / "models"

    @property
    def champions(self) -> Path:
        return self.home / "champions"

    @property
    def audit(self) -> Path:
        return self.home / "audit"

    @property
    def anchors(self) -> Path:
        return self.home / "anchors"

    @property
    def ledger(self) -> Path:
        return self.home / "ledger"

    @property
    def mlflow(self) -> Path:
        return self.home / "mlflow"

    @property
    def feast(self) -> Path:
        return self.home / "feast"

    @property
    def airflow(self) -> Path:
        return self.home / "airflow"

    @property
    def reports(self) -> Path:
        return self.home / "reports"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def truth(self) -> Path:
        """The simulator's truth. No module outside `pipelines/simulate` may read it; a test holds that."""
        return self.home / "truth"


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process. Tests that change the environment call `settings.cache_clear()`."""
    for name, value in {**QUIET, **PATIENCE}.items():
        os.environ.setdefault(name, value)
    # A checkout keeps its state beside it; an installed copy must not write into the environment.
    default_home = Path("~/.local/share/telco-mlops") if IS_INSTALLED else PROJECT / "var"
    home = Path(os.environ.get("TELCO_HOME") or default_home).expanduser().resolve()
    own_estate = home / "estate.toml"
    default_estate = own_estate if own_estate.exists() else PROJECT / "estate.toml"
    return Settings(
        home=home,
        estate_file=Path(os.environ.get("TELCO_ESTATE") or default_estate).expanduser().resolve(),
        mlflow_uri=os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{home}/mlflow/mlflow.db",
        memory_limit=os.environ.get("TELCO_MEMORY_LIMIT") or "4GB",
        threads=int(os.environ.get("TELCO_THREADS") or os.cpu_count() or 2),
        feast_registry=os.environ.get("TELCO_FEAST_REGISTRY", ""),
        feast_redis=os.environ.get("TELCO_FEAST_REDIS", ""),
        regions=tuple(filter(None, map(str.strip, os.environ.get("TELCO_REGIONS", "").split(",")))),
    )
