"""The command tree. Commands parse words and show results; the work is in the step functions they import."""

from __future__ import annotations

import typer

from pipelines.cli import (
    audit,
    backup,
    data,
    explain,
    extract,
    lookup,
    model,
    models,
    operate,
    privacy,
    quarantine,
    site,
    transfer,
)

app = typer.Typer(
    name="telco",
    help=(
        "Churn and lifetime value for telecom operators, from dropped files to tonight's scores.\n\n"
        "Every command is a step of the nightly DAGs, runnable by hand and safe to repeat. "
        "State lives under TELCO_HOME (default: ./var).\n\n"
        "Exit codes: 0 ok, 1 fault, 2 usage, 3 held by a gate or a check."
    ),
    epilog="Start here:  telco demo   |   telco doctor   |   telco status",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
data.register(app)
quarantine.register(app)
model.register(app)
models.register(app)
transfer.register(app)
operate.register(app)
site.register(app)
lookup.register(app)
extract.register(app)
explain.register(app)
audit.register(app)
privacy.register(app)
backup.register(app)
