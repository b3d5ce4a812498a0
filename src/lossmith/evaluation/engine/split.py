"""What a split is: a piece of a source that is read by itself, on whatever machine it comes to.

A split knows its key (its place in the source: the same in every run), what identifies its contents, and how many rows
it has where that is known before reading. Row ids come from the source alone (file and row, or position), so they do
not depend on how it was split.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .batch import Batch, UnreadableError, Wanted


@dataclass(frozen=True, eq=False)
class Piece:
    """What is read and counted as one: all of it, or nothing.

    Attributes:
        name: Where it is, in words.
        batches: Reads it.
    """

    name: str
    batches: Iterator[Batch]


class Split(ABC):
    """A part of a source; picklable."""

    @property
    @abstractmethod
    def key(self) -> str:
        """Its place in the source: the same in every run, and in order as text."""

    @property
    def size(self) -> int | None:
        """How many rows it has, where that is known before reading."""
        return None

    @abstractmethod
    def pieces(self, wanted: Wanted) -> Iterator[Piece]:
        """Return the pieces with what is wanted of them.

        Raises:
            UnreadableError: A piece cannot be opened, or, while its batches are read, cannot be read.
        """

    @abstractmethod
    def names(self) -> list[str]:
        """Return the names of the columns.

        Raises:
            UnreadableError: They cannot be read.
        """

    @property
    def identity(self) -> object:
        """What changes when the contents do (plain values), or None where nothing can tell."""
        return None

    @property
    def where(self) -> str:
        """The source in words."""
        return "the source"


@dataclass(frozen=True)
class Row:
    """Says where a row is, counted from the first row of a batch (picklable, unlike a closure)."""

    where: str
    first: int

    def __call__(self, row: int) -> str:
        """Return where a row of the batch is."""
        return f"row {self.first + row + 1}{f' of {self.where}' if self.where else ''}"


def check_there(wanted: Sequence[str], there: Sequence[str], where: str) -> None:
    """Raise UnreadableError unless all wanted columns are there."""
    for name in wanted:
        if name not in there:
            raise UnreadableError(f"{where} has no column {name!r}, which files before it have")
