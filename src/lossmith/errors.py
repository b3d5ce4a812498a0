"""Every exception that lossmith raises on purpose.

LossmithError
├── InputError (ValueError)                an argument is wrong: its value, its type, its combination with another
│   ├── ShapeError                         shapes that do not fit, or that would broadcast
│   ├── DomainError                        values outside what the loss is defined on; NaN
│   ├── LabelError                         class labels of the wrong kind or out of range
│   └── EmptyError                         nothing is left to average, and ``empty="error"`` was asked for
├── UnknownNameError (LookupError)         no loss, column or option of that name
├── DataError (ValueError)                 a file of predictions that cannot be read as one
├── MissingDependencyError (ImportError)   an optional package is needed and absent
└── MisuseError (RuntimeError)             the doctor, told to be strict, found an error in a training

Each message says what was given, what was expected, and what to type next.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class LossmithError(Exception):
    """The root: catch this to catch all of lossmith's own errors."""


class InputError(LossmithError, ValueError):
    """An argument is wrong."""


class ShapeError(InputError):
    """Shapes do not fit together, or would broadcast silently."""


class DomainError(InputError):
    """A value lies where the loss is not defined."""


class LabelError(InputError):
    """Class labels are out of range, of the wrong type, or encoded in the wrong way."""


class EmptyError(InputError):
    """All rows are masked, ignored or absent, and ``empty="error"`` was asked for."""


class DataError(LossmithError, ValueError):
    """A file or table cannot be read as predictions and targets."""


class MissingDependencyError(LossmithError, ImportError):
    """An optional package is needed for what was asked.

    Args:
        package: The distribution to install.
        purpose: What it is needed for.
        extra: The extra of lossmith that brings it, or an empty string where none does.
    """

    def __init__(self, package: str, purpose: str, extra: str = "") -> None:
        install = f"'lossmith[{extra}]'" if extra else package
        super().__init__(f"{purpose} needs {package}, which is not installed; run: pip install {install}")


class UnknownNameError(LossmithError, LookupError):
    """A name is not known; the message offers the nearest ones.

    Args:
        kind: What was looked up, as a word ("loss", "column").
        name: What was asked for.
        known: The names that exist.
        where: Where it was looked up, for the message ("preds.csv"), or an empty string.
    """

    def __init__(self, kind: str, name: object, known: Iterable[str], where: str = "") -> None:
        names = sorted({str(k) for k in known})
        by_lower = {n.lower(): n for n in names}
        near = [by_lower[n] for n in difflib.get_close_matches(str(name).lower(), by_lower, n=3, cutoff=0.55)]
        hint = f"did you mean {' or '.join(repr(n) for n in near)}?" if near else f"known: {', '.join(names[:40])}"
        place = f" in {where}" if where else ""
        super().__init__(f"no {kind} named {str(name)!r}{place}; {hint}")


class MisuseError(LossmithError, RuntimeError):
    """The doctor, told to be strict, found an error in a training that it watches.

    Args:
        findings: What was found, most serious first; the message shows the first error.

    Attributes:
        findings: The same, with their numbers.
    """

    def __init__(self, findings: Iterable[object]) -> None:
        self.findings = tuple(findings)
        first = str(self.findings[0]) if self.findings else "an error was found"
        super().__init__(first)
