"""`python -m pipelines.stack.health scheduler`: ends 0 when a part's heart beats, as the api-server sees it.

The parts without a port of their own have no other health check that is cheap: Airflow's own command costs four CPU
seconds a time.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from urllib.parse import urljoin

TIMEOUT_SECONDS = 5.0


def of(part: str, api: str) -> str:
    """What the api-server at `api` says of `scheduler`, `triggerer` or `dag_processor`: `healthy`, or what is wrong."""
    try:
        with urllib.request.urlopen(urljoin(api, "/api/v2/monitor/health"), timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
            told = json.load(answer)
    except (OSError, ValueError) as error:
        return f"{api} does not answer: {error}"
    return str((told.get(part) or {}).get("status") or f"not known there: {sorted(told)}")


if __name__ == "__main__":
    said = of(sys.argv[1], os.environ["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"])
    sys.stdout.write(f"{sys.argv[1]}: {said}\n")
    raise SystemExit(said != "healthy")
