"""Reports: an evaluation as text, on a terminal, and as one HTML file that needs nothing else."""

from .files import save
from .html import to_html
from .text import to_text

__all__ = ["save", "to_html", "to_text"]
