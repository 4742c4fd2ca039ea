"""Deployment settings: environment variables, read once here and nowhere else."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from pipelines.errors import UsageError

RESTORING = ".restoring"  # below a home while it is being restored; nothing else works there until it is gone


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
# Threads that wait for one another sleep: on two busy cores the fits of a lifetime value took 14 to 18 CPU seconds
# while XGBoost's two spun, 6 asleep. The matrix products of a training are small: 0.25 s in one thread, up to 2.9 in
# two that wait for each other; and their last digits, so a version's bytes, were others on one core than on several.
ASLEEP = {"OMP_WAIT_POLICY": "passive", "OPENBLAS_NUM_THREADS": "1"}
# Which variable says which field; what is not said has a default.
VARIABLES = {
    "home": "TELCO_HOME",
    "estate_file": "TELCO_ESTATE",
    "regions": "TELCO_REGIONS",
    "memory_limit": "TELCO_MEMORY_LIMIT",
    "threads": "TELCO_THREADS",
    "mlflow_uri": "MLFLOW_TRACKING_URI",
    "mlflow_database": "TELCO_MLFLOW_DATABASE",
    "airflow_database": "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
    "feast_registry": "TELCO_FEAST_REGISTRY",
    "feast_redis": "TELCO_FEAST_REDIS",
    "notify_webhook": "TELCO_NOTIFY_WEBHOOK",
    "notify_smtp": "TELCO_NOTIFY_SMTP",
    "notify_from": "TELCO_NOTIFY_FROM",
    "notify_to": "TELCO_NOTIFY_TO",
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
    notify_webhook: str = field(default="", repr=False)  # an address may hold a token; empty: nobody is posted to
    notify_smtp: str = field(default="", repr=False)     # smtp[s]://[user:password@]host[:port]; empty: no mail
    notify_from: str = "telco@localhost"
    notify_to: tuple[str, ...] = ()
    airflow_database: str = field(default="", repr=False)  # empty: SQLite below the home
    mlflow_database: str = field(default="", repr=False)   # of a registry that is a server, for its backup alone
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


def home_folder() -> Path:
    """TELCO_HOME, also while it is being restored."""
    # A checkout keeps its state beside it; an installed copy must not write into the environment.
    default_home = Path("~/.local/share/telco-mlops") if IS_INSTALLED else PROJECT / "var"
    return Path(said("home") or default_home).expanduser().resolve()


def arrange() -> None:
    """What the libraries are to find in the environment when they are loaded; what is said there already stands."""
    for name, value in {**QUIET, **PATIENCE, **ASLEEP}.items():
        os.environ.setdefault(name, value)


arrange()  # numpy counts its threads when it is imported, which is before anybody asks for the settings


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process. Tests that change the environment call `settings.cache_clear()`.

    Raises UsageError for a home whose restore has not ended: who was erased may still be in it.
    """
    arrange()
    home = home_folder()
    if (home / RESTORING).exists():
        raise UsageError(f"{home}: a restore is under way or was killed; wait for it, or run telco restore again")
    own_estate = home / "estate.toml"
    default_estate = own_estate if own_estate.exists() else PROJECT / "estate.toml"
    return Settings(
        home=home,
        estate_file=Path(said("estate_file") or default_estate).expanduser().resolve(),
        mlflow_uri=said("mlflow_uri") or f"sqlite:///{home}/mlflow/mlflow.db",
        memory_limit=said("memory_limit") or "4GB",
        threads=_threads(),
        feast_registry=said("feast_registry"),
        feast_redis=said("feast_redis"),
        notify_webhook=said("notify_webhook"),
        notify_smtp=said("notify_smtp"),
        notify_from=said("notify_from") or "telco@localhost",
        notify_to=_listed("notify_to"),
        regions=_listed("regions"),
        airflow_database=said("airflow_database"),
        mlflow_database=said("mlflow_database"),
    )


def said(field: str) -> str:
    """What the environment says of a field; empty: nothing."""
    return os.environ.get(VARIABLES[field], "")


def _threads() -> int:
    text = said("threads") or str(os.cpu_count() or 2)
    if not text.isdigit() or int(text) < 1:
        raise UsageError(f"{VARIABLES['threads']}={text!r} is no number of threads; write a whole number of 1 or more, "
                         "then look with: telco config show")
    return int(text)


def _listed(field: str) -> tuple[str, ...]:
    """The words of a variable, which commas separate."""
    return tuple(filter(None, map(str.strip, said(field).split(","))))
