"""The metrics of the PyTorch face: the numbers of ``evaluate``, states that merge, ranks, edges, bad input."""

from __future__ import annotations

import copy
import math
import tempfile
from pathlib import Path

import numpy as np
import pytest

import lossmith as lm
from frameworks import require
from lossmith.errors import DomainError, InputError, LabelError, ShapeError

torch = require("torch")
from lossmith.torch import metrics as tm  # noqa: E402

N, C = 203, 4
rng = np.random.default_rng(7)
LOGIT = rng.normal(size=N) * 2
YES = (rng.random(N) < 1 / (1 + np.exp(-LOGIT))).astype(np.int64)
P = 1 / (1 + np.exp(-LOGIT))
SCORES = rng.normal(size=(N, C))
LABEL = np.where(rng.random(N) < 0.5, SCORES.argmax(1), rng.integers(0, C, N))
Y = rng.normal(size=N) * 3 + 1e4
X = Y + rng.normal(size=N)

# factory, prediction, target, the number of evaluate
CASES = {
    "accuracy": (tm.Accuracy, P, YES, "accuracy"),
    "accuracy of logits": (lambda: tm.Accuracy(from_logits=True), LOGIT, YES, "accuracy"),
    "accuracy of classes": (lambda: tm.Accuracy(C), SCORES, LABEL, "accuracy"),
    "balanced accuracy": (lambda: tm.BalancedAccuracy(C), SCORES, LABEL, "balanced_accuracy"),
    "mcc": (lambda: tm.MCC(C), SCORES, LABEL, "mcc"),
    "kappa": (lambda: tm.CohenKappa(C), SCORES, LABEL, "kappa"),
    "precision": (tm.Precision, P, YES, "precision"),
    "recall": (tm.Recall, P, YES, "recall"),
    "f1": (tm.FBeta, P, YES, "f1"),
    "macro f1": (lambda: tm.FBeta(C), SCORES, LABEL, "macro_f1"),
    "weighted f1": (lambda: tm.FBeta(C, average="weighted"), SCORES, LABEL, "weighted_f1"),
    "micro recall": (lambda: tm.Recall(C, average="micro"), SCORES, LABEL, "accuracy"),
    "auc": (tm.AUROC, P, YES, "auc"),
    "auc of logits": (lambda: tm.AUROC(from_logits=True), LOGIT, YES, "auc"),
    "average precision": (tm.AveragePrecision, P, YES, "average_precision"),
    "log loss": (tm.LogLoss, P, YES, "loss"),
    "log loss of logits": (lambda: tm.LogLoss(from_logits=True), LOGIT, YES, "loss"),
    "log loss of classes": (lambda: tm.LogLoss(from_logits=True), SCORES, LABEL, "loss"),
    "brier": (tm.Brier, P, YES, "brier"),
    "brier of logits": (lambda: tm.Brier(from_logits=True), LOGIT, YES, "brier"),
    "calibration": (tm.CalibrationError, P, YES, "ece"),
    "calibration of classes": (lambda: tm.CalibrationError(from_logits=True), SCORES, LABEL, "ece"),
    "rmse": (tm.RMSE, X, Y, "rmse"),
    "mae": (tm.MAE, X, Y, "mae"),
    "r2": (tm.R2, X, Y, "r2"),
    "r2 of columns": (lambda: tm.R2(3), np.stack([X, X + 1, X * 1.001], 1), np.stack([Y, Y, Y * 2], 1) / 1, "r2"),
    "mean iou": (lambda: tm.MeanIoU(C), SCORES.argmax(1).reshape(29, 7, 1), LABEL.reshape(29, 7, 1), "mean_iou"),
}


def fed(factory, prediction, target, parts: int = 5):
    metric = factory()
    for p, t in zip(np.array_split(prediction, parts), np.array_split(target, parts), strict=True):
        metric.update(torch.as_tensor(p), torch.as_tensor(t))
    return metric


