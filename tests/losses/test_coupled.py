"""Losses over regions and batches: every case against the oracle, with weights, masks, regions and empty ones."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

import lossmith as lm
from frameworks import DTYPES, HALF, NAMES, Backend, backend_named, require
from losses import textbook
from losses.coupled import Coupled, coupled, expected
from losses.test_values import GRADIENT, VALUE, close

CASES = coupled()
PLAIN = [c for c in CASES if not c.parameters and c.region is None and c.form != "dense"]
REGIONS = [c for c in CASES if c.loss.layout == "region" and not c.parameters]
BATCHES = [c for c in CASES if c.loss.layout == "batch" and not c.parameters]
COMPILED = ("root_mean_squared_error", "softmax_dice", "lovasz_softmax", "info_nce", "circle", "cox_partial_likelihood")
NOT_SMOOTH: tuple[str, ...] = ()


def test_every_coupled_loss_has_an_oracle_and_every_parameter_a_test() -> None:
    assert sorted(textbook.COUPLED) == sorted(loss.name for loss in lm.losses() if loss.coupled)
    tested = {(case.loss.name, key) for case in CASES for key in case.parameters}
    assert tested == {(loss.name, key) for loss in lm.losses() if loss.coupled for key in loss.defaults}


def inputs(backend: Backend, case: Coupled, dtype: str, seed: int = 0) -> tuple:
    """Arrays of ``dtype`` and what they exactly are."""
    prediction, target, extras = case.draw(seed)
    p = backend.asarray(prediction, dtype)
    t = backend.asarray(target, dtype if target.dtype.kind == "f" else None)
    e = {k: backend.asarray(x, dtype) for k, x in extras.items()}
    return p, t, e, (backend.to_numpy(p), backend.to_numpy(t), {k: backend.to_numpy(x) for k, x in e.items()})


def everything(backend: Backend, case: Coupled, options: dict[str, Any], p: Any, t: Any, e: Any) -> dict[str, Any]:
    """All that a loss gives, in one function that JAX compiles once."""
    call = partial(case.function, **case.settings, **options)
    results = {r: call(p, t, *e.values(), reduction=r) for r in ("none", "sum")}
    results["total"], results["count"] = call(p, t, *e.values(), reduction="total")
    results["mean"], results["gradient"] = case.object.value_and_gradient(p, t, *e.values(), **options)
    if backend.differentiates:
        mean, gradient = backend.value_and_grad(lambda x: call(x, t, *e.values()), p)
        results |= {"autodiff mean": mean, "autodiff gradient": gradient}
    return results


def check(backend: Backend, dtype: str, got: dict[str, Any], want: Any, outer: Any) -> None:
    """``outer`` is the weight of each value."""
    factor = np.ones_like(want.values) if outer is None else outer
    total, count = (want.values * factor).sum(), (want.counts * factor).sum()
    for name, wanted in (
        ("none", want.values * factor),
        ("sum", total),
        ("total", total),
        ("count", count),
        ("mean", total / count),
        ("autodiff mean", total / count),
    ):
        if name in got:
            close(backend.to_numpy(got[name]), wanted, VALUE[dtype], name)
    for name in ("gradient", "autodiff gradient"):
        if name in got and outer is None:
            close(backend.to_numpy(got[name]), want.gradient / count, GRADIENT[dtype], name)
    if "autodiff gradient" in got:
        both = [backend.to_numpy(got[name]) for name in ("gradient", "autodiff gradient")]
        close(*both, 2 * GRADIENT[dtype], "closed form against autodiff")


CHOSEN = [
    pytest.param(name, dtype, case, id=f"{name}-{dtype}-{case}")
    for name in NAMES
    for dtype in DTYPES
    for case in (PLAIN if dtype in HALF or name in ("jax", "tensorflow") else CASES)
    if name in ("numpy", "torch") or dtype == "float32"
]


@pytest.mark.parametrize(("backend", "dtype", "case"), CHOSEN, indirect=["backend"])
def test_values_and_gradients(backend: Backend, case: Coupled, dtype: str) -> None:
    with backend.session(dtype):
        p, t, e, exact = inputs(backend, case, dtype)
        compute = partial(everything, backend, case, {})
        got = (backend.jit(compute) if backend.name == "jax" else compute)(p, t, e)
        check(backend, dtype, got, expected(case, *exact), None)
        assert backend.dtype_name(got["none"]) == ("float32" if dtype in HALF else dtype)
        assert backend.dtype_name(got["gradient"]) == dtype
        assert tuple(got["gradient"].shape) == tuple(p.shape)


@pytest.mark.parametrize("name", ["numpy", "torch"])
@pytest.mark.parametrize("case", REGIONS, ids=str)
def test_a_mask_and_a_weight_act_within_regions(name: str, case: Coupled) -> None:
    """Masked elements leave their region, NaN or not; a weight of the elements' shape says how much each counts."""
    backend, rng = backend_named(name), np.random.default_rng(5)
    _, t, e, exact = inputs(backend, case, "float64")
    keep = rng.uniform(size=case.elements) < 0.6
    keep[1] = False  # a sample without any element left
    inside = keep * rng.uniform(0.5, 2.0, case.elements)
    poisoned = np.where(keep.reshape(*keep.shape, *[1] * (exact[0].ndim - keep.ndim)), exact[0], np.nan)
    options = {"mask": backend.asarray(keep), "weight": backend.asarray(inside)}
    got = everything(backend, case, options, backend.asarray(poisoned), t, e)
    check(backend, "float64", got, expected(case, *exact, inside), None)


