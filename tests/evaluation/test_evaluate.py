"""Numbers worked out by hand, what is guessed and said, and how a result presents itself."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

import lossmith as lm
from frameworks import Backend
from lossmith.evaluation.calibration import calibration_error
from lossmith.evaluation.intervals import normal, wilson

DIGITS = [[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.5, 0.3, 0.2], [0.2, 0.2, 0.6]]


def test_cross_entropy_beside_the_prior() -> None:
    result = lm.evaluate([0.9, 0.8], [1, 1])
    score = result.losses["binary_cross_entropy"]
    assert score.value == pytest.approx(0.1643, abs=5e-5)
    assert score.constant == 0
    assert score.skill is None
    assert result.verdict.startswith("Nothing to learn here")

    result = lm.evaluate([0.9, 0.8, 0.2, 0.1], [1, 1, 0, 0])
    assert result.losses["binary_cross_entropy"].constant == pytest.approx(math.log(2))


def test_multiclass_counts() -> None:
    result = lm.evaluate(DIGITS, [0, 1, 2, 2], class_names=["cat", "dog", "owl"])
    assert result.confusion.counts.tolist() == [[1, 0, 0], [0, 1, 0], [1, 0, 1]]
    worst = result.confusion.most_confused
    assert (worst.true, worst.predicted, worst.count) == ("owl", "cat", 1)
    assert result.metrics["accuracy"].value == 0.75
    assert result.metrics["accuracy"].constant == 0.5
    owl = result.per_class[2]
    assert (owl.precision, owl.recall, owl.f1, owl.support, owl.predicted) == (1.0, 0.5, pytest.approx(2 / 3), 2, 1)
    loss = result.losses["categorical_cross_entropy"]
    assert loss.value == pytest.approx(-np.mean(np.log([0.7, 0.8, 0.2, 0.6])))
    assert loss.constant == pytest.approx(1.5 * math.log(2))  # the entropy of ¼, ¼, ½


def test_regression_numbers() -> None:
    result = lm.evaluate([2.5, 5.5, 6.0], [3.0, 5.0, 7.0])
    assert result.losses["squared_error"].value == pytest.approx(0.5)
    assert result.metrics["rmse"].value == pytest.approx(0.5**0.5)
    assert result.metrics["bias"].value == pytest.approx(-1 / 3)
    assert result.metrics["max_error"].value == 1.0
    assert result.metrics["r2"].value == pytest.approx(1 - 1.5 / 8)
    assert result.losses["squared_error"].skill == pytest.approx(1 - 1.5 / 8)
    assert result.losses["poisson"].skill is None  # it may be negative, so a ratio says nothing


def test_train_target_sets_the_constant() -> None:
    result = lm.evaluate([1.0, 2.0, 3.0], [1.0, 2.0, 4.0], train_target=[0.0, 0.0, 3.0])
    assert result.losses["squared_error"].constant == pytest.approx(np.mean((np.array([1, 2, 4]) - 1.0) ** 2))
    result = lm.evaluate(DIGITS, [0, 1, 2, 2], train_target=[0, 0, 1, 2])
    assert result.losses["categorical_cross_entropy"].constant == pytest.approx(
        -np.mean(np.log([0.5, 0.25, 0.25, 0.25]))
    )
    assert result.metrics["accuracy"].constant == 0.25  # always class 0
    assert "of the training targets" in lm.evaluate([1.0, 2.5], [1.0, 2.0], train_target=[3.0]).verdict


def test_weights_count_as_repeated_rows() -> None:
    once = lm.evaluate(DIGITS, [0, 1, 2, 2], weight=[1, 2, 0, 3])
    rows = [0, 1, 1, 3, 3, 3]
    repeated = lm.evaluate(np.array(DIGITS)[rows], np.array([0, 1, 2, 2])[rows])
    for name, metric in repeated.metrics.items():
        assert once.metrics[name].value == pytest.approx(metric.value), name
    one, other = once.losses["categorical_cross_entropy"], repeated.losses["categorical_cross_entropy"]
    assert (one.value, one.constant) == pytest.approx((other.value, other.constant))


def test_calibration_error() -> None:
    assert calibration_error(np.array([1.0, 1.0]), np.array([1.0, 0.0])) == 0.5
    assert calibration_error(np.array([0.25, 0.25, 0.25, 0.25]), np.array([1.0, 0, 0, 0])) == 0.0
    assert calibration_error(np.array([0.1, 0.9]), np.array([0.0, 0.0]), np.array([3.0, 1.0])) == pytest.approx(0.3)


def test_intervals() -> None:
    low, high = wilson(0.85, 1000)
    assert (low, high) == (pytest.approx(0.8265, abs=1e-4), pytest.approx(0.8708, abs=1e-4))
    assert wilson(1.0, 10) == (pytest.approx(0.7225, abs=1e-4), 1.0)
    assert wilson(None, 0) == (None, None)
    low, high = normal(np.array([0.0, 1.0] * 50), None)
    assert high - low == pytest.approx(2 * 1.96 * (0.25 / 99) ** 0.5, rel=1e-4)
    assert normal(np.array([1.0]), None) == (None, None)
    assert normal(np.array([1.0, np.inf]), None) == (None, None)


# --- what is guessed, and said ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("prediction", "target", "task", "form"),
    [
        ([1.5, 2.5, 0.3], [1.0, 2.0, 0.5], "regression", "values"),
        ([[1.5], [2.5]], [1.0, 2.2], "regression", "values"),
        ([[1.5, 2.0], [2.5, 1.0]], [[1.0, 2.2], [1.0, 3.0]], "regression", "values"),
        ([0.2, 0.7], [0, 1], "binary", "probabilities"),
        ([-2.0, 0.7], [False, True], "binary", "logits"),
        ([-2.0, 0.7], [-1, 1], "binary", "logits"),
        ([0, 1, 1], [0, 1, 0], "binary", "labels"),
        (["no", "yes"], ["no", "no"], "binary", "labels"),
        ([[0.2, 0.8], [0.6, 0.4]], [0, 1], "binary", "probabilities"),
        ([[2.0, -8.0], [0.6, 0.4]], [0, 1], "binary", "logits"),
        (DIGITS, [0, 1, 2, 2], "multiclass", "probabilities"),
        (DIGITS, ["a", "b", "c", "c"], "multiclass", "probabilities"),
        (np.array(DIGITS) * 3, [0, 1, 2, 2], "multiclass", "logits"),
        (DIGITS, [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1]], "multiclass", "probabilities"),
        ([0, 1, 2, 2, 1, 0], [0, 1, 1, 2, 1, 2], "multiclass", "labels"),
        ([0, 2, 1, 1, 1, 0], [0, 1, 1, 0, 1, 0], "multiclass", "labels"),
        ([0.2, 0.7], [1, 2], "binary", "probabilities"),
        ([0.2, 0.7], [0, 255], "binary", "probabilities"),
        ([0.2, 0.7], [1.0, 2.0], "binary", "probabilities"),
        ([1, 2, 2], [1, 2, 1], "binary", "labels"),
        ([[0.2, 0.8], [0.6, 0.4]], [1, 2], "binary", "probabilities"),
        ([1.2, 1.7], [1, 2], "regression", "values"),
        ([1.02, 0.97], [1.0, 1.0], "regression", "values"),
        ([0.2, -0.1], [0.0, 0.0], "regression", "values"),
        ([-1.2, -0.9], [-1.0, -1.0], "regression", "values"),
        ([0.9, 0.8], [1.0, 1.0], "binary", "probabilities"),
        ([3.5, 2.0], [1, 1], "binary", "logits"),
        (np.arange(200) + 0.3, np.arange(200), "regression", "values"),
        (np.arange(200) % 80, (np.arange(200) + 3) % 80, "regression", "values"),
        ([3, 5, 4, 2], [4, 5, 4, 2], "regression", "values"),
        ([-3, 1, 2, 1, -3, 1], [2, 1, 3, 1, 2, 2], "regression", "values"),
        ([-1, 1, 1], [1, -1, 1], "binary", "labels"),
        (["a", "b", "c"], ["a", "b", "b"], "multiclass", "labels"),
        ([[0.9, 0.8, 0.1], [0.2, 0.2, 0.6]], [[1, 1, 0], [0, 0, 0]], "multilabel", "probabilities"),
        ([[3.0, 1.0, -2.0], [0.2, 0.2, 0.6]], [[1, 1, 0], [0, 0, 0]], "multilabel", "logits"),
        ([[1, 1, 0], [0, 0, 0]], [[1, 1, 0], [0, 0, 1]], "multilabel", "labels"),
    ],
)
def test_task_and_form_are_guessed_and_said(prediction: object, target: object, task: str, form: str) -> None:
    result = lm.evaluate(prediction, target)
    assert (result.task, result.form) == (task, form)
    assert result.assumptions[0].startswith(f"Task {task}, as ")
    assert task == "regression" or f"read as {form}, " in result.assumptions[1]
    assert all("says otherwise" in said or "Positive class" in said for said in result.assumptions)


def test_what_is_given_is_not_guessed() -> None:
    result = lm.evaluate(DIGITS, [0, 1, 2, 2], task="multiclass", form="logits")
    assert (result.assumptions, result.notes) == ((), ())
    assert "softmax_cross_entropy" in result.losses


@pytest.mark.parametrize(
    ("prediction", "target", "said"),
    [
        ([0.2, 0.7], [1, 2], "Task binary, as the target holds only 1 and 2, and the predictions lie in [0, 1];"),
        ([1, 2, 2], [1, 2, 1], "Task binary, as the target holds only 1 and 2, and so do the predictions;"),
        ([0.2, 0.7], [1, 2], "Positive class: '2'; class_names= (--classes) names both, the negative one first."),
        ([1.2, 1.7], [1, 2], "holds only 1 and 2, and the predictions are neither class numbers nor probabilities;"),
        ([1.02, 0.97], [1.0, 1.0], "as the target is 1 in every row, and the predictions are no probabilities;"),
        ([2.9, 99.8], [0, 1], "Predictions read as percentages, as they lie between 2.9 and 99.8; form= (--form) says"),
        ([0.5, 3.5], [0, 1], "as logits, as they lie between 0.5 and 3.5 (if these are per cent: form='percentages');"),
        ([[90.0, 10.0, 0.0], [20.0, 70.0, 10.0]], [0, 1], "read as percentages, as rows sum to 100;"),
        (np.arange(80), np.arange(80), "hold 80 different whole numbers, too many for classes;"),
        ([3, 5, 4, 2], [4, 5, 4, 2], "hold 4 different whole numbers that hardly come again, so they are no classes;"),
        ([-3, 1, 2, 1, -3, 1], [2, 1, 3, 1, 2, 2], "hold 4 different whole numbers, some below 0;"),
        ([1, 2, 1, 0, 2, 1], [1, 2, 1, 0, 2, 2], "hold 3 different whole numbers, taken as classes;"),
    ],
)
def test_every_guess_says_why(prediction: object, target: object, said: str) -> None:
    assert any(said in assumption for assumption in lm.evaluate(prediction, target).assumptions)


def test_percentages_score_as_their_hundredths() -> None:
    p, y = np.array([0.2, 0.7, 0.4, 0.9]), [0, 1, 1, 0]
    for given in (p, np.stack([1 - p, p], axis=1)):
        hundredths, per_cent = lm.evaluate(given, y), lm.evaluate(100 * given, y)
        assert per_cent.form == "probabilities"
        for name, score in hundredths.losses.items():
            assert per_cent.losses[name].value == pytest.approx(score.value)
    labels = np.stack([y, 1 - np.array(y)], axis=1)
    assert lm.evaluate(np.stack([p, p], axis=1) * 100, labels, task="multilabel").form == "probabilities"
    small = lm.evaluate([0.5, 3.5], [0, 1], form="percentages")
    assert small.losses["binary_cross_entropy"].value == pytest.approx(-(np.log(0.995) + np.log(0.035)) / 2)


def test_labels_of_two_numbers_score_as_0_and_1() -> None:
    p, y = [0.2, 0.7, 0.4, 0.9], np.array([0, 1, 1, 0])
    expected = {name: metric.value for name, metric in lm.evaluate(p, y).metrics.items()}
    for target in (y + 1, (y + 1).astype(float), 255 * y):
        assert {name: metric.value for name, metric in lm.evaluate(p, target).metrics.items()} == expected
    train = lm.evaluate(p, y + 1, train_target=[1, 1, 1, 2])
    assert train.losses["binary_cross_entropy"].constant == pytest.approx(-(np.log(0.75) + np.log(0.25)) / 2)
    logits = lm.evaluate([-1.0, 2.0, 1.0, -3.0], y + 1, task="binary")
    assert (logits.form, logits.metrics["accuracy"].value) == ("logits", 1.0)


def test_probabilities_that_do_not_sum_to_1_are_not_called_logits() -> None:
    with pytest.raises(lm.DomainError) as found:
        lm.evaluate([[0.9, 0.8, 0.1], [0.2, 0.2, 0.6]], [0, 2])
    assert str(found.value) == (
        "prediction at position 0 sums to 1.8, and the probabilities of a row sum to 1 (1 of 2 rows do not); is a "
        "column missing, or is each column a yes or no of its own (a sigmoid per class)? Then end the model in "
        "softmax, or divide each row by its sum"
    )


def test_two_columns_and_one_agree() -> None:
    p, y = np.array([0.2, 0.7, 0.4, 0.9]), [0, 1, 1, 1]
    one, two = lm.evaluate(p, y), lm.evaluate(np.stack([1 - p, p], axis=1), y)
    for name, metric in one.metrics.items():
        assert two.metrics[name].value == pytest.approx(metric.value), name
    z = np.log(p) - np.log1p(-p)
    logits = lm.evaluate(np.stack([0 * z, z], axis=1), y)
    assert logits.losses["sigmoid_cross_entropy"].value == pytest.approx(one.losses["binary_cross_entropy"].value)


def test_class_names_that_are_numbers_name_the_labels() -> None:
    result = lm.evaluate(DIGITS, [1, 2, 3, 3], class_names=[1, 2, 3])
    assert result.metrics["accuracy"].value == 0.75


def test_positive_class_is_the_second() -> None:
    assert lm.evaluate([0.9, 0.1], ["yes", "no"]).metrics["accuracy"].value == 1
    assert lm.evaluate([0.9, 0.1], ["yes", "no"], class_names=["yes", "no"]).metrics["accuracy"].value == 0


def test_rounded_probabilities_are_repaired_and_said() -> None:
    p = np.array([[0.33, 0.33, 0.33], [0.5, 0.25, 0.25]])
    result = lm.evaluate(p, [0, 1])
    assert any("rows of probabilities do not sum to 1" in note for note in result.notes)
    assert result.losses["categorical_cross_entropy"].value == pytest.approx((math.log(3) + math.log(4)) / 2)


def test_any_frameworks_arrays(backend: Backend) -> None:
    result = lm.evaluate(backend.asarray(np.array(DIGITS)), backend.asarray(np.array([0, 1, 2, 2])))
    expected = lm.evaluate(DIGITS, [0, 1, 2, 2])
    assert result.losses["categorical_cross_entropy"].value == pytest.approx(
        expected.losses["categorical_cross_entropy"].value, rel=1e-6
    )


# --- the verdict -----------------------------------------------------------------------------------------------------
def test_verdict_better_worse_and_undecided(rng: np.random.Generator) -> None:
    y = rng.normal(size=500)
    assert lm.evaluate(y + 0.1, y).verdict.startswith(
        "Better than always answering the mean: squared error 0.01 against"
    )
    assert lm.evaluate(y + 9, y).verdict.startswith("Worse than always answering the mean")
    noise = lm.evaluate(np.full(500, y.mean()) + 1e-3 * rng.normal(size=500), y)
    assert noise.verdict.startswith("Not distinguishable from always answering the mean: squared error")


def test_verdict_on_labels() -> None:
    y = np.array([0, 1] * 100)
    assert lm.evaluate(y, y).verdict.startswith(
        "Better than always answering the most frequent class: accuracy 100.0 %"
    )
    assert lm.evaluate(1 - y, y).verdict.startswith("Worse than always")
    assert lm.evaluate(np.zeros(200, int), y).verdict.startswith("Not distinguishable")
    both = np.stack([y, 1 - y, y], axis=1)
    assert lm.evaluate(both, both, task="multilabel", form="labels").verdict.startswith(
        "Hard labels; 0.0 % of the single"
    )


def test_verdict_on_an_infinite_loss() -> None:
    z = np.array([[-np.inf, 0.0, 1.0], [2.0, 0.0, 1.0]])
    result = lm.evaluate(z, [0, 0])
    assert "is infinite" in result.verdict
    assert json.loads(result.to_json())["losses"]["softmax_cross_entropy"]["value"] is None


def test_findings() -> None:
    y = np.repeat([0, 1, 2], [150, 100, 50])
    z = np.zeros((300, 3))
    z[np.arange(300), np.where(y == 2, 1, y)] = 9.0
    z[:60] = [0.0, 9.0, 0.0]
    found = {f.code: f"{f.what} {f.evidence}" for f in lm.evaluate(z, y, class_names=["ant", "bee", "cow"]).findings}
    assert found["EVAL04"].startswith("Never predicted: 'cow' (50 rows). 1 of 3 classes")
    assert found["EVAL07"] == ("Most confused: 'ant' and 'bee'. 60 of 110 errors (54.5 %); 'ant' taken for 'bee': 60.")
    assert found["EVAL05"].startswith(
        "The probabilities are too sure. Mean confidence 100.0 %, accuracy 63.3 % (calibration error 0.3664)."
    )
    few = lm.evaluate([1.0, 2.0, 3.5], [1.1, 2.0, 3.0]).findings
    assert ("EVAL03", "Only 3 rows.") in [(f.code, f.what) for f in few]
    biased = lm.evaluate(y + 1.0 + 0.1 * (-1.0) ** np.arange(300), y * 1.0).findings
    assert any("too high by 1 on average" in f.what for f in biased)


def test_accuracy_of_the_most_frequent_class_is_told() -> None:
    rare = (np.arange(1000) < 10).astype(int)
    silent = lm.evaluate(np.full(1000, 0.01), rare)
    assert [f.code for f in silent.findings if "EVAL02" in f.consequences] == ["EVAL01"]
    rng = np.random.default_rng(0)
    ranked = lm.evaluate(np.clip(0.005 + 0.2 * rare * rng.random(1000), 0, 1), rare)
    (found,) = [f for f in ranked.findings if f.code == "EVAL02"]
    assert "against 99.0 %" in found.evidence


def test_losses_outside_their_domain_are_left_out_and_said() -> None:
    result = lm.evaluate([-2.0, 0.5, 1.0], [0.0, 0.5, 2.0])
    assert list(result.losses) == ["squared_error", "absolute_error", "huber", "log_cosh"]
    notes = "\n".join(result.notes)
    assert "Squared logarithmic error left out: it takes prediction (-1, ∞), and 1 of 3 are not (such as -2)." in notes
    assert "Absolute percentage error left out: it takes target any real number except 0" in notes


# --- the result ------------------------------------------------------------------------------------------------------
def test_json_has_a_schema_and_no_nan() -> None:
    result = lm.evaluate(DIGITS, ["é", "b", "c", "c"], class_names=["é", "b", "c"])
    text = result.to_json()
    data = json.loads(text, parse_constant=pytest.fail)
    assert data == result.to_dict()
    assert data["schema"] == 2
    assert (data["task"], data["rows"]) == ("multiclass", 4)
    assert data["confusion"]["counts"] == [[1, 0, 0], [0, 1, 0], [1, 0, 1]]
    assert data["class_names"] == ["é", "b", "c"]
    assert text.isascii()


def test_text_shows_everything() -> None:
    result = lm.evaluate(DIGITS, [0, 1, 2, 2], class_names=["cat", "d\x1b[31mog", "owl"])
    text = str(result)
    for part in ("multiclass, 4 rows", "Categorical cross-entropy", "accuracy", "true \\ predicted", "owl"):
        assert part in text
    assert text.splitlines()[1:3] == [
        "Assumed:",
        "- Task multiclass, as the prediction has 3 columns and the target is one label per row; task=",
    ]
    assert text.index("Assumed:") < text.index(result.verdict[:40]) < text.index("Losses")
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 100
    assert repr(result).startswith("<evaluation of 4 rows (multiclass, probabilities): ")


def test_many_classes_give_way_to_pairs(rng: np.random.Generator) -> None:
    y = rng.integers(0, 1200, 3000)
    result = lm.evaluate((y + (rng.uniform(size=3000) < 0.2)) % 1200, y, task="multiclass")
    assert result.confusion.counts is None
    assert result.confusion.between(result.confusion.pairs[0].true, result.confusion.pairs[0].predicted) > 0
    assert "Most confused" in str(result)
    assert "The 20 classes of lowest F1 of" in str(result)


# --- bad input -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("prediction", "target", "options", "error", "message"),
    [
        ([0.1, 0.2], [1, 0, 1], {}, lm.ShapeError, "prediction has 2 rows and target has 3"),
        ([], [], {}, lm.InputError, "there is nothing to evaluate"),
        (None, [1], {}, lm.InputError, "prediction is None"),
        ([[1.0, 2.0], [1.0]], [1, 0], {}, lm.InputError, "prediction cannot be read as an array"),
        (np.zeros((2, 2, 2)), [1, 0], {}, lm.ShapeError, r"prediction has shape \(2, 2, 2\)"),
        ([0.1, np.nan], [1, 0], {}, lm.DomainError, r"prediction is NaN at position 1 \(1 of 2 rows\)"),
        ([0.1, 0.2], [1, None], {}, lm.DomainError, "target is missing at position 1"),
        ([0.1, 0.2], [1, [2]], {}, lm.InputError, "target cannot be read"),
        ([0.1, 0.2], np.array([1, {}], object), {}, lm.InputError, "target holds dict, int"),
        ([0.1, 0.2], [1j, 2], {}, lm.InputError, "target has dtype complex128"),
        ([[["a"]]], [1], {}, lm.ShapeError, "shape"),
        ([["a", "b"]], [1], {}, lm.InputError, "holds text"),
        ([0.1, 0.2], [1, 0], {"task": "binry"}, lm.UnknownNameError, "no task named 'binry'; did you mean 'binary'"),
        ([0.1, 0.2], [1, 0], {"form": "probs"}, lm.UnknownNameError, "did you mean 'probabilities'"),
        ([0.1, 0.2], [1, 0], {"task": "regression", "form": "logits"}, lm.InputError, "regression takes 'values'"),
        ([0.1, 1.2], [1, 0], {"form": "probabilities"}, lm.DomainError, r"holds 1.2 at position 1 .*form='logits'"),
        ([0.1, np.inf], [1, 0], {"form": "logits"}, lm.DomainError, "holds inf at position 1"),
        ([0.1, np.inf], [1.5, 0], {}, lm.DomainError, "prediction is infinite at position 1"),
        ([[0.9, 0.9, 0.1]] * 2, [0, 1], {}, lm.DomainError, r"prediction at position 0 sums to 1.9"),
        ([*DIGITS * 10, [1.2, -0.1, -0.1]], [0] * 41, {}, lm.DomainError, "holds 1.2 at position 40"),
        (DIGITS, [0, 1, 2, 3], {}, lm.LabelError, r"label 3 at position 3, but there are 3 classes \(valid: 0 … 2\)"),
        (DIGITS, [1, 2, 3, 3], {}, lm.LabelError, "labels seem to count from 1"),
        (DIGITS, [0, 1, 2, -1], {}, lm.LabelError, "leave unlabelled rows out"),
        (DIGITS, [0, 1, 2, 1.5], {"task": "multiclass"}, lm.LabelError, "target is 1.5 at position 3"),
        (DIGITS, [0, 1, 2, 1.5], {}, lm.InputError, "holds 1.5, which is no class label; for a regression"),
        (DIGITS, ["a", "b", "b", "b"], {}, lm.LabelError, r"3 columns and target holds 2 classes \(a, b\)"),
        (DIGITS, ["a", "b", "b", "x"], {"class_names": "abc"}, lm.InputError, "class_names is the string 'abc'"),
        (DIGITS, [0, 1, 2, 2], {"class_names": ["a", "a", "b"]}, lm.InputError, "holds 'a' 2 times"),
        (DIGITS, [0, 1, 2, 2], {"class_names": ["a", "b"]}, lm.ShapeError, "3 columns for 2 class names"),
        (DIGITS, ["cat", "dog", "dgo", "owl"], {"class_names": ["cat", "dog", "owl"]}, lm.UnknownNameError,
         r"no class named 'dgo' in the class names \(target, position 2\); did you mean 'dog'"),
        (DIGITS, [[1, 1, 0]] * 4, {"task": "multiclass"}, lm.LabelError, "several labels per row are task"),
        (DIGITS, DIGITS, {"task": "multiclass"}, lm.LabelError, "for soft rows give"),
        (DIGITS, [[1, 0]] * 4, {"task": "multiclass"}, lm.LabelError, "2 columns for 3 classes"),
        (DIGITS, [0, 1, 0, 1], {"task": "binary"}, lm.ShapeError, "binary takes"),
        ([[0, 1]] * 2, [0, 1], {"task": "binary", "form": "labels"}, lm.ShapeError, "class labels have shape"),
        ([0.1, 0.2], [0, 1], {"task": "multiclass", "form": "logits"}, lm.ShapeError, "multiclass takes"),
        (["a", "b"], ["a", "c"], {"task": "binary"}, lm.LabelError, r"binary needs 2 classes, not 3 \(a, b, c\)"),
        ([0.1, 0.2, 0.3], [1, 2, 3], {"task": "binary"}, lm.LabelError, r"not 3 \(1, 2, 3\); take task multiclass"),
        ([0.1, 0.2], [2, 2], {"task": "binary"}, lm.LabelError, "target holds one class only, '2'; name both with"),
        ([0.1, 120.0], [0, 1], {"form": "percentages"}, lm.DomainError, r"120 at position 1, and percentages lie in"),
        (["a", "b"], [0, 1], {"form": "percentages"}, lm.InputError, "percentages are numbers"),
        (np.zeros((200, 2)), np.arange(200), {}, lm.InputError,
         r"2 columns and target holds 200 different numbers.*give one prediction per target \(--prediction NAME\)"),
        ([0.1, 0.2], [0.5, 1], {"task": "binary"}, lm.LabelError, "target is 0.5 at position 0"),
        (["a", "b"], [0, 1], {"task": "multiclass"}, lm.LabelError, "only the prediction holds class names"),
        ([0.3, 0.4], ["a", "a"], {}, lm.LabelError, "target holds one class only, 'a'"),
        ([0.3, 0.4], ["a", "b"], {"task": "regression"}, lm.InputError, r"target holds text \('a' at position 0\)"),
        (["a", "b"], [0, 1], {"form": "logits"}, lm.InputError, "logits are numbers"),
        ([[1.0, 2.0]], [1.0], {"task": "regression"}, lm.ShapeError, "one prediction per target"),
        (DIGITS, [0, 1, 1, 0], {"task": "multilabel"}, lm.ShapeError, "one column per label"),
        (DIGITS, DIGITS, {"task": "multilabel"}, lm.LabelError, "something else than 0 and 1 at position 0"),
        (DIGITS, [[1, 1, 0]] * 4, {"class_names": ["a"]}, lm.ShapeError, "3 columns for 1 class names"),
        (DIGITS, [[1, 1, 0]] * 4, {"form": "labels"}, lm.LabelError, "form 'labels' takes 0 and 1"),
        ([0.1, 0.2], [1, 0], {"weight": [1]}, lm.ShapeError, r"weight has shape \(1,\); expected \(2,\)"),
        ([0.1, 0.2], [1, 0], {"weight": [1, -1]}, lm.InputError, "weight is -1 at position 1"),
        ([0.1, 0.2], [1, 0], {"weight": [0, 0]}, lm.InputError, "weight is 0 in every row"),
        ([0.1, 0.2], [1, 0], {"weight": ["a", "b"]}, lm.InputError, "weight holds text"),
        ([1.0, 2.0], [1.5, 2], {"train_target": [[1.0, 2.0]]}, lm.ShapeError, "only the number of rows may differ"),
        ([[-np.inf] * 3, [1, 2, 3]], [0, 1], {"form": "logits"}, lm.DomainError, "not for all classes"),
    ],
)  # fmt: skip
def test_bad_input(prediction: object, target: object, options: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        lm.evaluate(prediction, target, **options)