@pytest.mark.parametrize("case", CASES)
def test_the_number_is_that_of_evaluate(case: str) -> None:
    factory, prediction, target, name = CASES[case]
    result = lm.evaluate(prediction, target)
    expected = next(iter(result.losses.values())).value if name == "loss" else result.metrics[name].value
    metric = fed(factory, prediction, target)
    found = metric.compute()
    bound = (metric.bracket().bound + 1e-12) if isinstance(metric, tm.AUROC) else 0.0
    assert found.dtype == torch.float64 and found.ndim == 0
    assert found.item() == pytest.approx(expected, rel=1e-9, abs=bound)


@pytest.mark.parametrize("case", CASES)
def test_parts_merge_and_states_are_saved(case: str) -> None:
    factory, prediction, target, _ = CASES[case]
    whole = fed(factory, prediction, target)
    half = N // 2 if len(target) == N else 11
    first, second = (fed(factory, prediction[s], target[s], 1) for s in (slice(half), slice(half, None)))
    untouched = copy.deepcopy(second.state_dict())
    assert first.merge_state(second) is first
    assert first.compute().item() == pytest.approx(whole.compute().item(), rel=1e-12)
    assert all(torch.equal(x, untouched[k]) for k, x in second.state_dict().items())
    loaded = factory()
    loaded.load_state_dict(whole.state_dict())
    assert loaded.compute().item() == whole.compute().item()
    again = factory().merge_state(whole.state_dict())
    assert again.compute().item() == pytest.approx(whole.compute().item(), rel=1e-12)
    whole.half()
    assert whole.compute().item() == loaded.compute().item()  # dtypes of states stay
    whole.reset()
    assert all(torch.equal(x, y) for x, y in zip(whole.buffers(), factory().buffers(), strict=True))


@pytest.mark.parametrize("case", ["macro f1", "auc", "r2", "log loss", "calibration"])
def test_a_call_returns_the_number_of_the_batch(case: str) -> None:
    factory, prediction, target, _ = CASES[case]
    metric = factory()
    for part in (slice(0, 90), slice(90, None)):
        of_batch = metric(torch.as_tensor(prediction[part]), torch.as_tensor(target[part]))
        alone = fed(factory, prediction[part], target[part], 1).compute()
        assert of_batch.item() == pytest.approx(alone.item(), rel=1e-12)
    assert metric.compute().item() == pytest.approx(fed(factory, prediction, target).compute().item(), rel=1e-12)


def test_perplexity_as_evaluate() -> None:
    logits, ids = rng.normal(size=(3, 8, 11)), rng.integers(0, 11, (3, 8))
    ids[1, 4:] = -100
    expected = lm.evaluate(logits, ids, task="language_model").metrics["perplexity"].value
    metric = tm.Perplexity()
    for row in range(3):
        metric.update(torch.as_tensor(logits[row : row + 1]), torch.as_tensor(ids[row : row + 1]))
    assert metric.compute().item() == pytest.approx(expected, rel=1e-12)
    half = tm.Perplexity()
    half.update(torch.as_tensor(logits).half(), torch.as_tensor(ids))
    assert half.compute().item() == pytest.approx(expected, rel=2e-3)


def test_the_bracket_holds_and_half_precision_counts_as_it_is() -> None:
    for factory, name in ((tm.AUROC, "auc"), (tm.AveragePrecision, "average_precision")):
        metric = fed(lambda f=factory: f(keep=2), P, YES)
        exact = lm.evaluate(P, YES).metrics[name].value
        assert metric.bracket().low <= exact <= metric.bracket().high
        assert metric.bracket().bound > 0
    half = torch.as_tensor(P).to(torch.float16)
    metric = tm.AUROC()
    metric.update(half, torch.as_tensor(YES))
    assert metric.compute().item() == pytest.approx(lm.evaluate(half.numpy(), YES).metrics["auc"].value, abs=1e-4)


def test_bins_are_those_of_the_state() -> None:
    edge = np.array([0.0, 1.0, 0.5, np.nextafter(0.5, 0), 1e-300, 5e-324, 2.0**-40, 1 - 2.0**-53, 0.25, 0.75, -0.0])
    for logits, score in ((False, edge), (True, np.concatenate([edge, -edge, [np.inf, -np.inf, 1e300, -4096.0]]))):
        metric = tm.AUROC(from_logits=logits)
        expected = metric._histogram.bins_of(score)
        np.testing.assert_array_equal(metric._bins(torch.as_tensor(score)).numpy(), expected)


