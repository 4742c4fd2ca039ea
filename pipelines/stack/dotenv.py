"""Prints a `.env` for docker-compose with fresh secrets: `python -m pipelines.stack.dotenv > .env`."""

from __future__ import annotations

import secrets
import sys

from pipelines.stack.environment import new_fernet_key


def lines() -> list[str]:
    """`NAME=value` of every secret compose asks for; other values at every call."""
    return [
        f"POSTGRES_PASSWORD={secrets.token_urlsafe(24)}",
        f"FERNET_KEY={new_fernet_key()}",
        f"JWT_SECRET={secrets.token_urlsafe(48)}",
        f"API_SECRET={secrets.token_urlsafe(48)}",
    ]


if __name__ == "__main__":
    sys.stdout.write("\n".join(lines()) + "\n")
