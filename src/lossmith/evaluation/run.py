"""``evaluate``: arrays, a file or any source of rows in, an ``Evaluation`` out.

Arrays and small files are looked at as a whole, and every number is exact. Everything else is streamed (``engine``):
the same records, in constant memory, with guaranteed bounds where a number is no longer exact.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..errors import InputError
from . import duplicates, engine, figures, findings, losses, metrics, tasks, temperature, verdict
from . import slices as by_value
from .arrays import Locate
from .inputs import Inputs, prepare
from .result import Evaluation
from .sources import load, load_all

IN_MEMORY = 64 << 20  # bytes of a single file up to which it is read as a whole
_TRAIN_WHOLE = (
    "train= (--train) is held against one Parquet, CSV or NPZ file that is looked at as a whole (stream=False takes "
    "one above 64 MiB, too); give such a file, and leave out executor=, resume= and skip_bad="
)

_ASKED_WHOLE = (
    "{} needs all rows at once, and this is read in splits; give arrays, or one Parquet, CSV or NPZ file (stream=False "
    "takes one above 64 MiB, too), and leave out executor=, resume=, skip_bad= and row_id="
)


def evaluate(
    source: Any = None,
    target: Any = None,
    *,
    prediction: Any = None,
    task: str | None = None,
    form: str | None = None,
    class_names: Sequence[object] | None = None,
    weight: Any = None,
    train_target: Any = None,
    row_id: str | None = None,
    slices: Mapping[str, Any] | Sequence[str] | None = None,
    group: Any = None,
    bytes: Any = None,
    ignore_index: int | None = None,
    k: int | None = None,
    quantile: float | None = None,
    train: str | os.PathLike[str] | None = None,
    stream: bool | None = None,
    executor: Executor | None = None,
    resume: str | os.PathLike[str] | None = None,
    skip_bad: bool = False,
    progress: bool | None = None,
    ignore: Iterable[str] = (),
) -> Evaluation:
    """Say what predictions are worth: losses against a constant predictor, metrics, confusion, a verdict in words.

    Predictions come as a pair of arrays, ``evaluate(prediction, target)``, or from a source of rows,
    ``evaluate(source, target="y", prediction="p_*")``, with names of columns. What is read in splits (all but arrays
    and single files up to 64 MiB) needs constant memory (but for 8 bytes per group of a ranking and a few numbers per
    different token), gives the same bits whatever the splits and the executor, and reports areas under curves with
    guaranteed bounds. All tasks are read so; of a ranking the rows of a group must stand together.

    Args:
        source: Predictions: (N,) or (N, 1) values, probabilities or logits of the positive class, or class labels; (N,
            C) probabilities or logits; lists and arrays of any framework. Or a source: Parquet, CSV or Arrow files, as
            path, directory (also partitioned as "name=value"), pattern, list of these or URL; anything with
            ``__arrow_c_stream__`` (data frames, queries, data sets); a mapping of columns; an iterable of
            (prediction, target) pairs, mappings of columns or Arrow batches. An image or a sequence of tokens is a row
            of a source: an element of an array (N, …), or a list.
        target: (N,) numbers, class indices or class names; (N, C) one-hot rows, or 0/1 for several labels per row. Of a
            source: the column, guessed from the usual names if None.
        prediction: Of a source: the column or columns (``p_*``), likewise. Without a source: the predictions.
        task: "regression", "binary", "multiclass" or "multilabel"; "ranking" (scores of items in groups),
            "segmentation" (label maps (N, H, W), one whole number per pixel) or "language_model" (losses of tokens in
            nats, or their logits (…, V), with the tokens' ids as target); guessed if None, which the result then says
            first.
        form: "values", "probabilities", "percentages" (0 to 100), "logits" or "labels" (hard class labels), "losses"
            (of tokens); guessed likewise.
        class_names: Names of the classes in the order of the columns; for binary: negative, positive.
        weight: (N,) factors per row, not negative. Of a source: the name of its column.
        train_target: Targets of the training set; the constant predictor learns from them instead of ``target``; with
            arrays only.
        row_id: Of a source: the column that names rows; the place in the source if None. It asks for splits, unless
            there is ``train``.
        slices: Of arrays: columns by name, (N,) each, such as ``{"country": country}``; of a source: names of its
            columns. Each value's rows get their numbers, and those that are worse than the rest are told. In splits a
            column may have 1000 different values.
        group: Ranking: (N,) the query or user of each item. Language model: the document of each token or of each
            sequence, over which intervals are then made. Of a source: the name of its column.
        bytes: Language model: bytes of the text, as one number, of each token or of each sequence, for bits per byte.
            Of a source: the number, or the name of its column.
        ignore_index: Segmentation and language model: the label in the target that does not count; -100 of tokens.
        k: Ranking: where lists are cut (10). Multiclass: tells top-k accuracy, too (ties: the later class first).
        quantile: Regression: the predictions are meant to be that quantile, such as 0.9; its loss then decides.
        train: Beside one file: the file of training rows, Parquet, CSV or NPZ. Rows that are in both are told: by
            ``row_id`` if given, else by all columns that both have.
        stream: True reads in splits what would be looked at as a whole; False the other way round.
        executor: Any ``concurrent.futures.Executor``: threads, processes, a cluster's. Threads of our own if None. (An
            executor, ``resume`` and ``skip_bad`` ask for splits.)
        resume: A directory for finished splits: after a crash the same call takes them up from there.
        skip_bad: Leave out files and row groups that cannot be read, and say so, instead of raising; not of a ranking.
        progress: Whether to show a bar; None shows it on a terminal.
        ignore: Codes of findings to leave out: ``["EVAL03"]``.

    Returns:
        The result; print it, or take ``.losses``, ``.metrics``, ``.to_json()``, ``.save_html(path)``.

    Raises:
        InputError: An argument does not fit; the subclass (ShapeError, DomainError, LabelError) and the text say what.
        UnknownNameError: No task, form, class, column or rule of that name.
        DataError: A file cannot be read; the text names it, and the row group.
        MissingDependencyError: Parquet, Arrow and CSV in splits need pyarrow.

    Example:
        >>> import lossmith as lm
        >>> result = lm.evaluate([0.9, 0.2, 0.8, 0.4], [1, 0, 1, 1])
        >>> result.task, round(result.losses["binary_cross_entropy"].value, 4), result.metrics["accuracy"].value
        ('binary', 0.367, 0.75)
        >>> batches = ((p, y) for p, y in [([0.9, 0.2], [1, 0]), ([0.8, 0.4], [1, 1])])
        >>> lm.evaluate(batches).metrics["accuracy"].value
        0.75
    """
    if source is None:
        source, prediction = prediction, None
    splits = stream or executor is not None or resume is not None or skip_bad or (row_id is not None and train is None)
    if train is not None and (splits or not (_is_source(source, target) and _fits(source, stream))):
        raise InputError(_TRAIN_WHOLE)
    extra = {"group": group, "bytes": bytes, "ignore_index": ignore_index, "k": k, "quantile": quantile}
    asked = {name: x for name, x in extra.items() if x is not None}
    if splits:
        _check_asked(asked, task)
    if _is_source(source, target):
        if not splits and _fits(source, stream):
            return evaluate_file(
                source,
                target=target,
                prediction=prediction,
                task=task,
                form=form,
                class_names=class_names,
                weight=_name(weight),
                slices=_names(slices),
                train=train,
                row_id=row_id,
                **extra,
            ).ignoring(ignore)
        _check_asked(asked, task)
        if stream is False:
            raise InputError("stream=False needs arrays or one Parquet, CSV or NPZ file; leave it out for this source")
        _check_columns(group, bytes)
        options = engine.Options(
            target=target,
            prediction=prediction,
            task=task,
            form=form,
            class_names=class_names,
            row_id=row_id,
            weight=_name(weight),
            slices=_names(slices),
            skip_bad=skip_bad,
            group=group,
            bytes=bytes,
            ignore_index=ignore_index,
            k=k,
        )
    else:
        if prediction is not None:
            raise InputError("prediction= is given beside arrays; type evaluate(prediction, target)")
        if not splits:
            grouped, said = tasks.task_of(task, source, target, group)
            if grouped is not None:
                by_row = {"weight": weight, "train_target": train_target, "slices": slices}
                return _of_task(grouped, source, target, extra, by_row, class_names, form, said).ignoring(ignore)
            inputs = prepare(
                source,
                target,
                task=task,
                form=form,
                class_names=class_names,
                weight=weight,
                train_target=train_target,
            )
            return _evaluation(inputs, extra, slices=_columns(slices)).ignoring(ignore)
        if target is None:
            raise InputError("target is None; expected an array, or the name of a column of a source")
        total = isinstance(bytes, int | float)
        of_rows = {"weight": weight, "group": group, "bytes": None if total else bytes}
        source = engine.arrays(source, target, _columns(slices), **of_rows)
        options = engine.Options(
            task=task,
            form=form,
            class_names=class_names,
            skip_bad=skip_bad,
            bytes=bytes if total else None,
            ignore_index=ignore_index,
            k=k,
        )
        if row_id is not None:
            raise InputError("row_id= is the name of a column, and arrays have none; leave it out")
    if train_target is not None:
        raise InputError("train_target= is for arrays that are looked at as a whole, not in splits yet")
    return engine.stream(source, options, executor=executor, resume=resume, progress=progress).ignoring(ignore)


def _check_asked(asked: Mapping[str, Any], task: str | None) -> None:
    """Raise InputError where something is asked for that takes all rows at once."""
    ranking = task == "ranking" or (task is None and "group" in asked)
    whole = [name for name in asked if name == "quantile" or (name == "k" and not ranking)]
    if whole:
        raise InputError(_ASKED_WHOLE.format("=, ".join(whole) + "="))


def _check_columns(group: Any, bytes: Any) -> None:
    """Raise InputError unless both are what they are of a file."""
    if not isinstance(group, str | None) or not isinstance(bytes, str | int | float | None):
        raise InputError("group= and bytes= of a file are names of its columns (bytes= also a number), not arrays")


def _name(weight: Any) -> str | None:
    """Return the column of a source that holds weights."""
    if weight is None or isinstance(weight, str):
        return weight
    raise InputError(f"weight is {type(weight).__name__}; of a source expected the name of its column: weight='weight'")


def _names(slices: Any) -> tuple[str, ...]:
    """Return the columns of a source whose values are slices."""
    given = (slices,) if isinstance(slices, str) else () if slices is None else slices
    if isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise InputError(
            f"slices is {type(slices).__name__}; of a source expected names of its columns: slices=['country']"
        )
    return tuple(given)


def _columns(slices: Any) -> Mapping[str, Any]:
    """Return columns of slices beside arrays."""
    if slices is None or isinstance(slices, Mapping):
        return {str(name): x for name, x in (slices or {}).items()}
    if hasattr(slices, "columns") and hasattr(slices, "__getitem__"):  # a data frame
        return {str(name): slices[name] for name in slices.columns}
    raise InputError(
        f"slices is {type(slices).__name__}; beside arrays expected columns by name: slices={{'country': country}}"
    )


def _is_source(source: Any, target: Any) -> bool:
    """Whether ``source`` holds targets, too: files, tables or batches."""
    if isinstance(source, str | os.PathLike):
        return True
    if source is None or not (target is None or isinstance(target, str)):
        return False
    if engine.files_given(source) or hasattr(source, "__arrow_c_stream__"):
        return True
    if isinstance(source, list | tuple):
        return bool(source) and (isinstance(source[0], tuple | Mapping) or hasattr(source[0], "schema"))
    return isinstance(source, Iterable) and not hasattr(source, "shape") and not hasattr(source, "__array__")


def _fits(source: Any, stream: bool | None) -> bool:
    """Whether a source is one file that is to be looked at as a whole."""
    if not isinstance(source, str | os.PathLike) or "://" in str(source):
        return False
    path = Path(source)
    if path.suffix.lower() == ".npz":
        return True
    if not path.is_file() or path.name.lower().endswith(engine.FORMATS["ipc"]):
        return False
    return stream is False or path.stat().st_size <= IN_MEMORY


def evaluate_file(
    path: str | os.PathLike[str],
    *,
    target: str | Sequence[str] | None = None,
    prediction: str | Sequence[str] | None = None,
    task: str | None = None,
    form: str | None = None,
    class_names: Sequence[object] | None = None,
    decimal: str | None = None,
    weight: str | None = None,
    slices: Sequence[str] = (),
    train: str | os.PathLike[str] | None = None,
    row_id: str | None = None,
    group: str | None = None,
    bytes: str | float | None = None,
    ignore_index: int | None = None,
    k: int | None = None,
    quantile: float | None = None,
) -> Evaluation:
    """Evaluate the predictions in a Parquet, CSV (also gzip) or NPZ file.

    Args:
        path: The file.
        target: Column with the target; several names, one string with commas, or a pattern (``y_*``) for several.
            Guessed from the usual names if None.
        prediction: Column or columns with the prediction, likewise (``p_*``).
        task: As in :func:`evaluate`.
        form: As in :func:`evaluate`.
        class_names: As in :func:`evaluate`; else the tails of the prediction columns' names, or the distinct targets.
        decimal: "." or ",", the sign before the decimals of numbers that are written as text; the other one then
            groups thousands. Told by the values if None, and said where it is a comma.
        weight: Column with the weight of each row.
        slices: Columns whose values are slices, as in :func:`evaluate`.
        train: File of training rows, as in :func:`evaluate`.
        row_id: The column that names rows in both files; with ``train`` only.
        group: The column with the query of each item (ranking) or the document of each token (language model).
        bytes: The column with the bytes of each token, or their sum.
        ignore_index: As in :func:`evaluate`.
        k: As in :func:`evaluate`.
        quantile: As in :func:`evaluate`.

    Raises:
        DataError: The file cannot be read, or what it holds is no table of numbers; the text names row and column.
        UnknownNameError: It has no such column.
        InputError: As in :func:`evaluate`.
        MissingDependencyError: Parquet needs pyarrow.
    """
    if row_id is not None and train is None:
        raise InputError("row_id= (--row-id) goes with train= (--train) where a file is looked at as a whole")
    _check_columns(group, bytes)
    named = [name for name in (group, bytes) if isinstance(name, str)]
    cut = tuple(dict.fromkeys([*slices, *named]))
    table = load(
        path,
        target=target,
        prediction=prediction,
        class_names=class_names,
        decimal=decimal,
        weight=weight,
        slices=cut,
    )
    for name in named:
        if name not in table.slices:
            raise InputError(f"{name!r} is no name of a column; group= (--group) and bytes= (--bytes) take one each")
    beside = {name: table.slices[name] for name in named}
    table = replace(table, slices={name: x for name, x in table.slices.items() if name in slices or name not in beside})
    extra = {"group": None if group is None else beside[group], "ignore_index": ignore_index, "k": k}
    extra |= {"bytes": beside[bytes] if isinstance(bytes, str) else bytes, "quantile": quantile}
    grouped, said = tasks.task_of(task, table.prediction, table.target, group)
    if grouped is not None:
        by_row = {"weight": weight, "slices": table.slices or None, "train": train}
        result = _of_task(
            grouped, table.prediction, table.target, extra, by_row, class_names, form, (*table.assumptions, *said)
        )
        return replace(result, source=table.source)
    inputs = prepare(
        table.prediction,
        table.target,
        task=task,
        form=form,
        form_hint=table.form,
        class_names=table.class_names,
        weight=table.weight,
        locate=table.locate,
    )
    result = _evaluation(inputs, extra, table.locate, table.slices)
    if train is not None:
        used = (*table.columns.targets, *table.columns.predictions)
        columns = load_all(path), load_all(train)
        found, notes = duplicates.compute(*columns, table.columns.targets, used, row_id, inputs, decimal)
        result = replace(result, duplicates=found, notes=(*result.notes, *notes))
        result = findings.added(result, duplicates.told(found) if found is not None else [])
    return replace(result, assumptions=(*table.assumptions, *result.assumptions), source=table.source)


def _of_task(
    task: str,
    prediction: Any,
    target: Any,
    extra: Mapping[str, Any],
    by_row: Mapping[str, Any],
    class_names: Sequence[object] | None,
    form: str | None,
    assumptions: tuple[str, ...],
) -> Evaluation:
    """Return the evaluation of groups, tokens or images."""
    tasks.check_options(task, extra)
    tasks.check_by_row(task, by_row)
    options = {name: x for name, x in extra.items() if name != "quantile"}
    return tasks.evaluation(
        tasks.Given(
            task=task,
            prediction=prediction,
            target=target,
            class_names=class_names,
            form=form,
            assumptions=assumptions,
            **options,
        )
    )


def _evaluation(
    inputs: Inputs,
    extra: Mapping[str, Any],
    name_of: Locate = str,
    slices: Mapping[str, Any] = MappingProxyType({}),
) -> Evaluation:
    tasks.check_options(inputs.task, extra)
    if extra["k"] is not None and (inputs.form == "labels" or extra["k"] >= len(inputs.class_names)):
        raise InputError(
            f"k is {extra['k']}: top-k accuracy needs scores of more than k classes, and here are "
            f"{len(inputs.class_names)} classes, predicted as {inputs.form}"
        )
    found, left_out = losses.scores(inputs, extra["quantile"])
    numbers, confusion, classes = metrics.compute(inputs, k=extra["k"], level=extra["quantile"])
    drawn = figures.of_rows(inputs, name_of)
    cut, not_told = by_value.compute(inputs, slices)
    of_all = findings.found(inputs, found, numbers, confusion, classes, drawn, temperature.fit(inputs))
    return Evaluation(
        task=inputs.task,
        form=inputs.form,
        rows=inputs.rows,
        class_names=inputs.class_names,
        losses=found,
        metrics=numbers,
        confusion=confusion,
        per_class=classes,
        verdict=verdict.standing(inputs, found, numbers).sentence,
        findings=findings.ordered([*by_value.told(cut), *of_all]),
        assumptions=inputs.assumptions,
        notes=(*inputs.notes, *left_out, *not_told),
        figures=drawn,
        slices=cut,
    )
