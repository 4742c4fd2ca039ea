"""S11, live: Airflow's api-server answers nobody without a token, and gives none for a guessed password."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from pipelines.settings import settings
from pipelines.stack import Stack

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        home: Path = tmp_path_factory.mktemp("login") / "home"
        patch.setenv("TELCO_HOME", str(home))
        settings.cache_clear()
        with Stack(unpause=False) as airflow:
            yield airflow.url
    settings.cache_clear()


@pytest.mark.parametrize("path", ["/api/v2/dags", "/api/v2/variables", "/api/v2/connections", "/api/v2/eventLogs"])
def test_S11_without_a_token_nothing_is_told(url: str, path: str) -> None:
    assert httpx.get(url + path, timeout=30, trust_env=False).status_code == 401
    forged = {"Authorization": "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9."}
    assert httpx.get(url + path, timeout=30, trust_env=False, headers=forged).status_code in (401, 403)


@pytest.mark.parametrize(("password", "status"), [("admin", 401), ("password1234", 401), ("", 400)])
def test_S11_a_guessed_password_gives_no_token(url: str, password: str, status: int) -> None:
    answer = httpx.post(url + "/auth/token", json={"username": "admin", "password": password}, timeout=30,
                        trust_env=False)
    assert answer.status_code == status
    assert "access_token" not in answer.text
