"""The command line: ``lossmith choose | evaluate | compare | doctor | lint | explain | plot | losses | demo``.

``main`` is the entry point; the commands live in modules of their names. Mistakes of the user end in one or two lines
on stderr and exit code 2, never in a traceback.
"""

from __future__ import annotations

import sys

from ..errors import LossmithError, MissingDependencyError


def main(arguments: list[str] | None = None) -> None:
    """Run the command line with ``arguments`` (default: those of the process) and exit."""
    try:
        try:
            from .app import app
        except ImportError as error:
            if error.name not in ("typer", "rich"):
                raise
            raise MissingDependencyError(error.name, "the command line", "cli") from None
        app(arguments)
    except LossmithError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except BrokenPipeError:  # the reader of our output (head, less) has gone
        sys.stderr.close()
        raise SystemExit(141) from None
