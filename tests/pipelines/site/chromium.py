"""A page in headless Chromium at a given width and theme, by its DevTools protocol: what it logs, how wide it is."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.request import Request, urlopen

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-extensions",
         "--disable-background-networking", "--remote-debugging-port=0")


@dataclass(frozen=True)
class Look:
    """`logged`: errors and warnings of the console, of the network and of scripts. `asked`: every address asked for."""

    logged: tuple[str, ...]
    asked: tuple[str, ...]
    scroll_width: int
    text: str
    picture: bytes


@contextmanager
def chromium() -> Iterator[str]:
    """A browser of its own profile; gives the address of its DevTools."""
    assert BROWSER is not None
    with TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = subprocess.Popen([BROWSER, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            said = Path(profile) / "DevToolsActivePort"
            until = time.monotonic() + 60
            while not said.exists() or not said.read_text().strip():
                assert browser.poll() is None, "chromium ended"
                assert time.monotonic() < until, "chromium did not come up in a minute"
                time.sleep(0.05)
            yield f"http://127.0.0.1:{said.read_text().split()[0]}"
        finally:
            os.killpg(browser.pid, signal.SIGKILL)
            browser.wait()


def look(devtools: str, page: Path, *, width: int, height: int = 1600, dark: bool = False, whole: bool = False) -> Look:
    """Open a file at a width and in a theme. `whole`: the picture is of the page, not of the window."""
    from websockets.sync.client import connect

    with urlopen(Request(f"{devtools}/json/new?about:blank", method="PUT")) as answer:
        address = json.load(answer)["webSocketDebuggerUrl"]
    with connect(address, max_size=None) as socket:
        tab = _Tab(socket)
        for domain in ("Page", "Runtime", "Log", "Network"):
            tab.call(f"{domain}.enable")
        tab.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        tab.call("Emulation.setEmulatedMedia",
                 features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        tab.call("Page.navigate", url=page.as_uri())
        tab.wait("Page.loadEventFired")
        sizes = tab.evaluate("[document.documentElement.scrollWidth, document.body.innerText]")
        picture = tab.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        found = Look(tuple(tab.logged), tuple(tab.asked), int(sizes[0]), str(sizes[1]),
                     base64.b64decode(picture["data"]))
        tab.call("Page.close")
        return found


class _Tab:
    def __init__(self, socket: Any) -> None:
        self._socket, self._number = socket, 0
        self._seen: list[str] = []
        self.logged: list[str] = []
        self.asked: list[str] = []

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": params}))
        while True:
            said = self._receive()
            if said.get("id") == self._number:
                assert "error" not in said, said
                return dict(said["result"])

    def wait(self, event: str) -> None:
        while event not in self._seen:
            self._receive()

    def evaluate(self, script: str) -> Any:
        return self.call("Runtime.evaluate", expression=script, returnByValue=True)["result"]["value"]

    def _receive(self) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(self._socket.recv(timeout=60))
        method, params = str(said.get("method", "")), said.get("params", {})
        self._seen.append(method)
        if method == "Network.requestWillBeSent":
            self.asked.append(str(params["request"]["url"]))
        elif method == "Log.entryAdded":
            self.logged.append(str(params["entry"]["text"]))
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.logged.append(str(params["args"]))
        elif method in ("Runtime.exceptionThrown", "Network.loadingFailed"):
            self.logged.append(json.dumps(params))
        return said
