"""Reports: an evaluation as text, on a terminal, and as one HTML file that needs nothing else."""

from .html import to_html
from .text import to_text

__all__ = ["to_html", "to_text"]
