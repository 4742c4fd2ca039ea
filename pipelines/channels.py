"""Where a notice goes beside the log: mail and a webhook, each only where the deployment's settings name one."""

from __future__ import annotations

import json
import smtplib
import ssl
import urllib.request
from collections.abc import Callable, Mapping
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from pipelines.errors import UsageError
from pipelines.settings import Settings, settings

TIMEOUT_S = 10.0  # of each step of a conversation: a night waits for nobody's mail server
Send = Callable[[str, str], None]  # (name, text); raises whatever goes wrong


def configured() -> Mapping[str, Send]:
    """The channels that are configured, by name."""
    found: dict[str, Send] = {}
    if settings().notify_webhook:
        found["webhook"] = _post
    if settings().notify_smtp:
        found["mail"] = _mail
    return found


def _post(name: str, text: str) -> None:
    """POST {"name", "text"} as JSON; `text` is the key that the webhooks of chat servers show."""
    address = settings().notify_webhook
    if urlsplit(address).scheme not in ("http", "https"):
        raise UsageError("TELCO_NOTIFY_WEBHOOK is not an http or https address")
    body = json.dumps({"name": name, "text": text}, ensure_ascii=False).encode()
    request = urllib.request.Request(address, body, {"Content-Type": "application/json"})  # noqa: S310
    urllib.request.urlopen(request, timeout=TIMEOUT_S).close()  # noqa: S310


def _mail(name: str, text: str) -> None:
    """One plain message to everybody of TELCO_NOTIFY_TO. smtps:// encrypts from the start, smtp:// as soon as the
    server offers it; a password is sent over an encrypted line only."""
    facts = settings()
    where = urlsplit(facts.notify_smtp)
    if where.scheme not in ("smtp", "smtps") or not where.hostname or not facts.notify_to:
        raise UsageError("mail needs TELCO_NOTIFY_SMTP=smtp[s]://host[:port] and TELCO_NOTIFY_TO=somebody@example.org")
    tls = ssl.create_default_context()
    server: smtplib.SMTP
    if where.scheme == "smtps":
        server = smtplib.SMTP_SSL(where.hostname, where.port or 465, timeout=TIMEOUT_S, context=tls)
    else:
        server = smtplib.SMTP(where.hostname, where.port or 25, timeout=TIMEOUT_S)
    with server:
        server.ehlo()
        is_private = where.scheme == "smtps"
        if not is_private and server.has_extn("starttls"):
            server.starttls(context=tls)
            is_private = True
        if where.username:
            if not is_private:
                raise UsageError(f"{where.hostname} offers no encryption, so it is not given the password")
            server.login(unquote(where.username), unquote(where.password or ""))
        server.send_message(_message(facts, name, text))


def _message(facts: Settings, name: str, text: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"] = facts.notify_from, ", ".join(facts.notify_to)
    message["Subject"] = f"telco: {name}"  # no line breaks: EmailMessage refuses them
    message.set_content(text)
    return message
