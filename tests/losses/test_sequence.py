"""CTC against the sum over all alignments in 50 digits, against PyTorch, TensorFlow and optax, and at its edges."""

from __future__ import annotations

import itertools
from functools import partial
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf

import lossmith as lm
from frameworks import Backend, backend_named, require
from losses.test_values import GRADIENT, VALUE, close

LOGITS = np.random.default_rng(0).normal(scale=2, size=(4, 4, 3))
TOKENS = np.array([[1, 2], [2, 2], [1, 9], [7, 8]])  # 7 … 9 only fill up
STEPS, LENGTHS = np.array([4, 3, 2, 3]), np.array([2, 2, 1, 0])
INF = np.inf


def oracle(logits: Any, tokens: Any, steps: int, length: int, blank: int = 0) -> Any:
    """Sum over every path of ``steps`` classes that collapses to the tokens."""
    rows = [[mp.exp(x) for x in row] for row in logits[:steps]]
    q = [[x / sum(row) for x in row] for row in rows]
    total = mpf(0)
    for path in itertools.product(range(len(logits[0])), repeat=steps):
        written = [k for k, _ in itertools.groupby(path) if k != blank]
        if written == list(tokens[:length]):
            total += mp.fprod(q[i][k] for i, k in enumerate(path))
    return -mp.log(total)


def expected(logits: np.ndarray, blank: int = 0, tokens: np.ndarray = TOKENS) -> tuple[np.ndarray, np.ndarray]:
    values, slopes = np.zeros(len(logits)), np.zeros_like(logits)
    with mp.workdps(40):
        for n, (row, t, steps, length) in enumerate(zip(logits, tokens, STEPS, LENGTHS, strict=True)):
            exact = [[mpf(float(x)) for x in r] for r in row]
            values[n] = oracle(exact, t, steps, length, blank)
            for i, k in itertools.product(range(steps), range(row.shape[1])):
                sides = []
                for step in (mpf(10) ** -12, -(mpf(10) ** -12)):
                    moved = [list(r) for r in exact]
                    moved[i][k] += step
                    sides.append(oracle(moved, t, steps, length, blank))
                slopes[n, i, k] = (sides[0] - sides[1]) / mpf(2e-12)
    return values, slopes


VALUES, SLOPES = expected(LOGITS)


def given(backend: Backend, dtype: str) -> tuple:
    lengths = [backend.asarray(x) for x in (STEPS, LENGTHS)]
    return backend.asarray(LOGITS, dtype), backend.asarray(TOKENS), *lengths


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_values_and_gradients(backend: Backend, dtype: str) -> None:
    with backend.session(dtype):
        p, *rest = given(backend, dtype)

        def everything(p: Any) -> dict[str, Any]:
            got = {"none": lm.ctc(p, *rest, reduction="none")}
            got["mean"], got["gradient"] = lm.CTC().value_and_gradient(p, *rest)
            if backend.differentiates:
                got["autodiff mean"], got["autodiff"] = backend.value_and_grad(lambda x: lm.ctc(x, *rest), p)
            return got

        got = (backend.jit(everything) if backend.traces else everything)(p)
        close(backend.to_numpy(got["none"]), VALUES, VALUE[dtype], "none")
        for name in ("gradient", "autodiff"):
            if name in got:
                close(backend.to_numpy(got[name]), SLOPES / 4, GRADIENT[dtype], name)
        assert tuple(got["gradient"].shape) == LOGITS.shape


def test_another_blank() -> None:
    tokens = np.array([[0, 1], [1, 1], [0, 2], [2, 2]])
    values, slopes = expected(LOGITS, 2, tokens)
    value, gradient = lm.CTC(blank=2, reduction="sum").value_and_gradient(LOGITS, tokens, STEPS, LENGTHS)
    assert value == pytest.approx(values.sum(), rel=1e-12)
    np.testing.assert_allclose(gradient, slopes, rtol=1e-9, atol=1e-12)


def test_weight_and_mask() -> None:
    keep = np.array([True, False, True, True])
    poisoned = np.where(keep[:, None, None], LOGITS, np.nan)
    tokens = np.where(keep[:, None], TOKENS, -5)
    lengths = np.where(keep, LENGTHS, 99)
    value, gradient = lm.CTC().value_and_gradient(poisoned, tokens, STEPS, lengths, mask=keep)
    assert value == pytest.approx(VALUES[keep].mean(), rel=1e-12)
    np.testing.assert_allclose(gradient, SLOPES * keep[:, None, None] / 3, rtol=1e-9, atol=1e-12)
    weight = np.array([1.0, 2.0, 0.5, 0.0])
    assert lm.ctc(LOGITS, TOKENS, STEPS, LENGTHS, weight=weight) == pytest.approx(weight @ VALUES / 3.5, rel=1e-12)


