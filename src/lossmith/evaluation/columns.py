"""Which columns of a file hold the target and the prediction: by name, by pattern, or guessed from the usual names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from ..errors import DataError, UnknownNameError

TARGETS = ("target", "y_true", "label", "labels", "y", "true", "truth", "class", "actual", "observed", "ground_truth")
TARGET_PREFIXES = ("target_", "y_true_", "true_", "label_", "y_")
PREDICTIONS = (
    *("probabilities", "logits", "prediction", "predictions", "y_pred", "yhat", "y_hat", "pred", "predicted"),
    *("probability", "prob", "proba", "y_prob", "y_proba", "p", "logit", "y_logit", "score", "scores", "y_score"),
    *("percentage", "percent", "pct", "forecast", "fitted"),
)
PREDICTION_PREFIXES = (
    *("p_", "prob_", "proba_", "probability_", "y_prob_", "y_proba_", "logit_", "y_logit_", "prediction_", "pred_"),
    *("y_pred_", "yhat_", "y_hat_", "score_", "y_score_", "pct_", "percent_"),
)
_FORMS = {
    "probabilities": ("p", "prob", "proba", "probability", "probabilities"),
    "percentages": ("pct", "percent", "percentage"),
    "logits": ("logit", "logits"),
}


@dataclass(frozen=True)
class Choice:
    """Names of columns.

    Attributes:
        targets: One, or several (multilabel, several targets).
        predictions: One, or several (one per class, label or target).
        note: What was guessed, or an empty string.
    """

    targets: tuple[str, ...]
    predictions: tuple[str, ...]
    note: str = ""

    @property
    def form(self) -> str | None:
        """The form of prediction that the names tell ("p_cat", "logit_cat"), or None."""
        heads = {name.lower().removeprefix("y_").partition("_")[0] for name in self.predictions}
        return next((form for form, words in _FORMS.items() if heads <= set(words)), None)

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """Names of the classes as the columns tell them, or None where they only count from 0."""
        columns = self.targets if len(self.targets) > 1 else self.predictions
        if len(columns) == 1:
            return None
        tails = _tails(columns)
        return None if tails == tuple(map(str, range(len(tails)))) else tails


def choose(
    columns: Sequence[str], target: str | Sequence[str] | None, prediction: str | Sequence[str] | None, where: str
) -> Choice:
    """Return the columns asked for, or those with the usual names.

    Args:
        columns: Names in the file, in its order.
        target: Name, pattern with ``*``, several of either (or one string with commas), or None to guess.
        prediction: The same.
        where: The file, for messages.

    Raises:
        UnknownNameError: There is no such column; the message offers the nearest.
        DataError: There is nothing to guess from, or one column is asked for twice.
    """
    predictions = None if prediction is None else _named(columns, prediction, where)
    targets = _guess_target(columns, predictions or (), where) if target is None else _named(columns, target, where)
    if predictions is None:
        predictions = _guess_prediction(columns, targets, where)
    for name in predictions:
        if name in targets:
            raise DataError(f"column {name!r} of {where} is both target and prediction; name another with --prediction")
    guessed = [f"{what} {listed(names)}" for what, names, given in
               (("target", targets, target), ("prediction", predictions, prediction)) if given is None]  # fmt: skip
    note = f"Columns by name: {', '.join(guessed)}; --target and --prediction say otherwise." if guessed else ""
    return Choice(targets, predictions, note)


def _named(columns: Sequence[str], wanted: str | Sequence[str], where: str) -> tuple[str, ...]:
    found: list[str] = []
    for entry in [wanted] if isinstance(wanted, str) else wanted:
        for name in [entry] if entry in columns else [part.strip() for part in entry.split(",")]:
            found += _matching(columns, name, where)
    for name in found:
        if found.count(name) > 1:
            raise DataError(f"column {name!r} of {where} is asked for {found.count(name)} times")
    return tuple(found)


def named(columns: Sequence[str], wanted: str, where: str) -> tuple[str, ...]:
    """Return columns by name, by number (from 0; from the end if negative) or by pattern; several with commas.

    Raises:
        UnknownNameError: There is no such column; the message offers the nearest.
        DataError: One column is asked for twice.
    """
    parts = [wanted] if wanted in columns else [part.strip() for part in wanted.split(",")]
    return _named(columns, [_numbered(columns, part) for part in parts], where)


def _numbered(columns: Sequence[str], name: str) -> str:
    """Return the column with this number, or ``name`` where it is no number or a column has it for its name."""
    if name in columns or not name.removeprefix("-").isdecimal():
        return name
    return columns[int(name)] if -len(columns) <= int(name) < len(columns) else name


def _matching(columns: Sequence[str], name: str, where: str) -> list[str]:
    if name in columns:
        return [name]
    matching = _in_order([c for c in columns if fnmatchcase(c, name)]) if "*" in name else []
    if not matching:
        raise UnknownNameError("column", name, columns, where=where)
    return matching


def _guess_target(columns: Sequence[str], taken: Sequence[str], where: str) -> tuple[str, ...]:
    free = [c for c in columns if c not in taken]
    one = _first(free, TARGETS)
    if one:
        return (one,)
    group = _group([c for c in free if not _names_a_prediction(c.lower())], TARGET_PREFIXES)
    if group:
        return group
    raise DataError(f"{where} has no column with a usual target name; say which with --target NAME: {listed(columns)}")


def _names_a_prediction(name: str) -> bool:
    return name in PREDICTIONS or name.startswith(PREDICTION_PREFIXES)


def _guess_prediction(columns: Sequence[str], taken: Sequence[str], where: str) -> tuple[str, ...]:
    free = [c for c in columns if c not in taken]
    group = _group(free, PREDICTION_PREFIXES)
    one = _first(free, PREDICTIONS)
    if group or one:
        return group or (one,)
    raise DataError(
        f"{where} has no column with a usual prediction name; say which with --prediction NAME (repeat it, or write "
        f"'p_*'): {listed(columns)}"
    )


def _first(columns: Sequence[str], usual: Sequence[str]) -> str:
    by_lower = {c.lower(): c for c in reversed(columns)}
    return next((by_lower[name] for name in usual if name in by_lower), "")


def _group(columns: Sequence[str], prefixes: Sequence[str]) -> tuple[str, ...]:
    for prefix in prefixes:
        group = [c for c in columns if c.lower().startswith(prefix) and len(c) > len(prefix)]
        if len(group) > 1:
            return tuple(_in_order(group))
    return ()


def _in_order(names: list[str]) -> list[str]:
    """Return names whose tails are numbers by number (p_2 before p_10), others in the file's order."""
    tails = _tails(names)
    if not all(t.isdecimal() for t in tails):
        return names
    return [name for _, name in sorted(zip(map(int, tails), names, strict=True))]


def _tails(names: Sequence[str]) -> tuple[str, ...]:
    """Return what is left of the names without what all have in front, up to an underscore or other separator."""
    for prefix in (*PREDICTION_PREFIXES, *TARGET_PREFIXES):
        if all(n.lower().startswith(prefix) and len(n) > len(prefix) for n in names):
            return tuple(n[len(prefix) :] for n in names)
    common = names[0] if len(names) > 1 else ""
    while not all(n.startswith(common) for n in names):
        common = common[:-1]
    cut = 1 + max(common.rfind(c) for c in "_.:-/ ")
    return tuple(n[cut:] or n for n in names)


def listed(names: Sequence[str]) -> str:
    """Return names in quotes, not too many."""
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    return ", ".join(map(repr, names[:12])) + more