@pytest.mark.parametrize("name", ["numpy", "torch"])
@pytest.mark.parametrize("case", [c for c in REGIONS if c.kind == "sample"], ids=str)
def test_a_weight_of_the_samples_weighs_regions(name: str, case: Coupled) -> None:
    backend = backend_named(name)
    p, t, e, exact = inputs(backend, case, "float64")
    weight = np.array([0.5, 2.0])
    got = everything(backend, case, {"weight": backend.asarray(weight)}, p, t, e)
    want = expected(case, *exact)
    check(backend, "float64", got, want, weight.reshape(-1, *[1] * (want.values.ndim - 1)))


@pytest.mark.parametrize("name", ["numpy", "torch"])
@pytest.mark.parametrize("case", BATCHES, ids=str)
def test_a_mask_removes_rows_from_the_batch_and_a_weight_weighs_them(name: str, case: Coupled) -> None:
    backend = backend_named(name)
    p, t, e, exact = inputs(backend, case, "float64")
    keep = np.arange(len(exact[0])) % 4 != 1
    rows = keep.reshape(-1, *[1] * (exact[0].ndim - 1))
    poisoned = backend.asarray(np.where(rows, exact[0], np.nan))
    want = expected(case, *exact, keep)
    check(backend, "float64", everything(backend, case, {"mask": backend.asarray(keep)}, poisoned, t, e), want, None)
    weight = np.linspace(0.5, 2, len(keep))
    got = everything(backend, case, {"weight": backend.asarray(weight)}, p, t, e)
    check(backend, "float64", got, expected(case, *exact), weight)


@pytest.mark.parametrize("backend", ["numpy", "torch", "tensorflow"], indirect=True)  # JAX compiles each for seconds
@pytest.mark.parametrize("case", PLAIN, ids=str)
def test_nothing_left_is_zero(backend: Backend, case: Coupled) -> None:
    p, t, e, _ = inputs(backend, case, "float32")
    mask = backend.asarray(np.zeros(case.elements, bool))

    def masked(p: Any, t: Any, e: Any, mask: Any) -> tuple:
        call = partial(case.function, **case.settings, mask=mask)
        closed = case.object.value_and_gradient(p, t, *e.values(), mask=mask)
        return *closed, *(
            backend.value_and_grad(lambda x: call(x, t, *e.values()), p) if backend.differentiates else ()
        )

    for zeros in masked(p, t, e, mask):
        assert not backend.to_numpy(zeros).any()
    none = {k: x[:0] for k, x in e.items()}
    assert float(case.function(p[:0], t[:0], *none.values(), **case.settings)) == 0


@pytest.mark.parametrize("case", [c for c in CASES if c.loss.name not in NOT_SMOOTH], ids=str)
def test_double_backward_in_torch(case: Coupled) -> None:
    torch = require("torch")
    prediction, target, extras = case.draw(3)
    p, t = torch.tensor(prediction, requires_grad=True), torch.tensor(target)
    e = [torch.tensor(x) for x in extras.values()]
    assert torch.autograd.gradcheck(lambda x: case.function(x, t, *e, **case.settings), (p,))
    assert torch.autograd.gradgradcheck(lambda x: case.function(x, t, *e, **case.settings), (p,))


