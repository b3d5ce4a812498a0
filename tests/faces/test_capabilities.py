"""The table of capabilities, cell by cell: what is said to work works and is right, what is refused raises."""

from __future__ import annotations

import copy
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from frameworks import require
from lossmith.understanding.frameworks.capabilities import CAPABILITIES, REFUSED, THEIRS, losses_of


def cells(face: str) -> list[Any]:
    table = [(loss, capability) for loss in losses_of(face) for capability in CAPABILITIES[face]]
    return [pytest.param(*cell, id="-".join(cell)) for cell in table]


def test_refusals_are_cells() -> None:
    assert all(loss in losses_of(face) and c in CAPABILITIES[face] for face, loss, c in REFUSED)
    assert all(loss in losses_of("torch") and c in CAPABILITIES["torch"] for loss, c in THEIRS)
    assert all(face != "jax" for face, *_ in REFUSED), "cells of JAX are checked a row at a time: check this one apart"


def judge(face: str, loss: str, capability: str, check: Callable[[], None]) -> None:
    """Run the check of a cell; one that is refused has to raise."""
    if (face, loss, capability) not in REFUSED:
        check()
        return
    with pytest.raises(Exception):  # noqa: B017 - what it is, is the face's business
        check()


class Torch:
    """The checks of the PyTorch face; each compares with the module itself, run plainly."""

    def __init__(self, module: Any, inputs: tuple[Any, ...]) -> None:
        self.torch = require("torch")
        self.module, self.inputs = module, inputs

    def check(self, capability: str) -> None:
        name = capability.replace(" ", "_").replace("(", "_").replace(")", "")
        getattr(self, name)()

    def gradient(self, module: Any, x: Any, *rest: Any) -> Any:
        x = x.detach().clone().requires_grad_(True)
        return self.torch.autograd.grad(module(x, *rest), x)[0]

    def double_backward(self) -> None:
        x, *rest = (a[:3].detach() for a in self.inputs)
        x = x.clone().requires_grad_(True)
        assert self.torch.autograd.gradgradcheck(lambda p: self.module(p, *rest), (x,))

    def jvp(self) -> None:
        x, *rest = self.inputs
        tangent = self.torch.func.jvp(lambda p: self.module(p, *rest), (x,), (self.torch.ones_like(x),))[1]
        self.torch.testing.assert_close(tangent, self.gradient(self.module, x, *rest).sum())

    def vmap_grad(self) -> None:
        rows = self.torch.func.vmap(self.torch.func.grad(self.module))(*self.inputs)
        alone = [self.gradient(self.module, *row) for row in zip(*self.inputs, strict=True)]
        self.torch.testing.assert_close(rows, self.torch.stack(alone), equal_nan=True)

    def hessian(self) -> None:
        x, *rest = (a[:2] for a in self.inputs)
        forward = self.torch.func.hessian(lambda p: self.module(p, *rest))(x)
        reverse = self.torch.autograd.functional.hessian(lambda p: self.module(p, *rest), x)
        self.torch.testing.assert_close(forward, reverse)

    def compile(self) -> None:
        self.torch._dynamo.reset()
        compiled = self.torch.compile(self.module, fullgraph=True, backend="aot_eager")
        gradients = [self.gradient(f, *self.inputs) for f in (compiled, self.module)]
        self.torch.testing.assert_close(*gradients)

    def export(self) -> None:
        exported = self.torch.export.export(self.module, self.inputs).module()
        self.torch.testing.assert_close(exported(*self.inputs), self.module(*self.inputs))

    def meta_tensors(self) -> None:
        assert copy.deepcopy(self.module).to("meta")(*(a.to("meta") for a in self.inputs)).shape == ()

    def autocast(self) -> None:
        half = [a.bfloat16() if a.is_floating_point() else a for a in self.inputs]
        exact = [a.double() if a.is_floating_point() else a for a in half]
        with self.torch.autocast("cpu", dtype=self.torch.bfloat16):
            value = copy.deepcopy(self.module).float()(*half)
        assert value.dtype == self.torch.float32
        tolerance = 5e-3 if hasattr(self.module, "distance_function") else 1e-6  # PyTorch's distance stays in bfloat16
        self.torch.testing.assert_close(value.double(), self.module(*exact), rtol=tolerance, atol=tolerance)

    def pickle(self) -> None:
        for again in (pickle.loads(pickle.dumps(self.module)), copy.deepcopy(self.module)):
            assert type(again) is type(self.module)
            self.torch.testing.assert_close(again(*self.inputs), self.module(*self.inputs))


