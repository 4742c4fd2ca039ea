"""What a wheel carries beside the packages: files that Airflow, dbt and Feast load by their path."""

from pathlib import Path

from setuptools import setup

ROOT = Path(__file__).parent
SHARED = ("dags", "plugins", "dbt_project", "feature_repo")
LEFT_OUT = {"__pycache__", "target", "logs"}


def data_files() -> list[tuple[str, list[str]]]:
    """Folder below the environment, files: `pipelines.settings.PROJECT` of an installed copy is share/telco-mlops."""
    found = {"share/telco-mlops": ["estate.toml", "requirements.lock"]}
    for path in sorted(path for folder in SHARED for path in (ROOT / folder).rglob("*")):
        place = path.relative_to(ROOT)
        if path.is_file() and not LEFT_OUT & set(place.parts):
            found.setdefault(f"share/telco-mlops/{place.parent.as_posix()}", []).append(place.as_posix())
    return sorted(found.items())


setup(data_files=data_files())
