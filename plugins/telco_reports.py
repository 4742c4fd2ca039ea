"""Reports and model cards in the browser, for whoever is signed in to Airflow: read-only, below /telco.

Only kinds of reports that show no person: no extract, no proof of an erasure. Every page is sandboxed: its
scripts run, but as of no origin, so that they cannot use the reader's session against Airflow.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

from airflow.plugins_manager import AirflowPlugin

PREFIX = "/telco"
KINDS = ("drift", "landing", "coverage", "backtest", "tuning")  # the folders of reports/ that are shown
TYPES = {".html": "text/html; charset=utf-8", ".json": "application/json", ".md": "text/plain; charset=utf-8",
         ".png": "image/png", ".svg": "image/svg+xml", ".txt": "text/plain; charset=utf-8"}
HEADERS = {
    "Content-Security-Policy": "sandbox allow-scripts allow-popups; default-src 'none'; img-src 'self' data: blob:; "
                               "style-src 'unsafe-inline' data:; font-src data:; "
                               "script-src 'unsafe-inline' data: blob:",
    "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer",
}


def report_file(path: str) -> Path | None:
    """The file below reports/ that a URL means; None for what is not there, not shown, or not inside."""
    from pipelines.settings import settings

    root = settings().reports.resolve()
    kind = path.partition("/")[0]
    if kind not in KINDS or "\\" in path or "\0" in path:
        return None
    wanted = root / path
    if wanted.is_dir():
        wanted = wanted / "index.html"
    found = wanted.resolve()  # through every `..` and every link
    return found if found.is_relative_to(root / kind) and found.is_file() and found.suffix in TYPES else None


def card_file(model: str, as_of: str) -> Path | None:
    """The card of the newest version of a model that was trained as of a day."""
    from pipelines.models import SPECS
    from pipelines.settings import settings

    if model not in SPECS:
        return None
    trained = []
    for facts in (settings().models / model).glob("*/bundle.json"):
        if json.loads(facts.read_text(encoding="utf-8")).get("trained_as_of") == as_of:
            trained.append((int(facts.parent.name.lstrip("v")), facts.with_name("card.html")))
    return max(trained)[1] if trained and max(trained)[1].is_file() else None


def application() -> Any:
    """The pages behind Airflow's own authentication, as every page of its API."""
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
    from airflow.api_fastapi.core_api.security import get_user
    from fastapi import Depends, FastAPI, HTTPException
    from fastapi.responses import FileResponse

    async def reader(user: Any = Depends(get_user)) -> None:  # noqa: B008  FastAPI's own form
        if not get_auth_manager().is_authorized_view(access_view=AccessView.WEBSITE, user=user):
            raise HTTPException(403, "this account may not look at the site")

    # No documentation of its own: those pages would be open to everybody.
    app = FastAPI(dependencies=[Depends(reader)], docs_url=None, redoc_url=None, openapi_url=None)

    def answer(found: Path | None, what: str) -> Any:
        if found is None:
            raise HTTPException(404, f"no {what}: not made yet, purged, or not a report", headers=HEADERS)
        return FileResponse(found, media_type=TYPES[found.suffix], headers=HEADERS)

    @app.get("/reports/{path:path}")
    def report(path: str) -> Any:
        return answer(report_file(path), "such report")

    @app.get("/cards/{model}/{as_of}")
    def card(model: str, as_of: str) -> Any:
        return answer(card_file(model, as_of), f"model card of {as_of}")

    return app


class Lazy:
    """Every part of Airflow loads every plugin; only the api-server, at the first request, pays for this one."""

    app: Any = None

    async def __call__(self, scope: MutableMapping[str, Any], receive: Callable[[], Awaitable[Any]],
                       send: Callable[[Any], Awaitable[None]]) -> None:
        if self.app is None:
            self.app = application()
        await self.app(scope, receive, send)


class TelcoReports(AirflowPlugin):
    name = "telco_reports"
    fastapi_apps = [{"app": Lazy(), "url_prefix": PREFIX, "name": "reports"}]  # noqa: RUF012  Airflow's own form
