"""From a source to an evaluation: splits are handed to an executor, their partials are merged as they come.

Merging is associative and commutative to the last bit, so partials need not be waited for in order, and none but the
total is held. A split that fails for reasons of the machine is tried again; if the executor itself breaks (a worker was
killed), the rest is computed here. A split is counted when its partial is merged, which happens once.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

from ...errors import DataError, InputError, LossmithError
from ..result import Evaluation
from . import files, grouped, plan, splits, summary
from .batch import UnreadableError
from .partial import Partial, run
from .plan import Options, Plan
from .progress import Advance, shown
from .split import Split
from .store import Store

_TRIES = 3
_AHEAD = 2  # splits handed out per worker, so that none waits
_WORKERS = 8


def stream(
    source: Any,
    options: Options,
    *,
    executor: Executor | None = None,
    resume: str | os.PathLike[str] | None = None,
    progress: bool | None = None,
) -> Evaluation:
    """Evaluate a source in splits; :func:`lossmith.evaluate` documents the arguments.

    Raises:
        DataError: The source cannot be read, or has no rows.
        InputError: The rows do not fit the task, or the source cannot be resumed.
    """
    if isinstance(source, _Arrays):
        names = source.names
        options = replace(
            options,
            prediction=names["prediction"],
            target=names["target"],
            weight=names.get("weight"),
            slices=tuple(source.slices),
            group=names.get("group"),
            bytes=names.get("bytes", options.bytes),
        )
    pieces, name = _splits(source, options.skip_bad)
    if resume is not None and not isinstance(pieces, list):
        raise InputError(
            "resume= needs a source whose pieces can be told apart in the next run: files, not streams or batches"
        )
    rows = _rows(pieces) if isinstance(pieces, list) else None
    made, assumptions, every = _plan(iter(pieces), options, name)
    store = None if resume is None else Store(Path(resume), made)
    if made.task == "ranking":  # the groups at the ends of a part are held until all is read
        every = splits.gathered(every)
    with shown(rows, progress) as advance, _pool(executor) as pool:
        total, notes = _fold(made, every, pool, store, advance)
    result = summary.evaluation(made, total, assumptions, notes)
    return summary.named(result, name)


def _splits(source: Any, skip_bad: bool) -> tuple[Iterable[Split], str]:
    """Return the splits of a source (a list where they are known beforehand), and its name."""
    if isinstance(source, _Arrays):
        return splits.of_arrays(source.columns, source.slices, source.group), ""
    if files_given(source):
        found = files.find(source)
        name = found[0].name if len(found) == 1 else f"{len(found)} files"
        return list(splits.of_files(found, skip_bad)), name
    if hasattr(source, "__arrow_c_stream__"):
        return splits.of_arrow_stream(source), ""
    return splits.of_batches([source] if isinstance(source, Mapping) else source), ""


class _Arrays:
    """A pair of arrays to be evaluated in splits, and arrays beside them that are not None."""

    def __init__(self, prediction: Any, target: Any, slices: Mapping[str, Any], **beside: Any) -> None:
        given = {"prediction": prediction, "target": target} | {n: x for n, x in beside.items() if x is not None}
        # What the arrays are called as columns: the usual names, or others where slices have these.
        self.names = {usual: next(n for n in _free(usual) if n not in slices) for usual in given}
        self.columns = {self.names[usual]: x for usual, x in given.items() if usual != "group"}
        self.group = {self.names["group"]: given["group"]} if "group" in given else {}
        self.slices = dict(slices)


def _free(name: str) -> Iterator[str]:
    while True:
        yield name
        name += "_"


def arrays(prediction: Any, target: Any, slices: Mapping[str, Any], **beside: Any) -> Any:
    """Return a pair of arrays as a source, with the columns whose values are slices.

    Args:
        prediction: (N, …).
        target: (N, …).
        slices: By name, (N,) each.
        beside: "weight", "group" and "bytes", (N,) each (bytes also (N, …)), or None.
    """
    return _Arrays(prediction, target, slices, **beside)


def files_given(source: Any) -> bool:
    """Whether a source is a path, or a list of paths."""
    if isinstance(source, str | os.PathLike):
        return True
    return isinstance(source, list | tuple) and bool(source) and all(isinstance(p, str | os.PathLike) for p in source)


def _rows(pieces: Sequence[Split]) -> int | None:
    known = [split.size for split in pieces]
    return None if None in known else sum(r or 0 for r in known)


def _plan(pieces: Iterator[Split], options: Options, name: str) -> tuple[Plan, tuple[str, ...], Iterator[Split]]:
    """Return the plan that the first rows suggest, what was assumed, and all splits."""
    seen: list[Split] = []
    for split in pieces:
        seen.append(split)
        try:
            columns = split.names()
            choice = plan.choose_columns(columns, options, split.where)
            slices = plan.slice_columns(columns, options, split.where)
            beside = (options.row_id, options.weight, plan.column_of(options.bytes))
            wanted = replace(options.head, names=plan.names_of(choice.targets, choice.predictions, *beside))
            for piece in split.pieces(wanted):
                for batch in piece.batches:
                    if len(next(iter(batch.columns.values()))):
                        if sorted(columns) == ["prediction", "target"]:
                            choice = replace(choice, note="")  # a pair of arrays, or as good as one
                        make = plan.make if grouped.task_of(options, choice, batch) is None else grouped.plan
                        made, assumptions = make(choice, batch, options, slices)
                        return made, assumptions, chain(seen, pieces)
        except UnreadableError:
            if not options.skip_bad:
                raise
    raise DataError(f"{name or 'the source'} has no rows{' that can be read' if options.skip_bad else ''}")


@contextmanager
def _pool(executor: Executor | None) -> Iterator[Executor]:
    """Yield the executor, or threads of our own: the kernels and the readers let go of the interpreter's lock."""
    if executor is not None:
        yield executor
        return
    workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    pool = ThreadPoolExecutor(min(workers, _WORKERS), thread_name_prefix="lossmith")
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _fold(
    made: Plan, pieces: Iterator[Split], pool: Executor, store: Store | None, advance: Advance
) -> tuple[Partial, list[str]]:
    """Return the merged partials of all splits, and what there is to say about how they were made."""
    work = _Work(made, pool, store, advance)
    for split in pieces:
        finished = None if store is None else store.load(split)
        if finished is None:
            work.submit(split)
        else:
            work.reused += 1
            work.take(split, finished)
    work.finish()
    return work.total, work.notes()


