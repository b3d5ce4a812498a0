"""Losses that take further arrays: value, gradient, weight and mask against the oracle, on every framework."""

from __future__ import annotations

import numpy as np
import pytest

import lossmith as lm
from frameworks import Backend
from losses.cases import PLACES, WITH_EXTRAS, Case
from losses.oracles import expected
from losses.test_values import GRADIENT, VALUE, close


def _arrays(backend: Backend, case: Case, dtype: str) -> tuple:
    prediction, target = case.draw()
    extras = case.extras()
    p = backend.asarray(prediction, dtype)
    t = backend.asarray(target, dtype if target.dtype.kind == "f" else None)
    e = {name: backend.asarray(x, dtype) for name, x in extras.items()}
    exact = [backend.to_numpy(x) for x in e.values()]
    return p, t, e, expected(case.loss.name, backend.to_numpy(p), backend.to_numpy(t), extras=exact, **case.full)


@pytest.mark.parametrize(("backend", "dtype"), PLACES, indirect=["backend"])
@pytest.mark.parametrize("case", WITH_EXTRAS, ids=str)
def test_values_and_gradients(backend: Backend, case: Case, dtype: str) -> None:
    with backend.session(dtype):
        p, t, e, want = _arrays(backend, case, dtype)
        close(
            backend.to_numpy(case.function(p, t, reduction="none", **e, **case.settings)), want.values, VALUE[dtype], ""
        )
        mean, gradient = case.object.value_and_gradient(p, t, *e.values())
        count = want.counts.sum()
        close(backend.to_numpy(mean), want.values.sum() / count, VALUE[dtype], "mean")
        close(backend.to_numpy(gradient), want.gradient / count, GRADIENT[dtype], "closed form")
        if backend.differentiates:
            mean, gradient = backend.value_and_grad(lambda x: case.function(x, t, **e, **case.settings), p)
            close(backend.to_numpy(gradient), want.gradient / count, GRADIENT[dtype], "autodiff")


@pytest.mark.parametrize("case", WITH_EXTRAS, ids=str)
def test_a_mask_hides_everything(backend: Backend, case: Case) -> None:
    p, t, e, want = _arrays(backend, case, "float32")
    keep = np.ones(want.values.shape, bool)
    keep[1] = False
    poison = {"p": backend.to_numpy(p).copy(), **{k: backend.to_numpy(x).copy() for k, x in e.items()}}
    for x in poison.values():
        x[1] = np.nan
    first, *rest = (backend.asarray(x, "float32") for x in poison.values())
    mean, gradient = case.object.value_and_gradient(first, t, *rest, mask=backend.asarray(keep))
    count = want.counts[keep].sum()
    close(backend.to_numpy(mean), want.values[keep].sum() / count, VALUE["float32"], "mean")
    wanted = want.gradient / count
    wanted[1] = 0
    close(backend.to_numpy(gradient), wanted, GRADIENT["float32"], "gradient")


@pytest.mark.parametrize("case", [c for c in WITH_EXTRAS if not c.parameters], ids=str)
def test_a_missing_array_is_named(case: Case) -> None:
    prediction, target = case.draw()
    for extra in case.loss.extras:
        if extra.required:
            others = {k: v for k, v in case.extras().items() if k != extra.name}
            with pytest.raises(lm.InputError, match=f"{extra.name} is missing"):
                case.function(prediction, target, **others)


@pytest.mark.parametrize("case", [c for c in WITH_EXTRAS if not c.parameters], ids=str)
def test_a_nan_is_named(case: Case) -> None:
    prediction, target = case.draw()
    for extra in case.loss.extras:
        if extra.name not in case.extras() or extra.domain.role == "flags":  # a flag that is no number is not set
            continue
        name, poisoned = extra.name, np.array(case.extras()[extra.name], float)
        poisoned[1] = np.nan
        with pytest.raises(lm.DomainError, match=f"{name} is NaN at position"):
            case.function(prediction, target, **(case.extras() | {name: poisoned}))
