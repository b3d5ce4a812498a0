"""Where the commands print to."""

from __future__ import annotations

import io
import sys

from rich.console import Console

_PIPE_WIDTH = 120  # columns, where there is no terminal to ask


def console() -> Console:
    """Return the console of standard output; in a pipe lines may be longer than on most terminals."""
    if isinstance(sys.stdout, io.TextIOWrapper) and not (sys.stdout.encoding or "").lower().startswith("utf"):
        sys.stdout.reconfigure(errors="replace")
    made = Console(highlight=False, soft_wrap=False)
    return made if made.is_terminal else Console(highlight=False, width=_PIPE_WIDTH)
