"""Every loss x framework x dtype: value in every reduction, closed-form gradient and autodiff, against the oracle."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

import lossmith as lm
from frameworks import DTYPES, HALF, NAMES, Backend, backend_named
from losses.cases import CASES, FEW, GRID, PLAIN, WITH_EXTRAS, Case, pairs
from losses.oracles import ORACLES, ROW_LOSSES, expected
from lossmith import arrays

# Values: half inputs are computed in float32. Gradients come back in the prediction's dtype.
VALUE = {"float64": 1e-12, "float32": 4e-6, "bfloat16": 4e-6, "float16": 4e-6}
GRADIENT = {"float64": 1e-12, "float32": 8e-6, "bfloat16": 5e-3, "float16": 7e-4}


def test_every_loss_has_an_oracle_and_every_parameter_a_test() -> None:
    single = [loss for loss in lm.losses() if loss.layout in ("element", "row")]
    assert sorted(ORACLES) == sorted(loss.name for loss in single)
    assert sorted(ROW_LOSSES) == sorted(loss.name for loss in lm.losses() if loss.layout == "row")
    tested = {(case.loss.name, key) for case in (*CASES, *WITH_EXTRAS) for key in case.parameters}
    assert tested == {(loss.name, key) for loss in single for key in loss.defaults}
    assert set(GRID) <= {loss.name for loss in lm.losses()}


def close(got: np.ndarray, wanted: np.ndarray, tolerance: float, what: str) -> None:
    scale = max(1.0, float(np.max(np.abs(wanted), initial=0.0)))
    np.testing.assert_allclose(got, wanted, rtol=tolerance, atol=tolerance * scale, err_msg=what)


def inputs(backend: Backend, case: Case, dtype: str) -> tuple:
    """Arrays of ``dtype``, and what the oracle says about exactly these rounded numbers."""
    prediction, target = case.draw()
    p = backend.asarray(prediction, dtype)
    t = backend.asarray(target, dtype if target.dtype.kind == "f" else None)
    return p, t, expected(case.loss.name, backend.to_numpy(p), backend.to_numpy(t), case.axis, **case.full)


def everything(backend: Backend, case: Case, p: Any, t: Any) -> dict[str, Any]:
    """All that a loss gives. One function, so that JAX compiles once and not operation by operation."""
    results = {r: case.function(p, t, reduction=r, **case.settings) for r in ("none", "sum")}
    results["total"], results["count"] = case.function(p, t, reduction="total", **case.settings)
    results["mean"], results["gradient"] = case.object.value_and_gradient(p, t)
    if backend.differentiates:
        mean, gradient = backend.value_and_grad(lambda x: case.function(x, t, **case.settings), p)
        results |= {"autodiff mean": mean, "autodiff gradient": gradient}
    return results


def chosen() -> list[Any]:
    """NumPy and PyTorch get everything in float64 and float32, and every loss in half precision.

    JAX and TensorFlow get every loss in float32, and everything of a few: the parameters act on all alike.
    """
    return [
        pytest.param(name, dtype, case, id=f"{name}-{dtype}-{case}")
        for name in NAMES
        for dtype in DTYPES
        for case in (PLAIN if dtype in HALF else CASES)
        if name in ("numpy", "torch") or case.loss.name in FEW or (dtype == "float32" and case in PLAIN)
    ]


@pytest.mark.parametrize(("backend", "dtype", "case"), chosen(), indirect=["backend"])
def test_values(backend: Backend, case: Case, dtype: str) -> None:
    with backend.session(dtype):
        p, t, want = inputs(backend, case, dtype)
        compute = partial(everything, backend, case)
        got = (backend.jit(compute) if backend.name == "jax" else compute)(p, t)
        total, count = want.values.sum(), want.counts.sum()
        for name, wanted in (
            ("none", want.values),
            ("sum", total),
            ("total", total),
            ("count", count),
            ("mean", total / count),
            ("autodiff mean", total / count),
        ):
            if name in got:
                close(backend.to_numpy(got[name]), wanted, VALUE[dtype], name)
        for name in ("gradient", "autodiff gradient"):
            if name in got:
                close(backend.to_numpy(got[name]), want.gradient / count, GRADIENT[dtype], name)
        assert backend.dtype_name(got["none"]) == ("float32" if dtype in HALF else dtype)
        assert backend.dtype_name(got["gradient"]) == dtype
        assert tuple(got["gradient"].shape) == tuple(p.shape)


@pytest.mark.parametrize(("backend", "case"), pairs([c for c in CASES if c.loss.hessian]), indirect=["backend"])
def test_hessian(backend: Backend, case: Case) -> None:
    with backend.session("float64"):
        p, t, want = inputs(backend, case, "float64")
        got = case.loss.hessian(arrays.load(backend.name), p, t, **case.full)
        close(backend.to_numpy(got), want.curvature, 1e-11, "hessian")


def test_losses_whose_curvature_is_defined_have_a_hessian_for_boosting() -> None:
    have = {loss.name for loss in lm.losses() if loss.hessian}
    assert have >= {"squared_error", "huber", "log_cosh", "sigmoid_cross_entropy", "poisson_log_rate"}
    assert all(loss.layout == "element" for loss in lm.losses() if loss.hessian)


def test_numpy_rounds_bfloat16_as_the_others_do() -> None:
    x = np.linspace(-3, 3, 50)
    rounded = [
        b.to_numpy(b.asarray(x, "bfloat16")) for b in map(backend_named, ("numpy", "torch", "jax", "tensorflow"))
    ]
    assert all((r == rounded[0]).all() for r in rounded)