class _Work:
    """The splits under way."""

    def __init__(self, made: Plan, pool: Executor, store: Store | None, advance: Advance) -> None:
        from . import collect

        self.total = Partial(collect.states(made))
        self.reused = self._here = 0
        self._plan, self._pool, self._store, self._advance = made, pool, store, advance
        self._waiting: dict[Future[Partial], Split] = {}
        self._tries: Counter[str] = Counter()
        self._broken = False
        self._limit = _AHEAD * int(getattr(pool, "_max_workers", 16) or 16)

    def submit(self, split: Split) -> None:
        """Hand a split out, when there is room."""
        while len(self._waiting) >= self._limit:
            self._take_some()
        self._hand_out(split)
        self._take_some(timeout=0)  # what is done is kept at once: a crash then costs no more than what is under way

    def finish(self) -> None:
        """Wait for all."""
        while self._waiting:
            self._take_some()

    def take(self, split: Split, partial: Partial) -> None:
        """Count a split."""
        self.total.merge(partial)
        self._advance(split.size or 0)

    def notes(self) -> list[str]:
        """Say what was reused, and what broke."""
        found = []
        if self.reused:
            found.append(f"{self.reused} finished splits were taken from the earlier run (resume=).")
        if self._here:
            found.append(
                f"A worker of the executor died; {self._here} splits were computed by the calling process instead."
            )
        return found

    def _take_some(self, timeout: float | None = None) -> None:
        done, _ = wait(self._waiting, timeout=timeout, return_when=FIRST_COMPLETED)
        for future in done:
            split = self._waiting.pop(future)
            try:
                partial = future.result()
            except LossmithError:
                self._cancel()
                raise
            except BrokenExecutor:
                self._broken = True
                self._run_here(split)
            except Exception:
                self._again(split)
            else:
                self._keep(split, partial)

    def _again(self, split: Split) -> None:
        """Try a split once more that failed for reasons of its own machine; here, the last time."""
        self._tries[split.key] += 1
        if self._tries[split.key] < _TRIES:
            self._hand_out(split)
        else:
            self._keep(split, run(self._plan, split))

    def _hand_out(self, split: Split) -> None:
        if not self._broken:
            try:
                self._waiting[self._pool.submit(run, self._plan, split)] = split
                return
            except BrokenExecutor:
                self._broken = True
        self._run_here(split)

    def _run_here(self, split: Split) -> None:
        self._here += 1
        self._keep(split, run(self._plan, split))

    def _keep(self, split: Split, partial: Partial) -> None:
        if self._store is not None:
            self._store.save(split, partial)
        self.take(split, partial)

    def _cancel(self) -> None:
        for future in self._waiting:
            future.cancel()
