"""The engine: any source of predictions, in splits, on any executor, in constant memory, to the same bits."""

from .drive import arrays, files_given, stream
from .files import FORMATS
from .plan import Options

__all__ = ["FORMATS", "Options", "arrays", "files_given", "stream"]
