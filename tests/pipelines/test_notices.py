"""Who hears of a notice: the log always, a webhook and a mail server where they are configured, each once."""

from __future__ import annotations

import json
import logging
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pipelines import channels, notices
from pipelines.settings import settings

CANARY = "s3cret-token"


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])  # type: ignore[index]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def hooks() -> Iterator[tuple[int, list[tuple[str, dict[str, str]]]]]:
    """A webhook on loopback: its port, and what was posted to it."""
    posted: list[tuple[str, dict[str, str]]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            posted.append((self.path, json.loads(body)))
            self.send_response(500 if "broken" in self.path else 204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Hook)) as port:
        yield port, posted


@pytest.fixture
def mailbox() -> Iterator[tuple[int, list[str], list[str]]]:
    """A mail server on loopback that offers no encryption: its port, the commands it heard, the messages it took."""
    heard: list[str] = []
    messages: list[str] = []

    class Smtp(socketserver.StreamRequestHandler):
        def say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

        def handle(self) -> None:
            self.say("220 sink")
            while line := self.rfile.readline().decode().strip():
                heard.append(line)
                verb = line.split()[0].upper()
                if verb == "DATA":
                    self.say("354 go on")
                    lines = iter(lambda: self.rfile.readline().decode().rstrip("\r\n"), ".")
                    messages.append("\n".join(lines))
                self.say("221 bye" if verb == "QUIT" else "250 ok")
                if verb == "QUIT":
                    return

    with serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Smtp)) as port:
        yield port, heard, messages


def configure(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    for name, value in values.items():
        monkeypatch.setenv(f"TELCO_NOTIFY_{name.upper()}", value)
    settings.cache_clear()


def kept(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((notices.directory() / f"{name}.json").read_text())
    return found


def test_without_channels_a_notice_is_a_line_in_the_log_and_a_file(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert notices.once("late.care", "it is late")
    assert [record.message for record in caplog.records] == ["notice late.care: it is late"]
    assert kept("late.care") == {"name": "late.care", "text": "it is late"}
    assert notices.was_told("late.care")
    assert not notices.was_told("late.network")


def test_a_notice_goes_to_every_channel_exactly_once(
    home: Path, monkeypatch: pytest.MonkeyPatch, hooks: Any, mailbox: Any
) -> None:
    (web, posted), (smtp, heard, messages) = hooks, mailbox
    configure(monkeypatch, webhook=f"http://127.0.0.1:{web}/{CANARY}", smtp=f"smtp://127.0.0.1:{smtp}",
              to="night@telco.example, lead@telco.example", **{"from": "mlops@telco.example"})
    assert [notices.once("late.care", "Übernacht: it is late") for _ in range(3)] == [True, False, False]
    assert posted == [(f"/{CANARY}", {"name": "late.care", "text": "Übernacht: it is late"})]
    assert [line for line in heard if line.lower().startswith("rcpt")] == [
        "rcpt TO:<night@telco.example>", "rcpt TO:<lead@telco.example>"]
    (message,) = messages
    assert "Subject: telco: late.care" in message
    assert "From: mlops@telco.example" in message
    assert kept("late.care")["channels"] == {"mail": "sent", "webhook": "sent"}


def test_a_channel_that_fails_is_logged_without_its_address_and_keeps_nobody_from_the_other(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, hooks: Any
) -> None:
    web, posted = hooks
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound, and nobody listens
        configure(monkeypatch, webhook=f"http://127.0.0.1:{web}/works",
                  smtp=f"smtp://mlops:{CANARY}@127.0.0.1:{nobody.getsockname()[1]}", to="night@telco.example")
        assert notices.once("late.care", "it is late")
    assert len(posted) == 1
    assert kept("late.care")["channels"] == {"mail": "ConnectionRefusedError", "webhook": "sent"}
    assert "notice late.care did not go out by mail: ConnectionRefusedError" in caplog.text
    assert CANARY not in caplog.text
    assert CANARY not in repr(settings())


def test_an_answer_of_failure_is_a_failure(home: Path, monkeypatch: pytest.MonkeyPatch, hooks: Any) -> None:
    configure(monkeypatch, webhook=f"http://127.0.0.1:{hooks[0]}/broken")
    assert notices.once("late.care", "it is late")
    assert kept("late.care")["channels"] == {"webhook": "HTTPError"}


def test_a_server_that_says_nothing_is_waited_for_no_longer_than_the_timeout(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "TIMEOUT_S", 0.2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        configure(monkeypatch, webhook=f"http://127.0.0.1:{port}/", smtp=f"smtp://127.0.0.1:{port}", to="a@b.example")
        assert notices.once("late.care", "it is late")
    assert kept("late.care")["channels"] == {"mail": "SMTPServerDisconnected", "webhook": "TimeoutError"}


def test_a_password_is_not_sent_over_a_line_that_is_not_encrypted(
    home: Path, monkeypatch: pytest.MonkeyPatch, mailbox: Any
) -> None:
    smtp, heard, messages = mailbox
    configure(monkeypatch, smtp=f"smtp://mlops:{CANARY}@127.0.0.1:{smtp}", to="night@telco.example")
    assert notices.once("late.care", "it is late")
    assert kept("late.care")["channels"] == {"mail": "UsageError"}
    assert not messages
    assert not [line for line in heard if line.upper().startswith("AUTH") or CANARY in line]


@pytest.mark.parametrize("wrong", [{"webhook": "file:///etc/passwd"}, {"smtp": "http://host", "to": "a@b.example"},
                                   {"smtp": "smtp://host"}, {"smtp": "nonsense", "to": "a@b.example"}])
def test_words_that_are_no_address_reach_nobody_and_break_nothing(
    home: Path, monkeypatch: pytest.MonkeyPatch, wrong: dict[str, str]
) -> None:
    configure(monkeypatch, **wrong)
    assert notices.once("late.care", "it is late")
    assert set(kept("late.care")["channels"].values()) == {"UsageError"}


def test_a_name_cannot_add_headers_to_the_mail(
    home: Path, monkeypatch: pytest.MonkeyPatch, mailbox: Any, caplog: pytest.LogCaptureFixture
) -> None:
    smtp, _, messages = mailbox
    configure(monkeypatch, smtp=f"smtp://127.0.0.1:{smtp}", to="night@telco.example")
    with caplog.at_level(logging.WARNING):
        assert notices.once("late\nBcc: all@telco.example", "it is late")
    assert not messages
    assert "did not go out by mail: ValueError" in caplog.text
