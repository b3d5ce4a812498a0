"""EVAL: what ``lossmith.evaluate`` says of finished predictions, beside its numbers.

The criteria are decided in ``lossmith.evaluation`` (``findings``, ``slices``, ``duplicates``), which holds the metrics
and their intervals; ``check`` does not ask them again.
"""

from __future__ import annotations

from typing import Literal

from ..rule import Rule, Severity, register

_NEEDS: tuple[tuple[Literal["prediction", "target"], ...], ...] = (("prediction", "target"),)


def _rule(
    code: str,
    title: str,
    severity: Severity,
    criterion: str,
    why: str,
    fix: str,
    *,
    tier: int = 1,
    explains: tuple[str, ...] = (),
    references: tuple[str, ...] = (),
) -> Rule:
    return Rule(
        code=code,
        title=title,
        tier=tier,
        severity=severity,
        when=("predictions",),
        needs=_NEEDS,
        criterion=criterion,
        why=why,
        fixes={"": fix},
        explains=explains,
        references=references,
    )


register(
    _rule(
        "EVAL01",
        "No better than always the same answer",
        "error",
        "The 95 % interval of the gain over the best constant prediction, paired by row, lies below 0 (an error), or "
        "holds 0 (a warning). Of hard labels: the accuracy's interval beside always the most frequent class.",
        "A constant needs no model: what was learned does not help on these rows.",
        "lossmith doctor FILE  # looks for what went wrong: shuffled rows, wrong labels, a wrong activation",
        explains=("EVAL02",),
    ),
    _rule(
        "EVAL02",
        "The accuracy is that of the most frequent class",
        "warning",
        "The accuracy's 95 % interval holds the share of the most frequent class.",
        "Where one class is frequent a high accuracy says nothing about the others.",
        "go by balanced accuracy, macro F1 or average precision, and move the threshold or weigh the classes",
    ),
    _rule(
        "EVAL03",
        "Too few rows",
        "note",
        "Fewer than 100 rows; of rankings groups, of language models documents, of segmentation 30 images.",
        "All numbers are rough, and small differences are chance.",
        "evaluate on more rows, or by cross-validation",
    ),
    _rule(
        "EVAL04",
        "Classes are never predicted",
        "warning",
        "Rows of the class were seen, and it is never the answer.",
        "For these classes the model is worth nothing, and averages hide it.",
        "weigh the classes in the loss, or move the threshold",
    ),
    _rule(
        "EVAL05",
        "The probabilities are too sure or too unsure",
        "warning",
        "The mean confidence lies outside of the accuracy's 95 % interval and is 2 points or more from it; or the "
        "temperature of least cross-entropy is told from 1 by a likelihood-ratio test (p < .001) and saves 1 % of the "
        "cross-entropy or more. Too unsure is a note.",
        "A probability of 0.9 does not come true in 90 % of the rows: thresholds and costs that go by it are wrong.",
        "divide the logits by a temperature that is fitted on validation rows",
        references=("https://proceedings.mlr.press/v70/guo17a.html",),
    ),
    _rule(
        "EVAL06",
        "Another threshold scores better",
        "note",
        "Binary: of all thresholds the best one gains .02 of F1 over 0.5, and three standard errors of F1 there, so "
        "that the best of many by chance is not told.",
        "0.5 is right for equal costs and calibrated probabilities alone.",
        "choose the threshold on validation rows, for the cost of each mistake",
    ),
    _rule(
        "EVAL07",
        "Two classes make many of the errors",
        "note",
        "Three classes or more: the pair that is confused most makes 10 % of the errors or more, both directions "
        "together, and more than chance would (p < .01 for any pair, if errors fell on all of them alike).",
        "Mending one pair mends much; mislabelled rows often gather there.",
        "look at rows of the two classes, their labels first",
    ),
    _rule(
        "EVAL08",
        "The predictions are off on average",
        "note",
        "Regression: the 95 % interval of the mean error does not hold 0.",
        "A constant added to all predictions would help.",
        "check that the last layer has a bias and that a scaling of the target is undone as it was done",
    ),
    _rule(
        "EVAL09",
        "Few rows make most of the loss",
        "note",
        "100 rows or more: the worst 1 % hold 40 % of the loss or more. (Squares of normal errors: 8 %.)",
        "The mean says little about the other rows, and a training on it follows these few.",
        "look at them first, they may be mislabelled",
    ),
    _rule(
        "EVAL10",
        "A slice does worse than the other rows",
        "warning",
        "Welch's test of its losses against those of all other rows, after Benjamini and Hochberg at 5 % over all "
        "slices of 20 rows or more, and a mean loss more than 10 % above theirs. The worst three are told.",
        "A good mean hides it. It is no claim that the model could do better there: some rows are harder.",
        "look at its worst rows; more training rows of it, or a model that knows the column",
        references=("https://doi.org/10.1111/j.2517-6161.1995.tb02031.x",),
    ),
    _rule(
        "EVAL11",
        "Rows are in the training data, too",
        "error",
        "With train=: 1 % of the rows or more, and two at least, are also in the training rows, by a row id whose "
        "targets agree or by all columns that both have.",
        "There a model shows what it remembers, not what it has learned: on new rows it is worse than these numbers.",
        "evaluate without them",
    ),
    _rule(
        "EVAL12",
        "Rows are left out",
        "warning",
        "Rows of a source that is read in parts have a missing value, or a prediction or a target that is NaN or "
        "infinite.",
        "No number is about these rows, and rows that a model fails on are seldom like the others.",
        "look at the row that is named, and mend the predictions there",
    ),
    _rule(
        "EVAL13",
        "The pixel accuracy says little",
        "warning",
        "Segmentation: one class holds more than 90 % of the pixels, and the mean IoU is more than 20 points below the "
        "pixel accuracy.",
        "Answering the largest class everywhere scores nearly as well.",
        "go by the IoU of the other classes; Dice or Tversky losses weigh small regions",
    ),
    _rule(
        "EVAL14",
        "Many groups are ordered worse than at random",
        "warning",
        "Ranking: 100 groups or more, and in more than 25 % of them the first metric is below that of a random order.",
        "A good mean hides it.",
        "look at these groups: what do they share?",
    ),
)