def test_shapes_as_in_torch_nn() -> None:
    maps = torch.as_tensor(SCORES[:200].reshape(2, 10, 10, C)).movedim(-1, 1)
    label = torch.as_tensor(LABEL[:200].reshape(2, 10, 10))
    for factory in (
        lambda: tm.Accuracy(C),
        lambda: tm.LogLoss(from_logits=True),
        lambda: tm.CalibrationError(from_logits=True),
    ):
        flat, shaped = fed(factory, SCORES[:200], LABEL[:200]), factory()
        shaped.update(maps, label)
        assert shaped.compute().item() == pytest.approx(flat.compute().item(), rel=1e-12)
    matrix = fed(lambda: tm.ConfusionMatrix(C), SCORES, LABEL).compute()
    assert matrix.dtype == torch.int64
    np.testing.assert_array_equal(matrix.numpy(), lm.evaluate(SCORES, LABEL).confusion.counts)
    each = fed(lambda: tm.Recall(C, average=None), SCORES, LABEL).compute()
    assert each.tolist() == pytest.approx([c.recall for c in lm.evaluate(SCORES, LABEL).per_class])


def test_f_beta_and_threshold() -> None:
    sk = pytest.importorskip("sklearn.metrics")
    found = fed(lambda: tm.FBeta(2, beta=2.0, threshold=0.3), P, YES).compute().item()
    assert found == pytest.approx(sk.fbeta_score(YES, P > 0.3, beta=2.0))
    same = fed(lambda: tm.FBeta(2, beta=2.0, threshold=0.3, from_logits=True), LOGIT, YES).compute().item()
    assert found == pytest.approx(same)


def test_ignored_labels_count_nowhere() -> None:
    label, yes = LABEL.copy(), YES.copy()
    label[::3], yes[::3] = 255, 255
    keep = label != 255
    for factory, prediction, target in (
        (lambda i: tm.Accuracy(C, ignore_index=i), SCORES, label),
        (lambda i: tm.LogLoss(from_logits=True, ignore_index=i), SCORES, label),
        (lambda i: tm.CalibrationError(ignore_index=i), P, yes),
        (lambda i: tm.AUROC(ignore_index=i), P, yes),
        (lambda i: tm.Brier(ignore_index=i), P, yes),
    ):
        odd = np.where(keep if prediction.ndim == 1 else keep[:, None], prediction, np.nan)
        with_all, without = factory(255), factory(None)
        with_all.update(torch.as_tensor(odd), torch.as_tensor(target))
        without.update(torch.as_tensor(prediction[keep]), torch.as_tensor(target[keep]))
        assert with_all.compute().item() == without.compute().item()


@pytest.mark.parametrize("factory", [tm.Accuracy, tm.FBeta, tm.AUROC, tm.LogLoss, tm.RMSE, tm.R2, tm.CalibrationError])
def test_nothing_seen_is_nan(factory) -> None:
    metric = factory()
    assert math.isnan(metric.compute().item())
    empty = torch.zeros(0)
    metric.update(empty, empty if factory in (tm.RMSE, tm.R2) else empty.long())
    assert math.isnan(metric.compute().item())


def test_one_class_only() -> None:
    metric = tm.AUROC()
    metric.update(torch.tensor([0.2, 0.7]), torch.tensor([1, 1]))
    assert math.isnan(metric.compute().item())
    assert metric.bracket() is None
    r2 = tm.R2()
    r2.update(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 3.0]))
    assert math.isnan(r2.compute().item())


def test_no_graph_is_kept() -> None:
    z = torch.as_tensor(SCORES).requires_grad_()
    metric = tm.LogLoss(from_logits=True)
    metric.update(z, torch.as_tensor(LABEL))
    assert not metric.total.requires_grad


