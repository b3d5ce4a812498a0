"""What was found in one training, look by look: each finding is said once, and a bug of lossmith's own is one line."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator

from ..errors import MisuseError
from .engine import judged, settled
from .evidence import Evidence
from .finding import SEVERITIES, Finding
from .rule import Rule, rule

Say = Callable[[str], None]

_SPOKEN = 10  # findings that are said in place; the others wait for the summary


def to_stderr(text: str) -> None:
    """Print a text where diagnostics belong."""
    print(text, file=sys.stderr, flush=True)


class Ledger:
    """The findings of a training, by the look that made them ("first", "steps", "curves", …).

    Args:
        say: What gets the texts; by default they are printed to the standard error.
        strict: Raise :class:`lossmith.errors.MisuseError` as soon as an error is found.
        ignore: Codes of rules to leave out.

    Attributes:
        found: The findings of the latest look of each kind.
        said: Codes that were said.
        broken: One line for each thing of lossmith's own that failed.

    Raises:
        UnknownNameError: ``ignore`` names no rule.
    """

    def __init__(self, say: Say | None = None, *, strict: bool = False, ignore: Iterable[str] = ()) -> None:
        self.ignore = tuple(rule(code).code for code in ([ignore] if isinstance(ignore, str) else ignore))
        self.say = to_stderr if say is None else say
        self.strict = strict
        self.found: dict[str, list[Finding]] = {}
        self.said: set[str] = set()
        self.broken: list[str] = []

    def judge(
        self, kind: str, evidence: Evidence, *, without: Iterable[str] = (), only: Iterable[Rule] | None = None
    ) -> list[Finding]:
        """Keep what the rules find, in place of what the last look of this kind found, and return it."""
        self.found[kind], broken = judged(evidence, ignore=(*self.ignore, *without), only=only)
        for line in broken:
            self.tell(line)
        return self.found[kind]

    @property
    def settled(self) -> list[Finding]:
        """The findings of all looks, most serious first; of one code, those of the look that took it most seriously."""
        best: dict[str, tuple[int, str]] = {}
        for kind, found in self.found.items():
            for f in found:
                rank = SEVERITIES.index(f.severity)
                if f.code not in best or rank < best[f.code][0]:
                    best[f.code] = (rank, kind)
        return settled([f for kind, found in self.found.items() for f in found if best[f.code][1] == kind])

    def speak(self, where: str) -> None:
        """Say what is new and no note.

        Raises:
            MisuseError: ``strict``, and one of them is an error.
        """
        new = [f for f in self.settled if f.severity != "note" and f.code not in self.said]
        for f in new:
            if len(self.said) < _SPOKEN:
                self.say(f"lossmith doctor, {where}: {f}")
            self.said.add(f.code)
        errors = [f for f in new if f.severity == "error"]
        if self.strict and errors:
            raise MisuseError(errors)

    def tell(self, line: str) -> None:
        """Say a line about lossmith itself, once."""
        if line not in self.broken:
            self.broken.append(line)
            with contextlib.suppress(Exception):
                self.say(line)

    @contextlib.contextmanager
    def guarded(self, what: str) -> Iterator[None]:
        """Turn an error of lossmith's own into one line; the training goes on."""
        try:
            yield
        except MisuseError:
            raise
        except Exception as error:
            self.bug(what, error)

    def bug(self, what: str, error: Exception) -> None:
        """Say in one line, and once, that something of lossmith's own failed; MisuseError goes on its way.

        Raises:
            MisuseError: It is one.
        """
        if isinstance(error, MisuseError):
            raise error
        text = str(error).partition("\n")[0][:200]
        self.tell(
            f"Bug of lossmith, not yours: {what} failed ({type(error).__name__}: {text}); the training goes on. "
            "Please report it."
        )
