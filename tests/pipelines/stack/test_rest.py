"""What the client makes of an Airflow whose database is locked: it asks again, and not for ever."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from pipelines.errors import TelcoError
from pipelines.stack import rest

LOCKED = httpx.Response(500, json={"detail": {"reason": "Database error"}})
OTHER = httpx.Response(500, text="Internal Server Error")


def client(answers: Iterator[httpx.Response], asked: list[str]) -> rest.Airflow:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/auth/token":
            return httpx.Response(201, json={"access_token": "t"})
        asked.append(request.method)
        return next(answers)

    airflow = rest.Airflow("http://127.0.0.1:1", "admin", "")
    airflow._http = httpx.Client(base_url=airflow.url, transport=httpx.MockTransport(answer))
    return airflow


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "LOCKED_SECONDS", (0.0, 0.0))


@pytest.mark.parametrize(("method", "first"), [("POST", LOCKED), ("GET", LOCKED), ("GET", OTHER)])
def test_a_locked_database_is_asked_again(method: str, first: httpx.Response) -> None:
    asked: list[str] = []
    airflow = client(iter([first, httpx.Response(200, json={"fine": True})]), asked)
    assert airflow.call(method, "/dags").json() == {"fine": True}
    assert asked == [method, method]


def test_another_fault_of_a_request_that_writes_is_not_asked_again() -> None:
    asked: list[str] = []
    with pytest.raises(TelcoError, match="500"):
        client(iter([OTHER, OTHER]), asked).call("POST", "/dags")
    assert asked == ["POST"]


def test_a_database_that_stays_locked_is_an_error_in_the_end() -> None:
    asked: list[str] = []
    with pytest.raises(TelcoError, match="Database error"):
        client(iter([LOCKED] * 9), asked).call("GET", "/dags")
    assert len(asked) == 3
