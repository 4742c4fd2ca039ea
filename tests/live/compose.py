"""docker-compose.yaml without an engine: every service as a plain process, by what the file itself says.

Read from the file: commands, environment, volumes, published ports, health checks, the order of depends_on, and what
`restart: unless-stopped` starts again. Put in its place: names of services and their ports by free ports of loopback,
folders of the containers by folders here, and the entry point of PostgreSQL's image by initdb.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import servers
import yaml

from pipelines.settings import PROJECT
from pipelines.stack import dotenv, processes
from pipelines.stack.environment import USER, load_secrets
from pipelines.stack.processes import Part
from pipelines.stack.rest import Airflow

LISTENS = {"postgres": 5432, "redis": 6379, "mlflow": 5000, "api-server": 8080}
LOG_SERVERS = (8793, 8794)  # of the scheduler's workers and of the triggerer
PATIENCE_SECONDS = 300.0
IMAGE = PROJECT / "Dockerfile"
KEPT = ("PATH", "HOME", "LANG")  # what a container has too; all else of our own environment is taken away


class Compose:
    """The services of the file over one folder, which must be open to the user postgres."""

    def __init__(self, folder: Path, report: Callable[[str], None] = print) -> None:
        told = yaml.safe_load((PROJECT / "docker-compose.yaml").read_text(encoding="utf-8"))
        self.services: dict[str, Any] = told["services"]
        self.configs: dict[str, Any] = told["configs"]
        self.folder, self.report = folder, report
        self.dotenv = dict(line.split("=", 1) for line in dotenv.lines())
        self.ports = {inside: servers.free_port() for inside in (*LISTENS.values(), *LOG_SERVERS)}
        self.parts: dict[str, Part] = {}
        self.held: set[str] = set()  # services that are not to be started again for now
        self.restarted: list[str] = []
        self._down = threading.Event()
        self._watch = threading.Thread(target=self._restart, daemon=True)

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def environment(self, name: str) -> dict[str, str]:
        """What the container of a service has: its image's variables and the file's."""
        own = {key: self._here(str(value), name) for key, value in self.services[name].get("environment", {}).items()}
        kept = {key: os.environ[key] for key in KEPT if key in os.environ}
        path = f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', os.defpath)}"
        return kept | {"PATH": path} | self._of_the_image(name) | own

    def _of_the_image(self, name: str) -> dict[str, str]:
        if "build" not in self.services[name]:
            return {}
        words = re.findall(r"^ENV (.+)$", IMAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
        return {key: self._here(value, name) for line in words for key, _, value in (
            word.partition("=") for word in line.split())}

    def _here(self, text: str, service: str) -> str:
        """One value or word of the file, as it must read on this machine."""
        text = re.sub(r"\$\{(\w+):([?-])([^}]*)\}", self._variable, text).replace("$$", "$")
        for name, inside in LISTENS.items():
            text = re.sub(rf"(^{name}:{inside}|(?<=//){name}(:{inside})?|(?<=@){name}(:{inside})?)(?=/|$)",
                          f"127.0.0.1:{self.ports[inside]}", text)
        for inside, outside in self.ports.items():
            text = re.sub(rf"^{inside}$|(?<=127\.0\.0\.1:){inside}\b", str(outside), text)
        mounted = [volume.split(":") for volume in self.services[service].get("volumes", [])]
        for volume, place in [*((str(self.folder / name), place) for name, place in mounted), (PROJECT, "/opt/telco")]:
            text = re.sub(rf"(^|(?<=[\s'\"])){place}(?=/|$)", str(volume), text)
        return text.replace("0.0.0.0", "127.0.0.1")

    def _variable(self, found: re.Match[str]) -> str:
        name, kind, rest = found.groups()
        if name not in self.dotenv and kind == "?":
            raise AssertionError(f"docker-compose.yaml asks for {name}, which pipelines.stack.dotenv does not make")
        return self.dotenv.get(name, rest)

    def up(self, *names: str) -> None:
        """Start the services and what they depend on, each when its conditions are met; returns when all are well."""
        for name in names or self.services:
            self._start(name)
        for name in names or self.services:
            self.wait_healthy(name)
        if not self._watch.is_alive():
            self._watch.start()

    def _start(self, name: str) -> None:
        if name in self.parts:
            return
        for other, condition in self.services[name].get("depends_on", {}).items():
            self._start(other)
            if condition["condition"] == "service_healthy":
                self.wait_healthy(other)
        self.report(f"compose: {name}")
        if self.services[name].get("restart") == "no":
            processes.run(name, self._command(name), self.environment(name))
            self.parts[name] = Part(name, 0, 0.0)  # ran to its end
        else:
            self._launch(name)

    def _launch(self, name: str) -> None:
        if name == "postgres":
            told = self.environment(name)
            scripts = [self.configs[one["source"]]["content"] for one in self.services[name]["configs"]]
            self.parts[name] = servers.postgres(
                self.folder, self.ports[5432], told["POSTGRES_USER"], password=told["POSTGRES_PASSWORD"],
                database=told["POSTGRES_DB"], scripts=scripts)
            return
        for volume in self.services[name].get("volumes", []):
            (self.folder / volume.split(":")[0]).mkdir(mode=0o700, exist_ok=True)
        self.parts[name] = processes.start(name, self._command(name), self.environment(name))

    def _command(self, name: str) -> list[str]:
        words = [self._here(word, name) for word in self.services[name]["command"]]
        if name == "redis":
            words += ["--port", str(self.ports[6379]), "--bind", "127.0.0.1", "--dir", str(self.folder / "redis")]
            words[0] = servers.program("redis-server")
        return [*self._only(name), *words]

    def _only(self, name: str) -> list[str]:
        """A prefix that takes away what a container would not have; values stay out of the list of processes."""
        strange = sorted(set(os.environ) - set(self.environment(name)))
        return ["env", *(word for variable in strange for word in ("-u", variable))]

    def is_healthy(self, name: str) -> bool:
        """By the file's own check, run as the file says."""
        kind, *words = self.services[name]["healthcheck"]["test"]
        assert kind == "CMD"
        words = [self._here(word, name) for word in words]
        if name == "postgres":
            words += ["--port", str(self.ports[5432])]
        elif name == "redis":
            words[1:1] = ["-p", str(self.ports[6379])]
        words[0] = words[0] if words[0] == "python" else servers.program(words[0])
        done = subprocess.run([*self._only(name), *words], env=self.environment(name), cwd=PROJECT,
                              capture_output=True, check=False)
        return done.returncode == 0

    def wait_healthy(self, name: str, patience: float = PATIENCE_SECONDS) -> None:
        if "healthcheck" in self.services[name]:
            servers.wait(lambda: self.is_healthy(name), name, patience)

    def kill(self, name: str) -> None:
        """End a container as a power cut would: its first process and, with it, everything in it."""
        leader = self.parts[name].process()
        assert leader is not None, f"{name} does not run"
        inside = [leader, *leader.children(recursive=True)]
        self.report(f"kill -9 {name} ({len(inside)} processes)")
        for process in inside:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(inside, timeout=10)

    def _restart(self) -> None:
        """What an engine does for `restart: unless-stopped`."""
        while not self._down.wait(1.0):
            for name, part in list(self.parts.items()):
                is_gone = part.process() is None and name not in self.held
                if is_gone and self.services[name].get("restart") == "unless-stopped":
                    self.report(f"compose: {name} again")
                    self.restarted.append(name)
                    with contextlib.suppress(AssertionError):  # it did not come up; the next round tries again
                        self._launch(name)

    def down(self) -> None:
        """Stop everything, the databases last."""
        self._down.set()
        if self._watch.is_alive():
            self._watch.join(60)
        last = self.parts.pop("postgres", None)
        processes.stop([part for part in self.parts.values() if part.pid])
        if last is not None:
            servers.stop_postgres(last)

    def client(self) -> Airflow:
        """Signed in at the published port as the administrator whose password `init` made."""
        return Airflow(f"http://127.0.0.1:{self.ports[8080]}", USER, load_secrets().password)
