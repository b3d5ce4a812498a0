"""The typer application: a table of commands, each a function in a module of its own."""

from __future__ import annotations

from importlib import import_module

import typer

from .. import __version__

COMMANDS = (
    "choose",
    "evaluate",
    "compare",
    "doctor",
    "lint",
    "explain",
    "plot",
    "losses",
    "demo",
)  # module and function have the command's name

app = typer.Typer(
    name="lossmith",
    help="Loss functions: choose one, evaluate and compare predictions, find misuse, explain a loss, plot it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"lossmith {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(False, "--version", callback=_show_version, is_eager=True, help="Print the version."),
) -> None:
    pass


for _name in COMMANDS:
    app.command(_name)(getattr(import_module(f".{_name}", __package__), _name))
