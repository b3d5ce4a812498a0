"""The numbers in one sentence: better than a constant prediction or not. ``findings`` says what else stands out.

There is no absolute cut-off of "good" here: every number is held against the constant predictor's, with its interval.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .inputs import Subject
from .result import LossScore, Metric

_CONSTANT = {
    "regression": "always answering the mean",
    "binary": "always answering the share of positives",
    "multiclass": "always answering the class shares",
    "multilabel": "always answering each label's share",
}

_STARTS = {"better": "Better than", "worse": "Worse than", "undecided": "Not distinguishable from", "": "Beside"}


def number(x: float | None) -> str:
    """Return a number to four digits, and – for none."""
    return "–" if x is None else f"{x:.4g}"


def percent(x: float | None) -> str:
    """Return a share in per cent, and – for none; a small one is not rounded to 0.

    >>> percent(0.25), percent(0.0001), percent(0.0)
    ('25.0 %', '0.01 %', '0.0 %')
    """
    if x is None:
        return "–"
    return f"{100 * x:.1g} %" if 0 < abs(x) < 0.0005 else f"{100 * x:.1f} %"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How predictions stand beside the best constant one.

    Attributes:
        word: "better", "worse", "undecided", or an empty string where nothing tells.
        start: The claim, without a point.
        numbers: What shows it, in words, or an empty string.
    """

    word: str
    start: str
    numbers: str = ""

    @property
    def sentence(self) -> str:
        """Claim and numbers in one sentence."""
        return f"{self.start}: {self.numbers}." if self.numbers else f"{self.start}."


def standing(inputs: Subject, losses: Mapping[str, LossScore], metrics: Mapping[str, Metric]) -> Standing:
    """Return how the predictions stand beside the constant predictor."""
    if not losses:
        return _of_labels(inputs, metrics)
    loss = next(iter(losses.values()))
    best = "always answering that quantile" if loss.name == "quantile" else _CONSTANT[inputs.task]
    rival = best + (" of the training targets" if inputs.train_target is not None else "")
    if loss.value is None:
        numbers = f"{_lower(loss.title)} is infinite, as something happened that was predicted to be impossible"
        return Standing(word="worse", start=f"Worse than {rival}", numbers=numbers)
    if loss.constant is None:
        start = f"{loss.title} {number(loss.value)}; there is no finite constant to hold it against"
        return Standing(word="", start=start)
    if loss.constant == 0:
        numbers = f"all targets are equal, so {rival} scores 0; {_lower(loss.title)} is {number(loss.value)}"
        return Standing(word="", start="Nothing to learn here", numbers=numbers)
    word, start = claim(rival, loss.gain_low, loss.gain_high)
    known = []
    if loss.skill is not None and loss.skill > 0:
        known.append(f"skill {percent(loss.skill)}")
    if word == "undecided":
        known.append(f"95 % interval of the gain {number(loss.gain_low)} … {number(loss.gain_high)}")
    said = f" ({'; '.join(known)})" if known else ""
    numbers = f"{_lower(loss.title)} {number(loss.value)} against {number(loss.constant)}{said}"
    return Standing(word=word, start=start, numbers=f"{numbers}{_besides(inputs, metrics)}")


def claim(rival: str, low: float | None, high: float | None, against: float | None = 0.0) -> tuple[str, str]:
    """Return the word and the claim for how an interval of more is better lies to what the rival has.

    >>> claim("chance", 0.6, 0.7, 0.5), claim("chance", 0.4, 0.7, 0.5)
    (('better', 'Better than chance'), ('undecided', 'Not distinguishable from chance'))
    """
    word = ""
    if low is not None and high is not None and against is not None:
        word = "better" if low > against else "worse" if high < against else "undecided"
    return word, f"{_STARTS[word]} {rival}"


def _besides(inputs: Subject, metrics: Mapping[str, Metric]) -> str:
    if inputs.task == "regression":
        rmse, r2 = metrics["rmse"], metrics["r2"]
        tail = "" if r2.value is None else f", R² {number(r2.value)}"
        return f"; RMSE {number(rmse.value)} against {number(rmse.constant)}{tail}"
    if inputs.task == "multilabel":
        hamming = metrics["hamming_loss"]
        return (
            f"; {percent(hamming.value)} of the single labels are wrong against {percent(hamming.constant)} for always "
            f"answering the more frequent value, {percent(metrics['exact_match'].value)} of the rows are right in all"
        )
    accuracy = metrics["accuracy"]
    return f"; accuracy {_share(accuracy)} against {percent(accuracy.constant)} for always the most frequent class"


def _of_labels(inputs: Subject, metrics: Mapping[str, Metric]) -> Standing:
    """Return the standing of hard labels, which have no loss to speak of."""
    if inputs.task == "multilabel":
        return Standing(word="", start=f"Hard labels{_besides(inputs, metrics)}")
    accuracy = metrics["accuracy"]
    if accuracy.low is None or accuracy.high is None or accuracy.constant is None:
        return Standing(word="", start=f"Accuracy {percent(accuracy.value)}")
    rival = "always answering the most frequent class"
    word, start = claim(rival, accuracy.low, accuracy.high, accuracy.constant)
    numbers = f"accuracy {_share(accuracy)} against {percent(accuracy.constant)}"
    return Standing(word=word, start=start, numbers=numbers)


def _share(metric: Metric) -> str:
    if metric.low is None or metric.high is None:
        return percent(metric.value)
    return f"{percent(metric.value)} (95 % interval {100 * metric.low:.1f} … {100 * metric.high:.1f} %)"


def _lower(title: str) -> str:
    return title[0].lower() + title[1:]
