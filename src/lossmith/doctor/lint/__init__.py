"""Static analysis: misused losses in Keras and PyTorch source and notebooks, found without running them."""

from .config import Config, config_for
from .linter import Diagnostic, Report, check_source, lint
from .output import FORMATS, render
from .source import Source, read

__all__ = [
    "FORMATS",
    "Config",
    "Diagnostic",
    "Report",
    "Source",
    "check_source",
    "config_for",
    "lint",
    "read",
    "render",
]