@pytest.mark.parametrize("case", [c for c in REGIONS if c.kind == "sample"], ids=str)
def test_samples_split_into_micro_batches(case: Coupled) -> None:
    prediction, target, _ = case.draw()
    whole, gradient = case.object.value_and_gradient(prediction, target)
    count = case.function(prediction, target, reduction="total", **case.settings)[1]
    parts = [
        case.object.value_and_gradient(prediction[i : i + 1], target[i : i + 1], normalizer=count) for i in range(2)
    ]
    assert sum(v for v, _ in parts) == pytest.approx(whole, rel=1e-12)
    np.testing.assert_allclose(np.concatenate([g for _, g in parts]), gradient, rtol=1e-12)


@pytest.mark.parametrize("case", BATCHES, ids=str)
def test_the_order_of_rows_does_not_matter(case: Coupled) -> None:
    prediction, target, extras = case.draw()
    order = np.random.default_rng(0).permutation(len(prediction))
    values = case.function(prediction, target, *extras.values(), reduction="none")
    moved = case.function(prediction[order], target[order], *(x[order] for x in extras.values()), reduction="none")
    np.testing.assert_allclose(moved, values[order], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("case", PLAIN, ids=str)
def test_a_tensorflow_graph_of_unknown_shape(case: Coupled) -> None:
    backend = backend_named("tensorflow")
    tf = backend.tf
    prediction, target, extras = case.draw()
    known = [None] * (prediction.ndim - 1) + [prediction.shape[-1]] * case.loss.class_axis
    shapes = [(None,) * (prediction.ndim - len(known)) + tuple(known), (None,) * target.ndim]
    kinds = [tf.float64, tf.as_dtype(target.dtype)]
    signature = [tf.TensorSpec(s, k) for s, k in zip(shapes, kinds, strict=True)]
    signature += [tf.TensorSpec([None], tf.float64) for _ in extras]

    @tf.function(input_signature=signature, autograph=False)
    def step(p: Any, t: Any, *e: Any) -> Any:
        return backend.value_and_grad(lambda x: case.function(x, t, *e, **case.settings), p)

    for rows in (slice(None), slice(0, 4 if case.loss.layout == "batch" else 2)):
        arrays = prediction[rows], target[rows], *(x[rows] for x in extras.values())
        value, gradient = step(*map(tf.constant, arrays))
        want, slope = case.object.value_and_gradient(*arrays)
        assert float(value) == pytest.approx(want, rel=1e-9)
        np.testing.assert_allclose(gradient.numpy(), slope, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("case", PLAIN, ids=str)
def test_a_transform_of_the_whole_call(case: Coupled) -> None:
    """vmap over independent batches, forward mode and compilation, in PyTorch."""
    torch = require("torch")
    drawn = [case.draw(seed) for seed in (0, 1)]
    p, t = (torch.tensor(np.stack([d[i] for d in drawn])) for i in (0, 1))
    e = [torch.tensor(np.stack([d[2][k] for d in drawn])) for k in drawn[0][2]]

    def call(p: Any, t: Any, *e: Any) -> Any:
        return case.function(p, t, *e, **case.settings)

    rows = torch.func.vmap(torch.func.grad(call))(p, t, *e)
    single = [case.object.value_and_gradient(d[0], d[1], *d[2].values())[1] for d in drawn]
    np.testing.assert_allclose(rows.numpy(), np.stack(single), rtol=1e-9, atol=1e-10)
    first = [x[0] for x in e]
    _, forward = torch.func.jvp(lambda x: call(x, t[0], *first), (p[0],), (torch.ones_like(p[0]),))
    assert forward.item() == pytest.approx(single[0].sum(), rel=1e-9, abs=1e-10)
    torch._dynamo.reset()  # it stops compiling one function after a few times
    if case.loss.name in COMPILED:
        compiled = torch.compile(call, fullgraph=True, backend="aot_eager")
        torch.testing.assert_close(compiled(p[0], t[0], *first), call(p[0], t[0], *first))
