"""A headless Chromium and as much of its DevTools protocol as a picture needs."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx
from websockets.sync.client import ClientConnection, connect

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
WIDTH, HEIGHT = 1280, 800
PATIENCE_SECONDS = 60.0


class Browser:
    """One page, with `with`."""

    def __enter__(self) -> Browser:
        assert PROGRAM, "no chromium on this machine: apt-get install chromium"
        self._folder = Path(tempfile.mkdtemp(prefix="telco-browser-"))
        self._process = subprocess.Popen([
            PROGRAM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server",
            "--hide-scrollbars", "--remote-debugging-port=0", f"--user-data-dir={self._folder}",
            f"--window-size={WIDTH},{HEIGHT}", "about:blank",
        ], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        self._count, self._opened = 0, ExitStack()
        self._socket = self._opened.enter_context(self._attach())
        self._call("Emulation.setDeviceMetricsOverride", width=WIDTH, height=HEIGHT, deviceScaleFactor=1, mobile=False)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._opened.close()
        os.killpg(self._process.pid, 9)  # a session of its own: the page's processes go with it
        self._process.wait(10)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _attach(self) -> ClientConnection:
        told, end = self._folder / "DevToolsActivePort", time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            if told.exists() and (lines := told.read_text(encoding="utf-8").splitlines()):
                with urllib.request.urlopen(f"http://127.0.0.1:{lines[0]}/json/list") as answer:
                    pages = [one for one in json.load(answer) if one["type"] == "page"]
                if pages:
                    return connect(pages[0]["webSocketDebuggerUrl"], max_size=None, proxy=None)
            time.sleep(0.1)
        raise AssertionError(f"{PROGRAM} did not open its port in {PATIENCE_SECONDS:.0f} s")

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._count += 1
        self._socket.send(json.dumps({"id": self._count, "method": method, "params": parameters}))
        while True:  # events come between the answers
            told = json.loads(self._socket.recv(PATIENCE_SECONDS))
            if told.get("id") == self._count:
                assert "error" not in told, f"{method}: {told['error']}"
                result: dict[str, Any] = told["result"]
                return result

    def sign_in(self, url: str, user: str, password: str) -> None:
        """Give the page the cookie that Airflow's UI reads."""
        answer = httpx.post(f"{url}/auth/token", json={"username": user, "password": password}, trust_env=False,
                            timeout=30)
        self._call("Network.setCookie", name="_token", value=answer.json()["access_token"], url=url)

    def open(self, url: str, shows: str, *, rest: float = 2.0) -> None:
        """Go there, wait until the page shows a text, and `rest` seconds more for what is drawn without one."""
        self._call("Page.navigate", url=url)
        self.wait(f"document.body && document.body.innerText.includes({json.dumps(shows)})", f"{url} to show {shows!r}")
        time.sleep(rest)

    def wait(self, expression: str, what: str) -> None:
        end = time.monotonic() + PATIENCE_SECONDS
        while not self.ask(expression):
            assert time.monotonic() < end, f"waited for {what}; the page says: {self.ask('document.body.innerText')}"
            time.sleep(0.3)

    def ask(self, expression: str) -> Any:
        """The value of a JavaScript expression on the page."""
        return self._call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def drag(self, start: tuple[int, int], end: tuple[int, int]) -> None:
        """Pull what lies at one point of the page to another, as the border between two panels."""
        for kind, (x, y), button in (("mouseMoved", start, "none"), ("mousePressed", start, "left"),
                                     ("mouseMoved", end, "left"), ("mouseReleased", end, "left")):
            self._call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button=button, clickCount=1)

    def click(self, x: int, y: int) -> None:
        self.drag((x, y), (x, y))

    def picture(self, path: Path) -> None:
        """What the page shows now, as PNG of WIDTH x HEIGHT in few colours."""
        from io import BytesIO

        from PIL import Image

        image = Image.open(BytesIO(base64.b64decode(self._call("Page.captureScreenshot", format="png")["data"])))
        path.parent.mkdir(parents=True, exist_ok=True)
        image.convert("RGB").quantize(128).save(path, optimize=True)
