"""The doctor beside a training: it is shown what passes, and says each finding once, when it has become certain.

A face (``lossmith.torch.Doctor``, ``lossmith.keras.Doctor``, ``lossmith.jax.Doctor``) shows it the first batches, the
losses of steps and epochs and what gradients do, as NumPy or as arrays of its framework. Contract violations are said
at once. What is statistical must hold at three looks in a row, for a training is looked at often. Notes wait for the
summary. A rule that fails itself, or a bug of this module, becomes one line and never stops the training.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError, InputError, LossmithError, MisuseError
from .batch import Batch, is_half, one_sided, read, shapes
from .course import course
from .criteria.words import num, plural
from .engine import seen
from .evidence import Evidence, gather
from .finding import Findings
from .history import History
from .ledger import Ledger, Say
from .loss import LossFacts
from .origin import origin
from .record import Keeper, Windows, write
from .rule import rule
from .steps import Ends, StepFacts
from .verdict import Verdict

ENOUGH_ROWS = 256  # batches are collected until they have so many
MOST_BATCHES = 8
_LOOKS = 3  # a statistical finding must hold at so many looks in a row
_FIRST_EPOCHS = 8  # the curves are looked at after each of them, where they could be a sign of anything
_BETWEEN = 256  # steps between two later looks: short epochs are not all looked at
_LIVE = frozenset(("NUM01", "OPT03", "OPT04", "OUT15", "GEN01"))
_OF_THE_START = frozenset(("INIT01", "INIT02", "INIT03", "DATA01", "DATA02"))
_FEW_STEPS = 200
_SOME_ROWS = 64  # from so many rows on, the loss of the best constant is known well enough for a sentence


class Watch:
    """One training, watched.

    Args:
        loss: The loss, as in :func:`lossmith.doctor.check`, or None.
        model: The model, or None; only its description is read.
        strict: Raise :class:`lossmith.errors.MisuseError` as soon as an error is found.
        ignore: Codes of rules to leave out.
        file: Where the history goes: ``.json`` (with findings and verdict) or ``.csv``; read by ``lossmith doctor``.
        say: What gets the texts; by default they are printed to the standard error.
        untrained: Whether the model starts from its initial weights.
        frozen: Whether part of its weights is not trained, though the model does not say so.
        activation: The last activation, if no model says it.

    Raises:
        InputError: The loss is none, or the file has another suffix.
        DataError: The file's directory does not exist.
        UnknownNameError: ``ignore`` names no rule.

    Example:
        >>> import numpy as np
        >>> from lossmith.doctor.watch import Batch, Watch
        >>> watch = Watch("nn.CrossEntropyLoss", say=print)
        >>> watch.batch(Batch(np.array([[0.2, 0.8]] * 16), np.array([1, 0] * 8)))
        True
        >>> watch.look()  # doctest: +ELLIPSIS
        lossmith doctor, first batch: OUT02 error · Softmax output is fed to a loss that applies softmax itself...
    """

    def __init__(
        self,
        loss: Any = None,
        model: Any = None,
        *,
        strict: bool = False,
        ignore: Iterable[str] = (),
        file: str | os.PathLike[str] | None = None,
        say: Say | None = None,
        untrained: bool = True,
        frozen: bool = False,
        activation: str | None = None,
    ) -> None:
        self.ledger = Ledger(say, strict=strict, ignore=ignore)
        self._known = gather(loss, model=model, activation=activation)
        if frozen and self._known.model is not None:
            self._known = replace(self._known, model=replace(self._known.model, frozen=True))
        self._file = None if file is None else Path(file)
        if self._file is not None and self._file.suffix.lower() not in (".json", ".csv"):
            raise InputError(f"file is {str(file)!r}; expected a name that ends in .json or .csv")
        if self._file is not None and not self._file.resolve().parent.is_dir():
            raise DataError(f"{file} cannot be written: there is no directory {self._file.parent}; create it first")
        self._untrained = untrained
        self._batches: list[Batch] = []
        self._half = False
        self._first: Evidence | None = None
        self._looked = False
        self._constant: float | None = None
        self._recent: list[Batch] = []
        self._held_out: list[Batch] = []
        self._keeper = Keeper()
        self._windows = Windows()
        self._ends = Ends()
        self._odd = 0  # non-finite losses of single steps, in a row
        self._finite: tuple[int, float] | None = None
        self._facts: StepFacts | None = None
        self._held: dict[str, int] = {}
        self._unread = ""
        self._closed = False
        self._steps_before = 0  # what the step count was at the end of the last epoch
        self._looked_at = 0  # and at the last look at the curves
        self.steps = 0

    @property
    def loss(self) -> LossFacts | None:
        """What is known of the loss."""
        return self._known.loss

    @property
    def knows_loss(self) -> bool:
        """Whether the rules know what the loss computes."""
        return self._known.loss is not None and self._known.loss.definition is not None

    def recognised(self, loss: LossFacts) -> None:
        """Take in what the loss was found to be, before the first batch."""
        self._known = replace(self._known, loss=loss, framework=self._known.framework or loss.framework)

    # --- what is shown ------------------------------------------------------------------------------------------------
    @property
    def wants_batch(self) -> bool:
        """Whether more of the first batches are wanted."""
        return not (self._looked or self._unread) and len(self._batches) < MOST_BATCHES and self._rows < ENOUGH_ROWS

    @property
    def _rows(self) -> int:
        return sum(len(b.target) if np.ndim(b.target) else 1 for b in self._batches)

    def batch(self, batch: Batch) -> bool:
        """Take in one of the first batches, the very first one before its step; return whether more are wanted.

        It is read now (one copy to the host, of at most 2^20 numbers an array), and judged by :meth:`look`.
        """
        if not self.wants_batch:
            return False
        try:
            host = read(batch)
            made = None  # what the first one was read as, the others are
            if self._first is None:
                made = gather(self._known.loss, *host[:2], inputs=host.inputs, weight=host.weight)
        except LossmithError as error:
            self._unread = str(error).partition("\n")[0]
            return False
        self._half = self._half or is_half(batch.prediction)
        if self._first is None:
            behind = origin(*batch[:2])
            self._known = replace(self._known, claimed=behind.activation or self._known.claimed, origin=behind)
        if self._batches and shapes(host) != shapes(self._batches[0]):
            return self.wants_batch  # of other shapes, as the last one of an epoch: it cannot be put beside the others
        if made is not None:
            self._first = self._with(made, stage="start" if self._untrained else "training")
        self._batches.append(host)
        return self.wants_batch

    def part(self, name: str, loss: Any, batch: Batch, activation: str | None = None) -> None:
        """Judge the first batch of one of several losses; its findings say ``name`` as the place."""
        with self.ledger.guarded(f"the look at {name}"):
            try:
                host = read(batch)
                made = gather(loss, *host[:2], inputs=host.inputs, weight=host.weight)
            except LossmithError:
                return
            stage = "start" if self._untrained else "training"
            behind = origin(*batch[:2])
            one = replace(made, claimed=behind.activation or activation, origin=behind, half=is_half(batch.prediction))
            one = replace(one, framework=made.framework or self._known.framework, stage=stage)
            found = self.ledger.judge(f"first of {name}", one, without=_OF_THE_START)
            self.ledger.found[f"first of {name}"] = [replace(f, where=name) for f in found]
            self.ledger.speak("first batch")

    def look(self, *, enough: bool = False) -> None:
        """Judge the first batch, or, where all are in or ``enough`` says so, the first batches together."""
        with self.ledger.guarded("the look at the first batch"):
            if self._first is not None and "first" not in self.ledger.found:
                self.ledger.judge("first", self._first)
                self.ledger.speak("first batch")
            if self._batches and (enough or not self.wants_batch) and not self._looked:
                self._looked = True
                together = self._joined(self._batches)
                if len(self._batches) > 1 and not one_sided(self._batches):
                    self.ledger.judge("batches", together, without=_OF_THE_START)
                if together.score is not None and together.score.values.size >= _SOME_ROWS:
                    self._constant = together.to_learn
                self.ledger.speak("first batches")

    def recent(self, batches: Iterable[Batch]) -> None:
        """Take in some of the latest batches, in place of those before, for the judgement at the end."""
        with contextlib.suppress(LossmithError):
            self._recent = [read(b) for b in batches]

    def held_out(self, batches: Iterable[Batch]) -> None:
        """Take in predictions on rows that are not trained on, for the judgement at the end."""
        with contextlib.suppress(LossmithError):
            self._held_out = [read(b) for b in batches]

    def losses(self, values: Iterable[float]) -> None:
        """Take in the training losses of single steps, in their order."""
        values = [float(v) for v in values]
        if values and all(map(math.isfinite, values)):
            self.steps += len(values)
            self._odd, self._finite = 0, (self.steps, values[-1])
        else:
            self._count_odd(values)
        self._ends.add(values)
        self._windows.add(values)
        if self._odd >= _LOOKS:
            self._lost()

    def _count_odd(self, values: list[float]) -> None:
        for value in values:
            self.steps += 1
            if math.isfinite(value):
                self._odd, self._finite = 0, (self.steps, value)
            else:
                self._odd += 1

    def epoch(self, record: Mapping[str, Any], *, steps: int = 0) -> None:
        """Take in the numbers of an epoch by name (``loss``, ``val_loss``, ``accuracy``, …), and look at the curves.

        ``steps`` is how many it had, where :meth:`losses` was not given those of its steps.
        """
        with self.ledger.guarded("the look at an epoch"):
            self.steps += steps
            self._keeper.add(record)
            if self._keeper.quiet:
                self._held.clear()
                self.ledger.found.pop("curves", None)
            elif self._due():
                self._looked_at = self.steps
                self._curves()
                self.ledger.speak(f"epoch {len(self._keeper.rows)}")
            self._steps_before = self.steps
            if self._file is not None and self._keeper.is_time():
                self._write()

    def _due(self) -> bool:
        """Whether the curves are to be looked at: after the first epochs, long ones, and ones of unknown length."""
        unknown = self.steps == self._steps_before
        return unknown or len(self._keeper.rows) <= _FIRST_EPOCHS or self.steps - self._looked_at >= _BETWEEN

    def curves(self) -> None:
        """Look at the losses of the steps, where there are no epochs."""
        if not self._keeper.rows:
            with self.ledger.guarded("the look at the losses"):
                self._curves()
                self.ledger.speak(f"step {self.steps}")

    def facts(self, facts: StepFacts) -> None:
        """Take in what the steps show, and judge it."""
        with self.ledger.guarded("the look at the steps"):
            self._facts = replace(
                facts,
                first=self._ends.first if self._ends.first.size else facts.first,
                last=self._ends.last if self._ends.first.size else facts.last,
            )
            self.ledger.judge("steps", replace(self._known, steps=self._facts))
            self.ledger.speak(f"step {facts.steps}" if facts.steps else "start")

    # --- what is found ------------------------------------------------------------------------------------------------
    @property
    def findings(self) -> Findings:
        """All findings so far, most serious first; causes stand for their consequences."""
        base = self._first or self._known
        parts = [seen(base), *([plural(self.steps, "step")] if self.steps else [])]
        parts += [plural(len(self._keeper.rows), "epoch")] if self._keeper.rows else []
        notes = [f"The first batch could not be read: {self._unread}"] if self._unread else []
        ledger = self.ledger
        return Findings(ledger.settled, broken=ledger.broken, seen=", ".join(filter(None, parts)), assumptions=notes)

    @property
    def history(self) -> History | None:
        """The curves so far: of the epochs, or of windows of steps where there are none; None before the first."""
        return self._keeper.history or self._windows.history

    @property
    def verdict(self) -> Verdict | None:
        """What the curves say of over- and underfitting; None while there are none."""
        history = self._keeper.history
        if history is None:
            return None
        with contextlib.suppress(LossmithError):
            return course(history, constant=self._constant)
        return None

    def close(self, *, quietly: bool = False) -> None:
        """Look at everything a last time, write the file and say the summary; a second call does nothing.

        Raises:
            MisuseError: ``strict``, and an error is found.
        """
        if self._closed:
            return
        self._closed = True
        with self.ledger.guarded("the last look"):
            self.look(enough=True)
            if 0 < self._odd < _LOOKS:
                self._lost()
            self._curves(final=True)
            self._end()
        with self.ledger.guarded("the summary"):
            if self._file is not None:
                self._write()
            if not quietly:
                self.ledger.say(self.summary())
        errors = [f for f in self.findings.errors if f.code not in self.ledger.said]
        if self.ledger.strict and errors and not quietly:
            raise MisuseError(errors)

    def summary(self) -> str:
        """Return what was found, the verdict and where the history is, as text."""
        found, verdict = self.findings, self.verdict
        head = found.summary if found else f"nothing found in {found.seen}."
        lines = [f"lossmith doctor: {head}"]
        for f in found:
            fresh = f.code not in self.ledger.said and f.severity != "note"
            lines.append(f.to_text() if fresh else f"  {f.headline}")
        lines += found.assumptions
        if verdict is not None:
            lines.append(verdict.sentence)
        if self._file is not None and self._keeper.rows:
            lines.append(f"History: {self._file}")
        return "\n".join(lines)

    # --- inside -------------------------------------------------------------------------------------------------------
    def _with(self, made: Evidence, **more: Any) -> Evidence:
        """Return the evidence of a batch with what is known of loss and model."""
        known = self._known
        return replace(
            made,
            loss=known.loss,
            model=known.model,
            claimed=known.claimed,
            origin=known.origin,
            framework=known.framework or made.framework,
            half=self._half,
            **more,
        )

    def _joined(self, batches: list[Batch]) -> Evidence:
        columns = [None if any(v is None for v in c) else np.concatenate(c) for c in zip(*batches, strict=True)]
        made = gather(self._known.loss, *columns[:2], inputs=columns[2], weight=columns[3])
        return self._with(made, stage="training")

    def _curves(self, *, final: bool = False) -> None:
        """Judge the curves: while the training runs, what is certain or has held for three looks."""
        history = self.history
        if history is None:
            return
        some = None if final else [rule(code) for code in sorted(_LIVE)]
        found = self.ledger.judge("curves", replace(self._known, history=history, constant=self._constant), only=some)
        if not final:
            live = [f for f in found if not (f.code == "OPT03" and _below_the_start(history))]
            codes = {f.code for f in live}
            self._held = {code: self._held.get(code, 0) + 1 for code in codes}
            sure = [f for f in live if f.certainty == "certain" or self._held[f.code] >= _LOOKS]
            self.ledger.found["curves"] = sure

    def _end(self) -> None:
        """Judge the latest predictions, beside the curves, and those on rows that were not trained on."""
        same = [b for b in self._held_out if shapes(b) == shapes(self._held_out[0])]
        if same:
            self.ledger.judge("held out", replace(self._joined(same), stage="finished"), only=[rule("DATA07")])
        history = self.history
        enough = self.steps == 0 or self.steps >= _FEW_STEPS
        if not self._recent or history is None:
            return
        kept = [b for b in self._recent if shapes(b) == shapes(self._recent[0])]
        if one_sided(kept):
            return
        evidence = replace(self._joined(kept), history=history if enough else None, steps=self._facts)
        said = {(f.code, f.severity) for f in self.ledger.found.get("curves", ())}
        found = self.ledger.judge("end", evidence, without=_OF_THE_START)
        self.ledger.found["end"] = [f for f in found if (f.code, f.severity) not in said]

    def _lost(self) -> None:
        """Make the finding of losses that are not finite, with the step."""
        if "steps lost" in self.ledger.found or "NUM01" in self.ledger.ignore:
            return
        first = self.steps - self._odd + 1
        before = "it was never finite" if self._finite is None else f"the last finite one was {num(self._finite[1])}"
        self.ledger.found["steps lost"] = [
            rule("NUM01").finding(
                what=f"The training loss is NaN or infinite from step {first} on.",
                evidence=f"{plural(self._odd, 'step')} in a row; {before}.",
                framework=self._known.framework,
                step=first,
            )
        ]
        self.ledger.speak(f"step {self.steps}")

    def _write(self) -> None:
        if self._file is not None and self._keeper.rows:
            try:
                write(self._file, self._keeper.rows, self.findings, self.verdict)
            except DataError as error:
                self.ledger.tell(f"lossmith doctor: {error}")


class Watched:
    """What the faces share.

    Attributes:
        watch: The watch behind the face.
    """

    watch: Watch

    @property
    def findings(self) -> Findings:
        """What was found so far, most serious first."""
        return self.watch.findings

    @property
    def history(self) -> History | None:
        """The curves so far, or None."""
        return self.watch.history

    @property
    def verdict(self) -> Verdict | None:
        """What the curves say of over- and underfitting, or None."""
        return self.watch.verdict


def _below_the_start(history: History) -> bool:
    """Whether the training loss, though risen, is still below its first value: a schedule's restart, perhaps."""
    v = history.train.values if history.train is not None else np.zeros(0)
    return v.size > 0 and bool(np.median(v[-_LOOKS:]) <= v[0])
