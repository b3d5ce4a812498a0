"""The table of capabilities, cell by cell: what is said to work works and is right, what is refused raises."""

from __future__ import annotations

import copy
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lossmith
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
    """The checks of a PyTorch module; each compares with the module itself, run plainly.

    ``parts`` are inputs small enough for second derivatives, ``rows`` those of single samples.
    """

    def __init__(
        self, module: Any, inputs: tuple[Any, ...], parts: Any = None, rows: Any = None, axis: int = 0
    ) -> None:
        self.torch = require("torch")
        self.module, self.inputs, self.axis = module, inputs, axis
        self.parts = parts or tuple(a[:2] for a in inputs)
        self.rows = rows or list(zip(*inputs, strict=True))

    def check(self, capability: str) -> None:
        name = capability.replace(" ", "_").replace("(", "_").replace(")", "")
        getattr(self, name)()

    def gradient(self, module: Any, x: Any, *rest: Any) -> Any:
        x = x.detach().clone().requires_grad_(True)
        return self.torch.autograd.grad(module(x, *rest), x)[0]

    def double_backward(self) -> None:
        x, *rest = self.parts
        x = x.detach().clone().requires_grad_(True)
        assert self.torch.autograd.gradgradcheck(lambda p: self.module(p, *rest), (x,))

    def jvp(self) -> None:
        x, *rest = self.inputs
        direction = self.torch.linspace(-1, 1, x.numel(), dtype=x.dtype).reshape(x.shape).square()
        tangent = self.torch.func.jvp(lambda p: self.module(p, *rest), (x,), (direction,))[1]
        self.torch.testing.assert_close(tangent, (self.gradient(self.module, x, *rest) * direction).sum())

    def vmap_grad(self) -> None:
        axes = (self.axis, *[0] * (len(self.inputs) - 1))
        rows = self.torch.func.vmap(self.torch.func.grad(self.module), in_dims=axes)(*self.inputs)
        alone = [self.gradient(self.module, *row) for row in self.rows]
        self.torch.testing.assert_close(rows, self.torch.stack(alone), equal_nan=True)

    def hessian(self) -> None:
        x, *rest = self.parts
        forward = self.torch.func.hessian(lambda p: self.module(p, *rest))(x)
        reverse = self.torch.autograd.functional.hessian(lambda p: self.module(p, *rest), x)
        self.torch.testing.assert_close(forward, reverse)

    def compile(self) -> None:
        self.torch._dynamo.reset()
        compiled = self.torch.compile(self.module, fullgraph=True, backend="aot_eager")
        for run in (lambda f: f(*self.inputs), lambda f: self.gradient(f, *self.inputs)):
            self.torch.testing.assert_close(run(compiled), run(self.module))

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
        before = type(self.module).__name__ in (
            "TripletMarginWithDistanceLoss",
            "LinearCrossEntropyLoss",
        )  # in bfloat16
        self.torch.testing.assert_close(
            value.double(), self.module(*exact), rtol=5e-3 if before else 1e-6, atol=5e-3 if before else 1e-6
        )

    def pickle(self) -> None:
        for again in (pickle.loads(pickle.dumps(self.module)), copy.deepcopy(self.module)):
            assert type(again) is type(self.module)
            self.torch.testing.assert_close(again(*self.inputs), self.module(*self.inputs))