def torch_case(name: str, package: Any, capability: str) -> Torch:
    """Return the checks of a module with the inputs that the tests of the face use."""
    from faces.test_torch import MODULES, OF_THREE

    if name in OF_THREE:
        inputs, options = OF_THREE[name]
    else:
        *inputs, options = MODULES[name]
    if capability == "vmap(grad)" and "reduction" in options:
        options = {**options, "reduction": "sum"}
    return Torch(getattr(package, name)(**options), tuple(inputs))


@pytest.mark.parametrize(("loss", "capability"), cells("torch"))
def test_torch(loss: str, capability: str) -> None:
    require("torch")
    import lossmith.torch as lt

    judge("torch", loss, capability, lambda: torch_case(loss, lt, capability).check(capability))


@pytest.mark.parametrize(("loss", "capability"), [pytest.param(*c, id="-".join(c)) for c in THEIRS])
def test_pytorchs_own_modules_do_not_do_it(loss: str, capability: str) -> None:
    """What the page says of them is still so."""
    torch = require("torch")
    with pytest.raises(Exception), warnings.catch_warnings():  # noqa: B017
        warnings.simplefilter("ignore")
        torch_case(loss, torch.nn, capability).check(capability)


@pytest.mark.parametrize("loss", losses_of("jax"))
def test_jax(loss: str) -> None:
    """All cells of a row, against the plain function and finite differences in float64."""
    jax = require("jax")
    import lossmith.jax as lj
    from faces.jax_data import CALLS
    from faces.jax_programs import arrays_of, compiled_quickly, keywords_of

    call = CALLS[loss]
    keywords = {k: v for k, v in keywords_of(call).items() if k != "reduce_fn"}

    def rows(p: Any, *rest: Any) -> Any:
        return getattr(lj, loss)(p, *rest, **keywords, reduction="none")

    def total(p: Any, *rest: Any) -> Any:
        return getattr(lj, loss)(p, *rest, **keywords, reduction="sum")

    def derivatives(d: Any, p: Any, *rest: Any) -> Any:
        forward = jax.jvp(lambda q: total(q, *rest), (p,), (d,))[1]
        return jax.vmap(rows)(p, *rest), jax.grad(total)(p, *rest), forward

    with jax.enable_x64(True), compiled_quickly():
        p, *rest = arrays_of(call, "float64")
        d = np.random.default_rng(1).normal(size=p.shape)
        step, some = 1e-6 * d, [a[:2] for a in rest]
        values, slopes = jax.jit(rows), jax.jit(derivatives)
        plain = np.asarray(values(p, *rest))
        by_row, gradient, forward = map(np.asarray, slopes(d, p, *rest))
        ahead, behind = (np.asarray(values(p + s, *rest)).sum() for s in (step, -step))
        hessian = np.asarray(jax.jit(jax.hessian(total))(p[:2], *some))
        ahead_slope, behind_slope = (np.asarray(slopes(d, p + s, *rest)[1])[:2] for s in (step, -step))
    np.testing.assert_allclose(by_row, plain, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose([(gradient * d).sum(), forward], (ahead - behind) / 2e-6, rtol=1e-6, atol=1e-6)
    bend = (ahead_slope - behind_slope) / 2e-6
    np.testing.assert_allclose(np.tensordot(hessian, d[:2], axes=2), bend, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("loss", losses_of("keras"))
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_tensorflow(loss: str) -> None:
    """Value and gradient of a Keras class in a graph, and compiled by XLA, against the same without either."""
    keras, tf = require("keras"), require("tensorflow")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("graphs of TensorFlow need Keras' TensorFlow backend")
    import lossmith.keras as lk
    from faces.test_keras import CASES

    options, *arrays = next(case[1:] for case in CASES.values() if case[0] == loss)
    target, prediction = (tf.constant(a) for a in arrays)
    weight = tf.range(1.0, 1.0 + len(arrays[0]))
    made = getattr(lk, loss)(**options)

    def step(y: Any, p: Any, w: Any) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            tape.watch(p)
            value = made(y, p, sample_weight=w)
        return value, tape.gradient(value, p)

    plain = step(target, prediction, weight)
    for capability, settings in (("tf.function", {}), ("jit_compile", {"jit_compile": True})):

        def check(settings: dict[str, Any] = settings) -> None:
            traced = tf.function(step, autograph=False, **settings)(target, prediction, weight)
            for got, wanted in zip(traced, plain, strict=True):
                np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)

        judge("keras", loss, capability, check)
