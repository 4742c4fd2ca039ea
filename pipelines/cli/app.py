"""The command tree. Commands parse words and show results; the work is in the step functions they import."""

from __future__ import annotations

import typer

from pipelines.cli import (
    audit,
    backup,
    config,
    data,
    explain,
    extract,
    home,
    lookup,
    mltestscore,
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
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
home.register(app)
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
mltestscore.register(app)
audit.register(app)
privacy.register(app)
backup.register(app)
config.register(app)
