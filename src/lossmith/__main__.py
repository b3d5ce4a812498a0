"""``python -m lossmith``: the command line."""

from .cli import main

main()