def test_leading_axes_and_micro_batches() -> None:
    shaped = lm.ctc(LOGITS.reshape(2, 2, 4, 3), TOKENS.reshape(2, 2, 2), STEPS.reshape(2, 2), LENGTHS.reshape(2, 2))
    assert shaped == pytest.approx(VALUES.mean(), rel=1e-12)
    one = lm.ctc(LOGITS[0], TOKENS[0], STEPS[0], LENGTHS[0])
    assert one == pytest.approx(VALUES[0], rel=1e-12)
    rest = (TOKENS, STEPS, LENGTHS)
    parts = [lm.ctc(LOGITS[i : i + 1], *(x[i : i + 1] for x in rest), normalizer=4) for i in range(4)]
    assert sum(parts) == pytest.approx(VALUES.mean(), rel=1e-12)


WITHOUT_JAX = pytest.mark.parametrize("backend", ["numpy", "torch", "tensorflow"], indirect=True)  # it compiles each


@WITHOUT_JAX
@pytest.mark.parametrize("policy", ["inf", "zero"])
def test_a_target_that_needs_more_steps(backend: Backend, policy: str) -> None:
    p, t, _, lengths = given(backend, "float32")
    steps = backend.asarray(np.array([4, 2, 2, 3]))  # [2, 2] needs a blank between, so three steps
    values = backend.to_numpy(lm.ctc(p, t, steps, lengths, infeasible=policy, reduction="none"))
    assert values[1] == (INF if policy == "inf" else 0)
    gradient = lm.CTC(infeasible=policy, reduction="sum").value_and_gradient(p, t, steps, lengths)[1]
    wanted = np.where(np.arange(4)[:, None, None] == 1, 0, SLOPES)
    close(backend.to_numpy(gradient), wanted, 1e-5, "")
    if backend.differentiates:
        _, slope = backend.value_and_grad(lambda x: lm.ctc(x, t, steps, lengths, infeasible=policy, reduction="sum"), p)
        close(backend.to_numpy(slope), wanted, 1e-5, "autodiff")


@WITHOUT_JAX
def test_impossible_classes_and_extreme_scores(backend: Backend) -> None:
    """A class at -inf has probability 0: harmless where another path exists, infinity where none does."""
    p = np.zeros((2, 3, 3))
    p[0, 1, 2] = -INF  # the blank and token 1 remain
    p[1, :, 1] = -INF  # token 1 is never possible
    x, t = backend.asarray(p, "float32"), backend.asarray(np.array([[1], [1]]))
    value, gradient = lm.CTC(reduction="none").value_and_gradient(x, t)
    assert np.isfinite(backend.to_numpy(value)[0])
    assert backend.to_numpy(value)[1] == INF
    assert np.isfinite(backend.to_numpy(gradient)).all()
    if backend.differentiates:
        _, slope = backend.value_and_grad(lambda x: lm.ctc(x[:1], t[:1], reduction="sum"), x)
        close(backend.to_numpy(slope)[:1], backend.to_numpy(gradient)[:1], 1e-6, "")
    far = backend.asarray(np.array([[[1e30, -1e30, 0.0], [-1e30, 1e30, 0.0]]]), "float32")
    assert float(lm.ctc(far, backend.asarray(np.array([[1]])))) == 0
    assert float(lm.ctc(far, backend.asarray(np.array([[2]])), infeasible="inf")) > 1e29


def test_nothing_to_write_and_nothing_to_read() -> None:
    blanks = -np.log(np.exp(LOGITS[0, :, 0]) / np.exp(LOGITS[0]).sum(-1)).sum()
    assert lm.ctc(LOGITS[:1], np.zeros((1, 0), int)) == pytest.approx(blanks, rel=1e-12)
    assert lm.ctc(LOGITS[:1], [[1]], [0], [0]) == 0
    assert lm.ctc(LOGITS[:0], np.zeros((0, 2), int)) == 0
    value, gradient = lm.CTC().value_and_gradient(LOGITS[:, :1], [[1], [2], [1], [2]])
    assert value == pytest.approx(lm.softmax_cross_entropy(LOGITS[:, 0], [1, 2, 1, 2]), rel=1e-12)
    assert gradient.shape == (4, 1, 3)


@WITHOUT_JAX
def test_one_step_is_a_cross_entropy_in_half_precision(backend: Backend) -> None:
    for dtype in ("bfloat16", "float16"):
        p = backend.asarray(LOGITS[:, :1], dtype)
        value = lm.ctc(p, backend.asarray(np.array([[1], [2], [1], [2]])))
        wanted = lm.softmax_cross_entropy(backend.to_numpy(p)[:, 0], [1, 2, 1, 2])
        assert float(value) == pytest.approx(wanted, rel=1e-6)


def test_transforms() -> None:
    torch = require("torch")
    p, *rest = given(backend_named("torch"), "float64")
    x = p.clone().requires_grad_(True)
    assert torch.autograd.gradcheck(lambda x: lm.ctc(x, *rest), (x,))
    assert torch.autograd.gradgradcheck(lambda x: lm.ctc(x, *rest), (x,))
    rows = torch.func.vmap(torch.func.grad(lm.ctc))(p, *rest)
    np.testing.assert_allclose(rows.numpy(), SLOPES, rtol=1e-9, atol=1e-12)
    _, forward = torch.func.jvp(lambda x: lm.ctc(x, *rest, reduction="sum"), (p,), (torch.ones_like(p),))
    assert forward.item() == pytest.approx(SLOPES.sum(), abs=1e-9)
    compiled = torch.compile(partial(lm.ctc, reduction="none"), fullgraph=True, backend="aot_eager")
    np.testing.assert_allclose(compiled(p, *rest).numpy(), VALUES, rtol=1e-12)


