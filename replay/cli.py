"""The commands that read a sale: replay, verify, review, export, backup."""

from __future__ import annotations

import typer


def add_commands(app: typer.Typer) -> None:
    """Adds the commands to `dropcue`."""