@pytest.mark.parametrize(
    ("act", "kind", "text"),
    [
        (lambda: tm.Accuracy(1), InputError, "classes is 1; expected 2 or more"),
        (lambda: tm.Accuracy(threshold=1.5), InputError, "threshold is 1.5"),
        (lambda: tm.Precision(3, average="positive"), InputError, "average is 'positive' of 3 classes"),
        (lambda: tm.FBeta(beta=0), InputError, "beta is 0"),
        (lambda: tm.CalibrationError(0), InputError, "bins is 0"),
        (lambda: tm.Accuracy(3)(torch.zeros(2, 4), torch.tensor([0, 1])), ShapeError, "expected (N, 3, …) scores or"),
        (lambda: tm.Accuracy(3)(torch.zeros(2, 3), torch.tensor([0, 3])), LabelError, "1 labels are out of range"),
        (lambda: tm.Accuracy(3)(torch.zeros(2, 3), torch.tensor([0, -1])), LabelError, "named with ignore_index="),
        (lambda: tm.AUROC()(torch.zeros(2, 2), torch.tensor([0, 1])), ShapeError, "prediction[:, 1] of two columns"),
        (lambda: tm.AUROC()(torch.tensor([0.5, 2.0]), torch.tensor([0, 1])), DomainError, "(or from_logits=True)"),
        (lambda: tm.AUROC()(torch.tensor([0.5, math.nan]), torch.tensor([0, 1])), DomainError, "1 rows have a label"),
        (lambda: tm.AUROC()(torch.tensor([0.5, 0.2]), torch.tensor([0, 2])), DomainError, "1 rows have a label"),
        (lambda: tm.LogLoss()(torch.zeros(2, 3), torch.tensor([0.0, 1.0])), ShapeError, "dtype torch.float32"),
        (lambda: tm.RMSE()(torch.zeros(3, 1), torch.zeros(3)), ShapeError, "shape"),
        (lambda: tm.R2(2)(torch.zeros(3), torch.zeros(3)), ShapeError, "expected (N, 2) for both"),
        (lambda: tm.Perplexity()(torch.zeros(2, 5, 3), torch.zeros(2, 3).long()), ShapeError, "the vocabulary last"),
        (lambda: tm.RMSE().merge_state(tm.MAE()), InputError, "RMSE cannot merge the state of MAE"),
        (lambda: tm.Accuracy(3).merge_state(tm.Accuracy(4)), InputError, "make both with the same settings"),
    ],
)
def test_bad_input(act, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind) as caught:
        act()
    assert text in str(caught.value)


def test_a_refused_batch_changes_nothing() -> None:
    metric = fed(lambda: tm.Accuracy(C), SCORES, LABEL)
    before = metric.compute().item()
    for act in (metric.update, metric):
        with pytest.raises(LabelError):
            act(torch.zeros(2, C), torch.tensor([0, C]))
    assert metric.compute().item() == before


def _rank(rank: int, world: int, file: str, out: str) -> None:
    torch.distributed.init_process_group("gloo", init_method=f"file://{file}", rank=rank, world_size=world)
    cases = [CASES[c] for c in ("macro f1", "auc", "r2", "log loss", "rmse")]
    found = []
    for factory, prediction, target, _ in cases:
        metric = fed(factory, prediction[rank::world], target[rank::world], 2)
        own = {k: x.clone() for k, x in metric.state_dict().items()}
        found.append(metric.compute().item())
        assert all(torch.equal(x, own[k]) for k, x in metric.state_dict().items())
        alone = fed(factory, prediction[rank::world], target[rank::world], 2)
        alone.sync = False
        found.append(alone.compute().item())
    np.save(f"{out}{rank}.npy", np.array(found))
    torch.distributed.destroy_process_group()


def test_ranks_are_merged() -> None:
    if not torch.distributed.is_available():
        pytest.skip("this build of PyTorch has no torch.distributed")
    with tempfile.TemporaryDirectory() as folder:
        torch.multiprocessing.spawn(_rank, args=(2, str(Path(folder) / "file"), str(Path(folder) / "out")), nprocs=2)
        first, second = (np.load(Path(folder) / f"out{rank}.npy").reshape(-1, 2) for rank in range(2))
    for i, case in enumerate(("macro f1", "auc", "r2", "log loss", "rmse")):
        factory, prediction, target, _ = CASES[case]
        whole = fed(factory, prediction, target).compute().item()
        assert first[i, 0] == second[i, 0] == pytest.approx(whole, rel=1e-12), case
        assert first[i, 1] == fed(factory, prediction[::2], target[::2], 2).compute().item()
