"""Whether the servers this deployment names answer. What is not named is not asked; nothing is waited for long."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from pipelines.configuration import masked
from pipelines.doctor import Finding
from pipelines.settings import VARIABLES, settings

TIMEOUT_S = 3


def examine() -> Iterator[Finding]:
    """One finding for each server that is configured, and one for PostgreSQL's own programs where it is."""
    databases = {name: url for name in ("airflow_database", "mlflow_database", "mlflow_uri", "feast_registry")
                 if (url := getattr(settings(), name)).startswith("postgres")}
    if settings().mlflow_uri.startswith(("http://", "https://")):
        yield _mlflow()
    for name, url in databases.items():
        yield _postgresql(name, url)
    if databases:
        yield _programs()
    if settings().feast_redis:
        yield _redis()


def _mlflow() -> Finding:
    from pipelines import tracking

    why = tracking.away()
    return Finding("MLflow", why is None, why or f"{masked(settings().mlflow_uri)} answers",
                   "nights are scored without it; start it, or mend MLFLOW_TRACKING_URI, then register what waited",
                   "telco register --pending")


def _postgresql(name: str, url: str) -> Finding:
    """Whether a session can be opened, with the name and password of the address."""
    import psycopg2  # type: ignore[import-untyped]

    scheme, _, rest = url.partition("://")
    place, variable = masked(url).partition("://")[2], VARIABLES[name]
    try:
        psycopg2.connect(f"{scheme.partition('+')[0]}://{rest}", connect_timeout=TIMEOUT_S).close()
    except psycopg2.Error as error:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        secret = urlsplit(url).password
        said = said.replace(secret, "***") if secret else said
        parts = urlsplit(url)
        return Finding(f"PostgreSQL {name}", False, f"{place}: {said}", f"start it, or mend {variable}",
                       f"pg_isready --host {parts.hostname or 'localhost'} --port {parts.port or 5432}")
    return Finding(f"PostgreSQL {name}", True, f"{place} lets us in")


def _programs() -> Finding:
    """What `telco backup` and `telco restore` call."""
    from pipelines.backup import databases
    from pipelines.errors import TelcoError

    try:
        found = [databases.program(name) for name in ("pg_dump", "pg_restore")]
    except TelcoError as error:
        return Finding("PostgreSQL's programs", False, str(error), "telco backup needs them",
                       "apt-get install postgresql-client")
    return Finding("PostgreSQL's programs", True, ", ".join(found))


def _redis() -> Finding:
    """As Feast reads it: `host:port[,password=...][,db=0][,ssl=true]`."""
    import redis

    first, *words = settings().feast_redis.split(",")
    host, _, port = first.rpartition(":")
    told = dict(word.partition("=")[::2] for word in words)
    where = f"{host}:{port}"
    try:
        redis.Redis(host=host, port=int(port), db=int(told.get("db", 0)), username=told.get("username"),
                    password=told.get("password"), ssl=told.get("ssl", "").lower() == "true",
                    socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S).ping()
    except (redis.RedisError, ValueError, OSError) as error:
        # A refused password is told by its kind: the server's words may repeat what it was given.
        return Finding("Redis", False, f"{masked(where)}: {type(error).__name__}", f"start it, or mend "
                       f"{VARIABLES['feast_redis']}", f"redis-cli -h {host or 'localhost'} -p {port or 6379} ping")
    return Finding("Redis", True, f"{where} answers")