def torch_case(name: str, package: Any, capability: str) -> Torch:
    """Return the checks of a module with the inputs that the tests of the face use."""
    from faces import test_torch as face

    kind = getattr(package, name)
    if name == "CTCLoss":
        inputs = (face.spoken[:3, :2], face.torch.tensor([[1, 2], [3, 0]]), face.torch.tensor([3, 2]))
        inputs = (*inputs, face.torch.tensor([2, 1]))
        rows = [(inputs[0][:, i], *(a[i] for a in inputs[1:])) for i in range(2)]
        return Torch(kind(reduction="sum"), inputs, parts=inputs, rows=rows, axis=1)
    if name == "LinearCrossEntropyLoss":
        face.torch.manual_seed(1)
        return Torch(kind(3, face.C, dtype=face.torch.float64), (face.logits[:, :3], face.labels.clamp(min=0)))
    if name in face.OF_THREE:
        inputs, options = face.OF_THREE[name]
    else:
        *inputs, options = face.MODULES[name]
    if capability == "vmap(grad)" and "reduction" in options:
        options = {**options, "reduction": "sum"}
    return Torch(kind(**options), tuple(inputs))


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
    """All cells of a row in one program, in float64: against optax or our own NumPy, and finite differences."""
    jax, optax = require("jax"), require("optax")
    import lossmith.jax as lj
    from faces.jax_data import CALLS, WHOLE
    from faces.jax_programs import arrays_of, compiled_quickly, keywords_of

    call, whole = {**CALLS, **WHOLE}[loss], loss in WHOLE
    keywords = {k: v for k, v in keywords_of(call).items() if k != "reduce_fn"}
    theirs = getattr(optax.losses, loss.replace("convex_kl", "generalized_kl"), None)

    def values_of(p: Any, *rest: Any) -> Any:
        return getattr(lj, loss)(p, *rest, **keywords, **({} if whole else {"reduction": "none"}))

    def total(p: Any, *rest: Any) -> Any:
        return jax.numpy.sum(values_of(p, *rest))

    def everything(d: Any, p: Any, *rest: Any) -> tuple[Any, ...]:
        rows = [a[None] for a in (p, *rest)] if whole else (p, *rest)  # a whole batch is one row
        some = (p, *rest) if whole else [a[:2] for a in (p, *rest)]
        forward = jax.jvp(lambda q: total(q, *rest), (p,), (d,))[1]
        wanted = theirs(p, *rest, **call.keywords) if theirs else 0.0
        values = values_of(p, *rest), jax.vmap(values_of)(*rows)
        return wanted, *values, jax.grad(total)(p, *rest), forward, jax.hessian(total)(*some)

    with jax.enable_x64(True), compiled_quickly():
        p, *rest = arrays_of(call, "float64")
        d = np.random.default_rng(1).normal(size=p.shape)
        here, ahead, behind = (
            [np.asarray(x) for x in jitted(d, p + s * d, *rest)]
            for jitted in [jax.jit(everything)]
            for s in (0.0, 1e-6, -1e-6)
        )
    wanted, value, by_row, gradient, forward, hessian = here
    if theirs is None:
        wanted = getattr(lossmith, loss)(call.prediction, *call.rest, **call.keywords, reduction="none")
    np.testing.assert_allclose(value, wanted, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(by_row.reshape(value.shape), value, rtol=1e-12, atol=1e-12)
    slope = (ahead[1].sum() - behind[1].sum()) / 2e-6
    np.testing.assert_allclose([(gradient * d).sum(), forward], slope, rtol=1e-6, atol=1e-6)
    part = slice(None if whole else 2)
    bend = (ahead[3] - behind[3])[part] / 2e-6
    np.testing.assert_allclose(np.tensordot(hessian, d[part], axes=d.ndim), bend, rtol=1e-5, atol=1e-5)


WHOLE_BATCH = ("Dice", "Tversky")  # one number for the batch: no weights


def keras_inputs(loss: str) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """Return target, prediction and arguments of a class of Keras, by what its name says."""
    rng = np.random.default_rng(2)
    scores = rng.normal(size=(4, 3)).astype("float32")
    yes = (rng.normal(size=(4, 3)) > 0).astype("float32")
    rows, labels = np.eye(3, dtype="float32")[[0, 2, 1, 0]], np.array([0, 2, 1, 0])
    if loss == "CTC":
        return np.array([[1, 2], [2, 1], [1, 0], [2, 2]]), rng.normal(size=(4, 6, 3)).astype("float32"), {}
    if loss == "CategoricalGeneralizedCrossEntropy":
        return labels, np.exp(scores) / np.exp(scores).sum(-1, keepdims=True), {}
    if loss in ("SparseCategoricalCrossentropy", "Circle"):
        return labels, scores, {"from_logits": True} if loss != "Circle" else {}
    if loss in WHOLE_BATCH:
        return yes, 1 / (1 + np.exp(-scores)), {}
    if "entropy" in loss:
        return rows if loss.startswith("Categorical") else yes, scores, {"from_logits": True}
    if loss == "KLDivergence":
        return rows, np.exp(scores) / np.exp(scores).sum(-1, keepdims=True), {}
    if loss in ("Poisson", "MeanSquaredLogarithmicError"):
        return yes + 1, np.exp(scores), {}
    return rows if loss == "CategoricalHinge" else yes + 1, scores, {}


@pytest.mark.slow
@pytest.mark.parametrize("loss", losses_of("keras"))
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_tensorflow(loss: str) -> None:
    """Value and gradient of a Keras class in a graph, and compiled by XLA, against the same without either."""
    keras, tf = require("keras"), require("tensorflow")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("graphs of TensorFlow need Keras' TensorFlow backend")
    import lossmith.keras as lk

    target, prediction, options = keras_inputs(loss)
    target, prediction = tf.constant(target), tf.constant(prediction)
    weight = None if loss in WHOLE_BATCH else tf.range(1.0, 1.0 + len(prediction))
    made = getattr(lk, loss)(**options)

    def step(y: Any, p: Any, w: Any) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            tape.watch(p)
            value = made(y, p) if w is None else made(y, p, sample_weight=w)
        return value, tape.gradient(value, p)

    plain = step(target, prediction, weight)
    for capability, settings in (("tf.function", {}), ("jit_compile", {"jit_compile": True})):

        def check(settings: dict[str, Any] = settings) -> None:
            traced = tf.function(step, autograph=False, **settings)(target, prediction, weight)
            for got, wanted in zip(traced, plain, strict=True):
                np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)

        judge("keras", loss, capability, check)