def test_a_wrong_token_in_a_graph_is_nan_for_its_sequence() -> None:
    for name in ("jax", "tensorflow"):
        backend = backend_named(name)
        p, _, steps, lengths = given(backend, "float32")
        tokens = backend.asarray(np.array([[1, 2], [2, 3], [0, 9], [-1, -1]]))
        call = backend.jit(lambda p, t, s=steps, n=lengths: lm.ctc(p, t, s, n, reduction="none"))
        values = backend.to_numpy(call(p, tokens))
        np.testing.assert_array_equal(np.isnan(values), [False, True, True, False])


def test_against_pytorch_on_longer_sequences() -> None:
    torch, rng = require("torch"), np.random.default_rng(1)
    p, tokens = rng.normal(size=(5, 60, 12)), rng.integers(1, 12, (5, 20))
    steps, lengths = rng.integers(45, 61, 5), rng.integers(0, 21, 5)
    x = torch.tensor(p, requires_grad=True)
    rows = x.log_softmax(-1).transpose(0, 1)
    wanted = torch.nn.functional.ctc_loss(
        rows, torch.tensor(tokens), torch.tensor(steps), torch.tensor(lengths), reduction="none"
    )
    wanted.sum().backward()
    value, gradient = lm.CTC(reduction="none").value_and_gradient(p, tokens, steps, lengths)
    np.testing.assert_allclose(value, wanted.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(gradient, x.grad.numpy(), rtol=1e-9, atol=1e-12)


def test_against_optax_and_tensorflow() -> None:
    optax, tf, jax = require("optax"), require("tensorflow"), require("jax")
    p, steps, lengths = LOGITS.astype(np.float32), STEPS, LENGTHS
    tokens = np.where(np.arange(2) < LENGTHS[:, None], TOKENS, 0)
    paddings = (
        (np.arange(4) >= steps[:, None]).astype(np.float32),
        (np.arange(2) >= lengths[:, None]).astype(np.float32),
    )
    theirs = jax.jit(optax.ctc_loss)(p, paddings[0], tokens, paddings[1])
    np.testing.assert_allclose(lm.ctc(p, tokens, steps, lengths, reduction="none"), theirs, rtol=2e-5)
    theirs = tf.nn.ctc_loss(tokens, p, lengths, steps, logits_time_major=False, blank_index=0)
    np.testing.assert_allclose(lm.ctc(p, tokens, steps, lengths, reduction="none"), theirs.numpy(), rtol=2e-5)


@pytest.mark.parametrize(
    ("error", "change", "message"),
    [
        (lm.LabelError, {"target": [[1, 3]] * 4}, r"token 3 at position \(0, 1\), but prediction has 3 classes"),
        (lm.LabelError, {"target": [[1, -1]] * 4}, r"token -1 at position \(0, 1\).*give target_length"),
        (lm.LabelError, {"target": [[1, 0]] * 4}, "token 0 .* which is the blank"),
        (lm.LabelError, {"target": [[1.0, 2.0]] * 4}, "floating dtype"),
        (lm.DomainError, {"target": [[2, 2]] * 4, "prediction_length": [4, 4, 2, 4]}, "needs 3 steps, but there are 2"),
        (lm.DomainError, {"target_length": [2, 2, 3, 2]}, "target_length is 3 at position 2; .* 0 … 2"),
        (lm.DomainError, {"target_length": [2, 2, 1.5, 2]}, "target_length is 1.5"),
        (lm.DomainError, {"prediction_length": [4, 5, 4, 4]}, "prediction_length is 5 .* 4 steps"),
        (lm.DomainError, {"prediction_length": [4, -1, 4, 4]}, "prediction_length is -1"),
        (lm.ShapeError, {"prediction_length": [4, 4]}, "prediction_length has shape"),
        (lm.ShapeError, {"target": [1, 2, 1, 2]}, r"takes \(…, T, C\) scores and \(…, S\) tokens"),
        (lm.ShapeError, {"prediction": LOGITS[0]}, r"takes \(…, T, C\) scores"),
        (lm.ShapeError, {"prediction": LOGITS[:, :0]}, "holds no step"),
        (lm.InputError, {"blank": 3}, "blank is 3, but prediction has 3 classes"),
        (lm.InputError, {"blank": 0.5}, "blank is 0.5; expected a whole number"),
        (lm.InputError, {"blank": -1}, "blank is -1"),
        (lm.InputError, {"infeasible": "skip"}, "infeasible is 'skip'; expected one of 'error', 'inf', 'zero'"),
        (lm.DomainError, {"prediction": LOGITS * np.nan}, "prediction is NaN"),
    ],
)
def test_bad_input(error: type[Exception], change: dict[str, Any], message: str) -> None:
    arguments = {"prediction": LOGITS, "target": [[1, 2]] * 4, **change}
    with pytest.raises(error, match=message):
        lm.ctc(**arguments)
