"""Every number that scikit-learn has, too, is the same."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import lossmith as lm

sklearn_metrics = pytest.importorskip("sklearn.metrics")

WEIGHTED = pytest.mark.parametrize("weighted", [False, True])


def _weight(rng: np.random.Generator, rows: int, weighted: bool) -> np.ndarray | None:
    return rng.uniform(0.1, 2.0, rows) if weighted else None


def _softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


@WEIGHTED
@pytest.mark.parametrize("form", ["probabilities", "logits"])
@pytest.mark.parametrize("classes", [3, 12])
def test_multiclass(rng: np.random.Generator, weighted: bool, form: str, classes: int) -> None:
    rows = 400
    z = rng.normal(size=(rows, classes))
    y = rng.integers(0, classes, rows)
    z[np.arange(rows), y] += 1.0
    w, p = _weight(rng, rows, weighted), _softmax(z)
    result = lm.evaluate(p if form == "probabilities" else z, y, weight=w)
    hard, metrics = z.argmax(axis=1), result.metrics
    loss = "categorical_cross_entropy" if form == "probabilities" else "softmax_cross_entropy"
    labels = np.arange(classes)

    assert (result.task, result.form) == ("multiclass", form)
    assert result.losses[loss].value == pytest.approx(sklearn_metrics.log_loss(y, p, sample_weight=w, labels=labels))
    share = np.bincount(y, weights=w, minlength=classes) / (rows if w is None else w.sum())
    constant = sklearn_metrics.log_loss(y, np.tile(share, (rows, 1)), sample_weight=w, labels=labels)
    assert result.losses[loss].constant == pytest.approx(constant)
    assert result.losses[loss].skill == pytest.approx(1 - result.losses[loss].value / constant)
    expected = {
        "accuracy": sklearn_metrics.accuracy_score(y, hard, sample_weight=w),
        "balanced_accuracy": sklearn_metrics.balanced_accuracy_score(y, hard, sample_weight=w),
        "macro_f1": sklearn_metrics.f1_score(y, hard, average="macro", sample_weight=w),
        "weighted_f1": sklearn_metrics.f1_score(y, hard, average="weighted", sample_weight=w),
        "mcc": sklearn_metrics.matthews_corrcoef(y, hard, sample_weight=w),
        "kappa": sklearn_metrics.cohen_kappa_score(y, hard, sample_weight=w),
    }
    if classes > 10:
        expected["top_5_accuracy"] = sklearn_metrics.top_k_accuracy_score(y, z, k=5, sample_weight=w)
    assert ("top_5_accuracy" in metrics) == (classes > 10)
    found = lm.evaluate(z, y, weight=w, k=2).metrics["top_2_accuracy"]
    assert found.value == pytest.approx(sklearn_metrics.top_k_accuracy_score(y, z, k=2, sample_weight=w))
    assert found.low < found.value < found.high and found.constant < found.value
    if w is None:  # scikit-learn takes weights with one class against one alone
        expected["macro_auc"] = sklearn_metrics.roc_auc_score(y, p, multi_class="ovr", average="macro")
        expected["macro_average_precision"] = sklearn_metrics.average_precision_score(
            np.eye(classes)[y], p, average="macro"
        )
    constant = np.full(rows, np.argmax(share))
    for name, of in (("accuracy", sklearn_metrics.accuracy_score), ("macro_f1", sklearn_metrics.f1_score)):
        options = {} if name == "accuracy" else {"average": "macro", "zero_division": 0}
        assert metrics[name].constant == pytest.approx(of(y, constant, sample_weight=w, **options)), name
    for name, value in expected.items():
        assert metrics[name].value == pytest.approx(value), name
    np.testing.assert_allclose(result.confusion.counts, sklearn_metrics.confusion_matrix(y, hard, sample_weight=w))
    columns = sklearn_metrics.precision_recall_fscore_support(y, hard, sample_weight=w)
    for i, score in enumerate(result.per_class):
        assert [score.precision, score.recall, score.f1, score.support] == pytest.approx([c[i] for c in columns])


def test_top_k_counts_ties_as_scikit_learn_does(rng: np.random.Generator) -> None:
    z = np.round(rng.normal(size=(400, 12)))  # most rows have ties
    y = rng.integers(0, 12, 400)
    z[np.arange(400), y] += rng.integers(0, 2, 400)
    z[:40] = 0.0
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    for k in (1, 2, 5, 11):
        expected = sklearn_metrics.top_k_accuracy_score(y, z, k=k, labels=np.arange(12))
        for scores in (z, p):
            assert lm.evaluate(scores, y, task="multiclass", k=k).metrics[f"top_{k}_accuracy"].value == expected
    five = sklearn_metrics.top_k_accuracy_score(y, z, k=5, labels=np.arange(12))
    assert lm.evaluate(z, y, task="multiclass", stream=True).metrics["top_5_accuracy"].value == five
    tokens = lm.evaluate(z, y, task="language_model", form="logits").metrics
    assert tokens["top_5_accuracy"].value == five
    assert tokens["accuracy"].value == sklearn_metrics.top_k_accuracy_score(y, z, k=1, labels=np.arange(12))
    same = lm.evaluate(np.zeros((120, 12)), np.arange(120) % 12, task="multiclass", form="logits").metrics
    assert same["top_5_accuracy"].value == same["top_5_accuracy"].constant == 5 / 12


@WEIGHTED
@pytest.mark.parametrize("form", ["probabilities", "logits", "labels"])
def test_binary(rng: np.random.Generator, weighted: bool, form: str) -> None:
    y = (rng.uniform(size=300) < 0.3).astype(int)
    z = np.round(rng.normal(size=300) + 1.5 * y, 1)  # with ties
    w, p = _weight(rng, 300, weighted), 1 / (1 + np.exp(-z))
    hard = (z > 0).astype(int)
    given = {"probabilities": p, "logits": z, "labels": hard}[form]
    result = lm.evaluate(given, y, weight=w)
    expected = {
        "accuracy": sklearn_metrics.accuracy_score(y, hard, sample_weight=w),
        "balanced_accuracy": sklearn_metrics.balanced_accuracy_score(y, hard, sample_weight=w),
        "macro_f1": sklearn_metrics.f1_score(y, hard, average="macro", sample_weight=w),
        "precision": sklearn_metrics.precision_score(y, hard, sample_weight=w),
        "recall": sklearn_metrics.recall_score(y, hard, sample_weight=w),
        "f1": sklearn_metrics.f1_score(y, hard, sample_weight=w),
        "mcc": sklearn_metrics.matthews_corrcoef(y, hard, sample_weight=w),
        "kappa": sklearn_metrics.cohen_kappa_score(y, hard, sample_weight=w),
    }
    if form != "labels":
        expected["auc"] = sklearn_metrics.roc_auc_score(y, z, sample_weight=w)
        expected["average_precision"] = sklearn_metrics.average_precision_score(y, z, sample_weight=w)
        expected["brier"] = sklearn_metrics.brier_score_loss(y, p, sample_weight=w)
        loss = next(iter(result.losses.values()))
        assert loss.value == pytest.approx(sklearn_metrics.log_loss(y, p, sample_weight=w))
    assert (result.task, result.form) == ("binary", form)
    for name, value in expected.items():
        assert result.metrics[name].value == pytest.approx(value), name


@WEIGHTED
@pytest.mark.parametrize("columns", [1, 3])
def test_regression(rng: np.random.Generator, weighted: bool, columns: int) -> None:
    y = rng.gamma(2.0, 2.0, size=(200, columns)).squeeze() + 0.1
    p = np.abs(y + rng.normal(size=y.shape))
    w = _weight(rng, 200, weighted)
    result = lm.evaluate(p, y, weight=w)
    value = {name: score.value for name, score in result.losses.items()}
    assert result.task == "regression"
    assert value["squared_error"] == pytest.approx(sklearn_metrics.mean_squared_error(y, p, sample_weight=w))
    assert value["absolute_error"] == pytest.approx(sklearn_metrics.mean_absolute_error(y, p, sample_weight=w))
    assert value["squared_logarithmic_error"] == pytest.approx(
        sklearn_metrics.mean_squared_log_error(y, p, sample_weight=w)
    )
    assert value["absolute_percentage_error"] == pytest.approx(
        100 * sklearn_metrics.mean_absolute_percentage_error(y, p, sample_weight=w)
    )
    metrics = {name: m.value for name, m in result.metrics.items()}
    assert metrics["r2"] == pytest.approx(sklearn_metrics.r2_score(y, p, sample_weight=w))
    assert metrics["rmse"] == pytest.approx(sklearn_metrics.mean_squared_error(y, p, sample_weight=w) ** 0.5)
    expected = {
        "median_absolute_error": sklearn_metrics.median_absolute_error(y, p, sample_weight=w),
        "explained_variance": sklearn_metrics.explained_variance_score(y, p, sample_weight=w),
        "d2_absolute": sklearn_metrics.d2_absolute_error_score(y, p, sample_weight=w),
        "rmsle": sklearn_metrics.mean_squared_log_error(y, p, sample_weight=w) ** 0.5,
        "smape": np.average(200 * np.abs(p - y) / (p + y), weights=w, axis=0).mean(),
    }
    for name, number in expected.items():
        assert metrics[name] == pytest.approx(number), name
        metric = result.metrics[name]
        assert metric.low is None if (columns, name) == (3, "median_absolute_error") else metric.low < number, name
        assert metric.constant is not None
    assert metrics["bias"] == pytest.approx(np.average(np.mean((p - y).reshape(200, -1), axis=1), weights=w))
    if columns == 1:
        assert metrics["max_error"] == pytest.approx(sklearn_metrics.max_error(y, p))
        if not weighted:
            half = result.drawn().errors.quantiles["0.5"]
            assert half == pytest.approx(sklearn_metrics.median_absolute_error(y, p))


@WEIGHTED
@pytest.mark.parametrize("form", ["probabilities", "logits", "labels"])
def test_multilabel(rng: np.random.Generator, weighted: bool, form: str) -> None:
    y = (rng.uniform(size=(300, 4)) < [0.1, 0.3, 0.5, 0.7]).astype(int)
    z = np.round(rng.normal(size=y.shape) + 2.0 * y - 1.0, 1)  # with ties
    w, p, hard = _weight(rng, 300, weighted), 1 / (1 + np.exp(-z)), (z > 0).astype(int)
    result = lm.evaluate({"probabilities": p, "logits": z, "labels": hard}[form], y, weight=w)
    assert (result.task, result.form) == ("multilabel", form)
    expected = {
        "exact_match": sklearn_metrics.accuracy_score(y, hard, sample_weight=w),
        "hamming_loss": sklearn_metrics.hamming_loss(y, hard, sample_weight=w),
        "micro_f1": sklearn_metrics.f1_score(y, hard, average="micro", sample_weight=w),
        "macro_f1": sklearn_metrics.f1_score(y, hard, average="macro", sample_weight=w),
        "weighted_f1": sklearn_metrics.f1_score(y, hard, average="weighted", sample_weight=w),
        "samples_f1": sklearn_metrics.f1_score(y, hard, average="samples", sample_weight=w, zero_division=0),
    }
    if form != "labels":
        expected |= {
            "macro_auc": sklearn_metrics.roc_auc_score(y, z, sample_weight=w),
            "macro_average_precision": sklearn_metrics.average_precision_score(y, z, sample_weight=w),
            "lrap": sklearn_metrics.label_ranking_average_precision_score(y, z, sample_weight=w),
            "coverage_error": sklearn_metrics.coverage_error(y, z, sample_weight=w),
            "ranking_loss": sklearn_metrics.label_ranking_loss(y, z, sample_weight=w),
        }
        areas = sklearn_metrics.roc_auc_score(y, z, average=None, sample_weight=w)
        assert [c.auc for c in result.per_class] == pytest.approx(areas)
    for name, value in expected.items():
        metric = result.metrics[name]
        assert metric.value == pytest.approx(value), name
        assert metric.low < metric.value < metric.high, name
        assert metric.constant is not None, name
    columns = sklearn_metrics.precision_recall_fscore_support(y, hard, sample_weight=w)
    for i, score in enumerate(result.per_class):
        assert [score.precision, score.recall, score.f1, score.support] == pytest.approx([c[i] for c in columns])
    if form != "labels":
        losses = [sklearn_metrics.log_loss(y[:, k], p[:, k], sample_weight=w) for k in range(4)]
        assert next(iter(result.losses.values())).value == pytest.approx(np.mean(losses))


def test_classes_that_are_missing_count_as_in_sklearn() -> None:
    target, predicted = [0, 0, 1, 2, 2, 4], [0, 1, 1, 0, 0, 4]  # 2 is never predicted, 3 does not occur
    result = lm.evaluate(predicted, target, task="multiclass", class_names=list("abcde"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        macro = sklearn_metrics.f1_score(target, predicted, average="macro")
        balanced = sklearn_metrics.balanced_accuracy_score(target, predicted)
    assert result.metrics["macro_f1"].value == pytest.approx(macro)
    assert result.metrics["balanced_accuracy"].value == pytest.approx(balanced)
    assert result.per_class[2].precision is None
    assert result.per_class[3].recall is None
    assert result.per_class[3].f1 is None


def test_answers_of_one_kind_have_no_correlation() -> None:
    target = [0, 1, 2, 1]
    assert lm.evaluate([1, 1, 1, 1], target, task="multiclass").metrics["mcc"].value == 0.0
    assert lm.evaluate([1, 1, 1, 1], target, task="multiclass").metrics["kappa"].value == 0.0
    always = lm.evaluate([1, 1, 1], [1, 1, 1], task="multiclass", form="labels", class_names=["a", "b"])
    assert always.metrics["mcc"].value == 0.0
    assert always.metrics["kappa"].value is None  # 0 / 0


@WEIGHTED
def test_a_quantile(rng: np.random.Generator, weighted: bool) -> None:
    y = rng.gamma(2.0, 2.0, 300)
    p, w = np.quantile(y, 0.9) + 0.1 * (y - y.mean()), _weight(rng, 300, weighted)
    result = lm.evaluate(p, y, weight=w, quantile=0.9)
    pinball = sklearn_metrics.mean_pinball_loss(y, p, alpha=0.9, sample_weight=w)
    assert next(iter(result.losses)) == "quantile"
    assert result.losses["quantile"].value == pytest.approx(pinball)
    d2 = sklearn_metrics.d2_pinball_score(y, p, alpha=0.9, sample_weight=w)
    assert result.metrics["d2_quantile"].value == pytest.approx(d2, abs=0.02 if weighted else 1e-3)  # its quantile is
    # interpolated, ours is the best constant
    assert result.metrics["coverage"].value == pytest.approx(np.average(y <= p, weights=w))
    assert result.metrics["coverage"].constant == pytest.approx(0.9, abs=0.01)
    assert "bias" not in result.metrics
    assert result.verdict.startswith("Better than always answering that quantile: quantile 0.9")


def test_macro_areas_have_the_intervals_of_a_bootstrap(rng: np.random.Generator) -> None:
    y = (rng.uniform(size=(400, 3)) < [0.1, 0.3, 0.5]).astype(int)
    z = np.round(rng.normal(size=y.shape) + y, 1)
    metrics = lm.evaluate(1 / (1 + np.exp(-z)), y).metrics
    drawn = [rng.integers(0, 400, 400) for _ in range(150)]
    for name, of in (
        ("macro_auc", sklearn_metrics.roc_auc_score),
        ("macro_average_precision", sklearn_metrics.average_precision_score),
    ):
        spread = float(np.std([of(y[i], z[i]) for i in drawn]))
        width = (metrics[name].high - metrics[name].low) / (2 * 1.96)
        assert 0.8 * spread < width < 1.2 * spread, name
