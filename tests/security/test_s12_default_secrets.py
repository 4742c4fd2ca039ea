"""S12: no secret is in the repository, and none has a default: they are made when a home or an `.env` is."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from pipelines.settings import PROJECT
from pipelines.stack.dotenv import lines
from pipelines.stack.environment import load_secrets

SECRET = re.compile(r"PASSWORD|SECRET|FERNET|_KEY$|TOKEN$", re.IGNORECASE)
# What a secret looks like in a file: a key of Fernet, a private key, a token of a service, a word given to a password.
SHAPES = {
    "a Fernet key": re.compile(r"(?<![\w+/-])[\w-]{43}=(?![\w=])"),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "a token of a service": re.compile(r"\b(?:ghp_|github_pat_|glpat-|AKIA|xox[baprs]-|sk-)[A-Za-z0-9_-]{16,}"),
    "an address with a password": re.compile(r"://[\w.-]+:(?!password@|\$|\{)[^\s@/\"'{$]{3,}@(?![\w.]*example)"),
    "a password": re.compile(r"^\s*[\w.]*(?:password|passwd|secret|api_key)\s*[:=]\s*[\"'][^\"'{$]{6,}[\"']\s*$",
                             re.IGNORECASE | re.MULTILINE),
}


def tracked() -> list[Path]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, check=True)
    return [PROJECT / name for name in done.stdout.decode().split("\0") if name]


def found(text: str) -> list[str]:
    return [name for name, shape in SHAPES.items() if shape.search(text)]


def test_S12_no_tracked_file_holds_what_looks_like_a_secret() -> None:
    if not (PROJECT / ".git").exists():
        pytest.skip("not a checkout: there is no list of tracked files")
    files = tracked()
    assert len(files) > 300
    assert not [path.name for path in files if path.name == ".env" or path.suffix in (".pem", ".key", ".p12")]
    guilty = {str(path.relative_to(PROJECT)): names for path in files if path.is_file() and "security" not in path.parts
              and (names := found(path.read_bytes().decode("latin-1")))}
    assert not guilty


@pytest.mark.parametrize("text", [
    "FERNET_KEY=" + "Ab3_" * 10 + "xyz=", "-----BEGIN " + "RSA PRIVATE KEY-----", "token: ghp_" + "a1B2" * 9,
    "postgresql://telco:hunter22" + "@db.internal/telco", 'password = "' + 'letmein99"',
])
def test_S12_the_shapes_find_what_they_are_for(text: str) -> None:
    assert found(text)


def test_S12_compose_has_no_default_for_a_secret_and_the_example_no_value() -> None:
    told = yaml.safe_load((PROJECT / "docker-compose.yaml").read_text(encoding="utf-8"))
    services = told["services"].values()
    environments = [told["x-airflow"]["environment"], *(service.get("environment", {}) for service in services)]
    named = {name: value for env in environments for name, value in env.items()
             if SECRET.search(name) and not name.endswith("_FILE")}
    assert len(named) >= 4
    assert not {name: value for name, value in named.items() if not re.fullmatch(r"\$\{[A-Z_]+:\?[^}]+\}", value)}
    example = (PROJECT / ".env.example").read_text(encoding="utf-8")
    assert not re.findall(r"^[A-Z_]+=\S+", example, flags=re.MULTILINE)


def test_S12_every_home_and_every_env_file_has_secrets_of_its_own(home: Path) -> None:
    keys = load_secrets()
    assert min(map(len, (keys.fernet, keys.jwt, keys.api, keys.password))) >= 16
    one, other = lines(), lines()
    assert not set(one) & set(other)
