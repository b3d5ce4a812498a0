"""Tokens of a stream: a token per row, or a sequence of them per row as an array or a list of any length."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...errors import DataError, DomainError, InputError, ShapeError
from ..columns import Choice
from ..intervals import t_quantile, wilson
from ..metrics import among_top
from ..result import Evaluation
from ..slices import MISSING
from ..sources import side_by_side
from ..states import Bootstrap, Bundle, FewTexts, LossSums, Moments, RowCounts, State, TokenCounts
from ..tasks import language_model as task
from ..tasks import perplexity
from .batch import Batch, Lists
from .grouped import check_complete, lists_of, named, only
from .numbers import Ends, both
from .plan import NESTED, Options, Plan, column_of

_DOCUMENTS = 1000  # told apart, to say where they are few
_BATCH_VALUES = 1 << 17
_TOPS = {1: "accuracy", 5: "top_5_accuracy"}


def plan(choice: Choice, head: Batch, options: Options) -> Plan:
    """Return the plan: whether predictions are losses or scores of a vocabulary is told by their dimensions."""
    task.check_no_names(options.class_names)
    target = head.columns[only(choice.targets, "target", "language_model")]
    prediction = _predictions(choice.predictions, head)
    form = task.form_of(options.form, _dimensions(prediction), _dimensions(target))
    if not isinstance(options.bytes, str | None) and not 0 < options.bytes < math.inf:
        raise DomainError(_bytes_are(f"{options.bytes:g}"))
    x, _ = _flat(form, prediction, target)
    beside = column_of(options.bytes)
    types = dict.fromkeys(choice.predictions, "float") | {choice.targets[0]: "int"}
    types |= {name: "text" for name in [options.group] if name} | ({} if beside is None else {beside: "float"})
    return named(
        choice,
        options,
        task="language_model",
        form=form,
        kept=form,
        types=tuple(sorted(types.items())),
        nested=NESTED["language_model"],
        batch_rows=max(1, _BATCH_VALUES * len(target) // max(1, x.size)),
        width=x.shape[1] if x.ndim == 2 else 0,
    )


def states(plan: Plan) -> dict[str, State]:
    """Return the empty states of a plan."""
    documents, scored = plan.group is not None, plan.form != "losses"
    of_bytes = isinstance(plan.bytes, str)
    made: dict[str, State] = {
        "ignored": RowCounts(names=("ignored",)),
        "loss": LossSums(skewed=True),
        "tokens": TokenCounts(documents=documents),
    }
    tops = tuple(_TOPS.values()) if scored else ()
    made |= {name: LossSums(spread=False) for name in tops}
    if of_bytes:
        made["bytes"] = Moments()
    if documents:
        made["documents"] = FewTexts(_DOCUMENTS)
        made["bootstrap"] = Bootstrap(sums=("loss", *(["bytes"] if of_bytes else []), *tops))
    return made


class Taker:
    """Lets the states look at tokens."""

    def __init__(self, plan: Plan, bundle: Bundle) -> None:
        self._plan, self._bundle = plan, bundle

    def take(self, batch: Batch) -> None:
        """Look at a batch of tokens or sequences.

        Raises:
            ShapeError: Target and prediction do not fit each other, or the first rows.
            DomainError: A loss, a number of bytes or a document is missing or out of range.
            LabelError: A token is beyond the vocabulary.
        """
        plan, bundle = self._plan, self._bundle
        target = batch.columns[plan.targets[0]]
        if not len(target):
            return
        check_complete(plan, batch)
        x, label = _flat(plan.form, _predictions(plan.predictions, batch), target, batch)
        if plan.width and x.shape[1] != plan.width:
            raise ShapeError(
                f"prediction scores {x.shape[1]} tokens at {batch.locate(0)}, and {plan.width} in the first rows; "
                "expected one vocabulary"
            )
        ignore = task.IGNORED if plan.ignore_index is None else plan.ignore_index
        keep = label.values != ignore
        row = np.repeat(np.arange(len(label)), label.lengths)
        alone = len(row) == len(label) and bool((label.lengths == 1).all())

        def where(token: int) -> str:
            first = int(np.searchsorted(row, row[token]))
            return batch.locate(int(row[token])) + ("" if alone else f" (token {token - first + 1})")

        loss = task.token_losses(plan.form, x, label.values, keep, ignore, where)
        ids, row = label.values[keep].astype(np.int64), row[keep]
        bundle["ignored"].update(ignored=int(keep.size - keep.sum()))
        bundle["loss"].update(loss)
        sums = {"loss": loss}
        if plan.form != "losses":
            for k, name in _TOPS.items():
                sums[name] = among_top(x[keep], ids, k).astype(np.float64)
                bundle[name].update(sums[name])
        if isinstance(plan.bytes, str):
            sums["bytes"] = _bytes(batch.columns[plan.bytes], batch, label.lengths, keep, row)
            bundle["bytes"].update(loss, sums["bytes"])
        document = None
        if plan.group is not None:
            document = _documents(plan, batch, row)
            bundle["documents"].update(document)
            bundle["bootstrap"].update(document, **sums)
        bundle["tokens"].update(ids, loss, document)

    def close(self) -> None:
        """Tokens stand for themselves, so nothing is left."""


# --- columns ---------------------------------------------------------------------------------------------------------
def _predictions(columns: tuple[str, ...], batch: Batch) -> Any:
    """Return the only column of predictions, or several as (N, V)."""
    if len(columns) == 1:
        return batch.columns[columns[0]]
    return side_by_side([batch.columns[name] for name in columns], columns, "the source")


def _dimensions(column: Any) -> int:
    return 1 + column.values.ndim if isinstance(column, Lists) else column.ndim


def _flat(form: str, prediction: Any, target: Any, batch: Batch | None = None) -> tuple[np.ndarray, Lists]:
    """Return losses (P,) or scores (P, V) of all tokens, and the ids of these in lists, one for each row."""
    label = lists_of(target)
    if label.values.ndim != 1 or label.values.dtype.kind not in "iu":
        raise ShapeError(f"target holds {label.values.dtype}; expected whole numbers: one token id per prediction")
    x = prediction.values if isinstance(prediction, Lists) else prediction
    if form == "losses":
        x = x.reshape(-1)
    elif x.ndim == 1:  # a list of scores beside each id
        assert isinstance(prediction, Lists)
        widths = np.unique(prediction.lengths)
        if widths.size > 1:
            raise ShapeError(
                f"prediction scores {widths[0]} tokens in one row and {widths[1]} in another; expected one"
            )
        x = x.reshape(len(prediction), -1)
    else:
        x = x.reshape(-1, x.shape[-1])
    if len(x) == label.values.size and (
        form != "losses" or np.array_equal(lists_of(prediction).lengths, label.lengths)
    ):
        return x, label
    at = "" if batch is None else f" in the rows from {batch.locate(0)} on"
    each = "losses" if form == "losses" else "rows of scores"
    raise ShapeError(
        f"prediction has {len(x)} {each} and target has {label.values.size} token ids{at}, or they are in other rows; "
        f"expected one token id per {'loss' if form == 'losses' else 'row of scores'}"
    )


def _documents(plan: Plan, batch: Batch, row: np.ndarray) -> np.ndarray:
    values, index = batch.slices[str(plan.group)]
    found = values[index[row]]
    missing = found == MISSING
    if missing.any():
        at = batch.locate(int(row[np.argmax(missing)]))
        raise DomainError(f"group is missing at {at}, for a token that counts; every token needs its document")
    return found


def _bytes(column: Any, batch: Batch, lengths: np.ndarray, keep: np.ndarray, row: np.ndarray) -> np.ndarray:
    """Return the bytes of each token that counts, (T,): its own, or its share of those of its row."""
    given = lists_of(column)
    values = given.values
    if values.dtype.kind not in "iuf":
        raise InputError(f"bytes holds {values.dtype}; expected numbers, the length of the text in UTF-8")
    bad = ~((values >= 0) & (values < np.inf))
    if bad.any():
        at = int(np.searchsorted(np.cumsum(given.lengths), int(np.argmax(bad)), side="right"))
        raise DomainError(_bytes_are(f"{values[bad][0]:g} at {batch.locate(at)}"))
    values = values.astype(np.float64)
    if isinstance(column, Lists) or column.ndim > 1:
        if not np.array_equal(given.lengths, lengths):
            raise ShapeError(f"bytes has other lengths than target in the rows from {batch.locate(0)} on")
        return values[keep]
    tokens = np.bincount(row, minlength=lengths.size)
    lost = (tokens == 0) & (values > 0) & (lengths != 1)
    if lost.any():
        raise ShapeError(
            f"bytes is {values[lost][0]:g} at {batch.locate(int(np.argmax(lost)))}, and no token of this row counts; "
            "expected a token that counts in each sequence with bytes"
        )
    return (values / np.maximum(tokens, 1))[row]


def _bytes_are(found: str) -> str:
    return f"bytes is {found}; bytes must be finite, not negative and not 0 in all: the length of the text in UTF-8"


# --- what comes out --------------------------------------------------------------------------------------------------
def evaluation(plan: Plan, bundle: Bundle, assumptions: tuple[str, ...]) -> Evaluation:
    """Return the evaluation of all tokens.

    Raises:
        DataError: None of them counts; DomainError: they have no bytes.
    """
    loss, ignored = bundle["loss"].result(), bundle["ignored"].result()["ignored"]
    tokens = int(loss.count[0])
    if not tokens:
        raise DataError(f"no token is left to evaluate: {ignored} are marked as ignored, and there are no others")
    counts = bundle["tokens"].result()[1]
    costs = perplexity.costs_of_shares(counts)
    constant = math.fsum(counts * costs) / tokens
    ends = loss.of_group().interval() if plan.group is None else _per(bundle, "loss")
    score = perplexity.loss_score(
        plan.form, float(loss.mean[0]), ends, constant, both(bundle["tokens"].gain(costs, loss))
    )
    total = _total_bytes(plan, bundle)
    tops = () if plan.form == "losses" else tuple(_share(plan, bundle, k, name, tokens) for k, name in _TOPS.items())
    return perplexity.told(
        perplexity.Told(
            form=plan.form,
            tokens=tokens,
            ignored=ignored,
            documents=None if plan.group is None else _count(bundle),
            loss=score,
            bytes=total,
            per_byte=_per_byte(plan, bundle, score, tokens, total),
            shares=tops,
            often=perplexity.shares_of_most(counts) if tops else (),
        ),
        assumptions,
    )


def _count(bundle: Bundle) -> int:
    """Return the number of documents, or a smaller one that is large enough not to matter."""
    found = bundle["documents"].result()
    return _DOCUMENTS if found is None else found[0].size


def _per(bundle: Bundle, above: str, below: str = "rows") -> Ends:
    """Return the interval over documents of a sum per token, or per another sum."""
    return both(bundle["bootstrap"].mean_interval(lambda t: t[above] / t[below]))


def _share(plan: Plan, bundle: Bundle, k: int, name: str, tokens: int) -> tuple[int, float, Ends]:
    share = float(bundle[name].result().mean[0])
    return k, share, wilson(share, tokens) if plan.group is None else _per(bundle, name)


def _total_bytes(plan: Plan, bundle: Bundle) -> float | None:
    if not isinstance(plan.bytes, str):
        return plan.bytes
    found = bundle["bytes"].sum_y()
    if not found:
        raise DomainError(_bytes_are(f"0 in all rows of column {plan.bytes!r}"))
    return found


def _per_byte(plan: Plan, bundle: Bundle, loss: Any, tokens: int, total: float | None) -> Ends:
    """Return the interval of the loss per byte: by the delta method over tokens, or over documents."""
    if total is None:
        return None, None
    if not isinstance(plan.bytes, str):
        return perplexity.per_byte_of_all(loss, tokens, total)
    if plan.group is not None:
        return _per(bundle, "loss", "bytes")
    found = bundle["bytes"].result()
    if tokens < 2 or found.mean_x is None:
        return None, None
    ratio = found.mean_x / found.mean_y
    spread = found.variance_x - 2 * ratio * found.covariance + ratio**2 * found.variance_y
    half = t_quantile(tokens - 1) * math.sqrt(max(0.0, spread) / (tokens - 1)) / found.mean_y
    return ratio - half, ratio + half
