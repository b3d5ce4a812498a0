"""One wrong argument at a time: each error says what was given, what was expected and what to type."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import lossmith as lm
from frameworks import Backend, backend_named, require
from lossmith.errors import DomainError, EmptyError, InputError, LabelError, ShapeError, UnknownNameError

NAN = np.nan
ZEROS, EVEN = np.zeros((2, 3)), np.full((2, 3), 1 / 3)
PAIR = ([0.5, 1.0], [1.0, 1.0])
LOGITS, LABELS = ZEROS, np.array([0, 1])

# name: (loss, prediction, target, options, error, what the message must hold)
SHAPES: dict[str, tuple] = {
    "(N,) and (N, 1)": ("mse", [1.0, 2.0], [[1.0], [2.0]], {}, ShapeError, r"\(2,\).*\(2, 1\).*target.squeeze\(-1\)"),
    "(N, 1) and (N,)": (
        "mse",
        [[1.0], [2.0]],
        [1.0, 2.0],
        {},
        ShapeError,
        r"\(2, 1\).*\(2,\).*prediction.squeeze\(-1\)",
    ),
    "(N,) and (N, N)": (
        "huber",
        [1.0, 2.0],
        np.ones((2, 2)),
        {},
        ShapeError,
        r"equal, as nothing is broadcast; .*reshape",
    ),
    "(N, F) and (F,)": ("mae", ZEROS, np.zeros(3), {}, ShapeError, "nothing is broadcast"),
    "scalar and (N,)": ("mse", 1.0, [1.0, 2.0], {}, ShapeError, r"\(\).*\(2,\)"),
    "class indices for a regression": ("mse", ZEROS, LABELS, {}, ShapeError, "take softmax_cross_entropy"),
    "labels (N, 1)": ("ce", LOGITS, [[0], [1]], {}, ShapeError, r"3 classes.*\(2, 1\).*target.squeeze\(-1\)"),
    "labels of other length": (
        "ce",
        LOGITS,
        [0, 1, 2],
        {},
        ShapeError,
        r"expected \(2,\) for class indices or \(2, 3\)",
    ),
    "classes on axis 1": ("ce", np.zeros((2, 3, 4, 4)), np.zeros((2, 4, 4), int), {}, ShapeError, "then add axis=1"),
    "classes on axis 1, said": (
        "ce",
        np.zeros((2, 3, 4)),
        np.zeros((2, 3), int),
        {"axis": 1},
        ShapeError,
        r"\(2, 3, 4\), that is 3 classes on axis 1; .* expected \(2, 4\)",
    ),
    "numbers for a regression": ("mse", ZEROS, [1.0, 2.0], {}, ShapeError, "broadcast; pick, reduce or reshape"),
    "no classes": ("ce", np.zeros((2, 0)), LABELS, {}, ShapeError, r"\(2, 0\).*no class"),
    "a number for a row": ("ce", 0.5, 1, {}, ShapeError, r"single number.*shape \(…, C\)"),
    "axis out of range": ("ce", LOGITS, LABELS, {"axis": 2}, ShapeError, r"axis is 2.*\(2, 3\); use -2 … 1"),
    "axis as text": ("ce", LOGITS, LABELS, {"axis": "last"}, InputError, "axis is 'last'; expected one whole number"),
    "class_weight too long": (
        "ce",
        LOGITS,
        LABELS,
        {"class_weight": [1, 2, 3, 4]},
        ShapeError,
        r"\(4,\); expected \(3,\)",
    ),
    "weight of wrong length": ("mse", *PAIR, {"weight": [1.0, 2.0, 3.0]}, ShapeError, r"\(3,\).*leading axes.*\(2,\)"),
    "weight (N, 1) for (N,)": ("mse", *PAIR, {"weight": [[1.0], [2.0]]}, ShapeError, r"weight.squeeze\(-1\)"),
    "weight (F,) for (N, F)": ("mse", ZEROS, ZEROS, {"weight": np.ones(3)}, ShapeError, r"\(3,\).*\(2,\) or \(2, 3\)"),
    "mask of wrong length": ("mse", *PAIR, {"mask": [True, True, False]}, ShapeError, r"mask has shape \(3,\)"),
}
LABELLED: dict[str, tuple] = {
    "label above": ("ce", LOGITS, [0, 17], {}, LabelError, r"label 17 at position 1.*3 classes.*0 … 2.*18 outputs"),
    "label off by one": ("ce", LOGITS, [1, 3], {}, LabelError, r"label 3 at position 1.*count from 1: use target - 1"),
    "label -1": ("ce", LOGITS, [0, -1], {}, LabelError, "label -1 at position 1.*add ignore_index=-1"),
    "label -100": ("ce", LOGITS, [-100, 0], {}, LabelError, "label -100 at position 0.*add ignore_index=-100"),
    "label 255": ("ce", LOGITS, [0, 255], {}, LabelError, "label 255.*1 of 2 labels.*add ignore_index=255"),
    "mask image": ("ce", np.zeros((2, 2)), [0, 255], {}, LabelError, "mask image: use target // 255"),
    "float labels": (
        "ce",
        LOGITS,
        [0.0, 1.0],
        {},
        LabelError,
        r"must be integers;.*target.astype\(int\).*target.long\(\)",
    ),
    "soft rows for a hinge": (
        "categorical_hinge",
        LOGITS,
        [[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]],
        {},
        LabelError,
        r"0.5 at position \(0, 0\).*one class per row.*argmax",
    ),
    "multi-hot": (
        "ce",
        LOGITS,
        [[1, 0, 1], [1, 0, 0]],
        {},
        LabelError,
        "row 0 sums to 2, not 1.*sigmoid_cross_entropy",
    ),
    "soft rows, sum": (
        "ce",
        LOGITS,
        [[1.0, 0, 0], [0.5, 0.6, 0.2]],
        {},
        LabelError,
        r"row 1 sums to 1.3.*class indices of",
    ),
    "soft rows, negative": (
        "ce",
        LOGITS,
        [[1.5, -0.5, 0], [1, 0, 0]],
        {},
        LabelError,
        "row 0 holds -0.5, which is no prob",
    ),
    "hinge on 0 and 1": ("hinge", [0.5, 0.2], [1, 0], {}, LabelError, r"target is 0 at position 1.*2 \* target - 1"),
    "hinge on 3": (
        "squared_hinge",
        [0.5, 0.2],
        [1, 3],
        {},
        LabelError,
        "target is 3 at position 1.*takes -1 and [+]1$",
    ),
}
VALUES: dict[str, tuple] = {
    "logits as probabilities": (
        "cce",
        [[2.0, -1.0]],
        [0],
        {},
        DomainError,
        "prediction is 2.*for logits use softmax_cross",
    ),
    "rows not normalised": (
        "cce",
        [[0.2, 0.1]],
        [0],
        {},
        DomainError,
        "row 0 sums to 0.3.*for logits use softmax_cross",
    ),
    "kl not normalised": (
        "kl",
        [[0.5, 1.0]],
        [[1.0, 0]],
        {},
        DomainError,
        r"sums to 1.5.*prediction / prediction.sum\(-1",
    ),
    "kl target": ("kl", [[0.5, 0.5]], [[1.0, 0.5]], {}, DomainError, "target row 0 sums to 1.5"),
    "bce on logits": (
        "bce",
        [0.5, 2.0],
        [1, 0],
        {},
        DomainError,
        "prediction is 2 at position 1.*sigmoid_cross_entropy",
    ),
    "bce target 2": ("bce", [0.5, 0.2], [2, 0], {}, DomainError, "target is 2 at position 0.*softmax_cross_entropy"),
    "logit target 255": ("bce_with_logits", [0.5, 0.2], [255, 0], {}, DomainError, "target is 255.*ignore_index="),
    "negative rate": (
        "poisson",
        [-0.5, 1],
        [1, 1],
        {},
        DomainError,
        r"prediction is -0.5 at position 0; poisson takes \[0, ∞",
    ),
    "negative count": ("poisson", [0.5, 1], [1, -1], {}, DomainError, "target is -1 at position 1"),
    "no logarithm": ("msle", [-1.0, 1], [1, 1], {}, DomainError, r"prediction is -1.*takes \(-1, ∞\)"),
    "division by zero": ("mape", [1.0, 1], [0, 1], {}, DomainError, r"except 0; epsilon= admits it"),
    "NaN in prediction": (
        "mse",
        [[0.5, NAN]],
        [[1, 0]],
        {},
        DomainError,
        r"prediction is NaN at position \(0, 1\).*mask=",
    ),
    "NaN in target": ("mse", [0.5, 1], [1, NAN], {}, DomainError, r"target is NaN at position 1 \(1 of 2 values\)"),
    "NaN in logits": ("ce", [[0.5, NAN]], [0], {}, DomainError, r"prediction is NaN at position \(0, 1\)"),
    "NaN beside the true class": (
        "cce",
        [[0.5, 0.5, NAN]],
        [0],
        {},
        DomainError,
        r"prediction is NaN at position \(0, 2\)",
    ),
    "NaN sign": ("hinge", [1.0], [NAN], {}, DomainError, "target is NaN at position 0"),
    "NaN under reduction none": ("mse", [NAN, 1], [1, 1], {"reduction": "none"}, DomainError, "prediction is NaN"),
    "weight negative": ("mse", *PAIR, {"weight": [1.0, -1]}, InputError, "weight is -1 at position 1; .*not negative"),
    "weight NaN": ("mse", *PAIR, {"weight": [1.0, NAN]}, InputError, "weight is nan at position 1"),
    "class_weight negative": ("ce", LOGITS, LABELS, {"class_weight": [1, -2, 1]}, InputError, "class_weight is -2"),
}
TYPES: dict[str, tuple] = {
    "None": ("mse", None, [1.0], {}, InputError, "prediction is None; expected an array of numbers"),
    "target None": ("mse", [1.0], None, {}, InputError, "target is None"),
    "text": ("mse", "abc", [1.0], {}, InputError, "prediction has dtype str.*expected real numbers"),
    "texts": (
        "mse",
        [1.0, 2.0],
        ["1", "2"],
        {},
        InputError,
        r"target has dtype str.*numpy.unique\(target, return_inverse=True\)",
    ),
    "complex": ("mse", [1j], [1.0], {}, InputError, "dtype complex128; expected real"),
    "objects": ("mse", [None, 1.0], [1.0, 1.0], {}, InputError, "dtype object"),
    "dates": ("mse", np.array(["2020-01-01"], "datetime64[D]"), [1.0], {}, InputError, "dtype datetime64"),
    "ragged": ("mse", [[1.0], [1.0, 2.0]], [1.0], {}, InputError, "prediction cannot be read.*rows of one length"),
    "float mask": ("mse", *PAIR, {"mask": [1.0, 0.0]}, InputError, "mask has a floating dtype.*mask != 0.*weight="),
    "text as weight": ("mse", *PAIR, {"weight": "balanced"}, InputError, "weight has dtype str"),
    "ignore_index as text": (
        "ce",
        LOGITS,
        LABELS,
        {"ignore_index": "x"},
        InputError,
        "ignore_index is 'x'; expected one",
    ),
    "ignore_index, dense": ("ce", LOGITS, EVEN, {"ignore_index": 0}, InputError, "needs integer labels.*mask= instead"),
    "ignore_index, regression": (
        "mse",
        *PAIR,
        {"ignore_index": 0},
        UnknownNameError,
        "'ignore_index' in squared_error.*mask",
    ),
    "reduction": (
        "mse",
        *PAIR,
        {"reduction": "avg"},
        InputError,
        "'avg'; expected one of 'mean', 'sum', 'none', 'total'",
    ),
    "empty": ("mse", *PAIR, {"empty": "skip"}, InputError, "'skip'; expected one of 'zero', 'nan', 'error'"),
    "normalizer of a sum": ("mse", *PAIR, {"reduction": "sum", "normalizer": 3}, InputError, "drop one of the two"),
    "normalizer negative": ("mse", *PAIR, {"normalizer": -3}, InputError, "normalizer is -3; expected a count"),
    "normalizer NaN": ("mse", *PAIR, {"normalizer": NAN}, InputError, "normalizer is nan"),
    "normalizer per row": ("mse", *PAIR, {"normalizer": np.ones(2)}, InputError, "expected one number"),
    "label_smoothing": (
        "ce",
        LOGITS,
        LABELS,
        {"label_smoothing": 2.0},
        InputError,
        r"is 2.0; expected a number in \[0, 1\]",
    ),
    "smoothing text": ("ce", LOGITS, LABELS, {"label_smoothing": "a"}, InputError, r"'a' \(str\); expected a number"),
    "delta 0": ("huber", *PAIR, {"delta": 0}, InputError, r"delta is 0.*expected a number in \(0, ∞\)"),
    "delta NaN": ("huber", *PAIR, {"delta": NAN}, InputError, "delta is nan"),
    "switch as number": ("poisson", *PAIR, {"full": 1}, InputError, "full is 1; expected True or False"),
    "unknown parameter": ("huber", *PAIR, {"detla": 1.0}, UnknownNameError, "'detla' in huber; did you mean 'delta'?"),
    "nothing left": ("mse", [], [], {"empty": "error"}, EmptyError, 'no value is left.*empty="zero"'),
    "all masked": ("mse", *PAIR, {"mask": [False, False], "empty": "error"}, EmptyError, "all are masked"),
}
TABLE = {**SHAPES, **LABELLED, **VALUES, **TYPES}


@pytest.mark.parametrize("name", TABLE)
def test_message(name: str) -> None:
    loss, prediction, target, options, error, text = TABLE[name]
    function = getattr(lm, lm.get(loss).definition.name)
    with pytest.raises(error, match=re.compile(text, re.DOTALL)):
        function(prediction, target, **options)


# What each framework refuses by itself, or turns into an array without a word, must not change the answer.
@pytest.mark.parametrize("name", [*SHAPES, *LABELLED, *VALUES])
def test_the_same_error_on_every_framework(backend: Backend, name: str) -> None:
    loss, prediction, target, options, error, text = TABLE[name]
    function = getattr(lm, lm.get(loss).definition.name)
    p, t = backend.asarray(np.asarray(prediction, np.float32)), np.asarray(target)
    t = backend.asarray(t, "float32" if t.dtype.kind == "f" else None)
    with pytest.raises(error, match=re.compile(text, re.DOTALL)):
        function(p, t, **options)


def _bcoo() -> Any:
    jax = require("jax")
    from jax.experimental.sparse import BCOO

    return BCOO.fromdense(jax.numpy.ones((2, 3)))


# name: (framework, a target that holds its numbers otherwise, what the message must hold)
NOT_DENSE: dict[str, tuple] = {
    "masked": ("numpy", lambda: np.ma.masked_less(ZEROS, 0), "mask=~numpy.ma.getmaskarray(target)"),
    "SciPy": ("scipy", lambda: require("scipy.sparse").csr_matrix(ZEROS), "a csr_matrix; expected a dense array"),
    "PyTorch, COO": ("torch", lambda: require("torch").ones(2, 3).to_sparse(), "give target.to_dense()"),
    "PyTorch, nested": (
        "torch",
        lambda: require("torch").nested.nested_tensor([require("torch").ones(2)] * 2),
        "target.to_padded_tensor(0) with a mask",
    ),
    "TensorFlow, sparse": ("tensorflow", lambda: require("tensorflow").sparse.eye(2), "tf.sparse.to_dense(target)"),
    "TensorFlow, ragged": (
        "tensorflow",
        lambda: require("tensorflow").ragged.constant([[1.0], [1.0, 2.0]]),
        "target.to_tensor() and a mask",
    ),
    "JAX": ("jax", _bcoo, "target.todense()"),
}


@pytest.mark.filterwarnings("ignore:.*nested tensors.*:UserWarning")
@pytest.mark.parametrize("name", NOT_DENSE)
def test_what_holds_its_numbers_otherwise_is_refused(name: str) -> None:
    framework, make, text = NOT_DENSE[name]
    target = make()
    prediction = ZEROS if framework in ("numpy", "scipy") else backend_named(framework).asarray(ZEROS, "float32")
    with pytest.raises(InputError, match=re.escape(text)):
        lm.squared_error(prediction, target)


@pytest.mark.parametrize("method", ["__call__", "value_and_gradient"])
def test_objects_check_as_functions_do(method: str) -> None:
    with pytest.raises(LabelError, match="label 3"):
        getattr(lm.SoftmaxCrossEntropy(), method)(LOGITS, [0, 3])
    with pytest.raises(DomainError, match="prediction is NaN"):
        getattr(lm.Huber(), method)([NAN], [1.0])


OBJECTS: dict[str, tuple[Any, type, str]] = {
    "delta": (lambda: lm.Huber(delta=-1), InputError, "delta is -1"),
    "unknown": (lambda: lm.Huber(dleta=1), UnknownNameError, "did you mean 'delta'"),
    "settings without names": (lambda: lm.Huber(2.0), InputError, "Huber takes its settings by name: delta=2.0"),
    "a number for an array": (lambda: lm.huber([1.0], [2.0], 1.0), InputError, r"settings by name: delta=1\.0"),
    "reduction": (lambda: lm.Huber(reduction="avg"), InputError, "'avg'; expected one of"),
    "empty": (lambda: lm.Huber(empty=0), InputError, "empty is 0"),
    "weight": (
        lambda: lm.Huber(weight=[1.0]),
        InputError,
        r"weight goes into the call: Huber\(\)\(prediction, target, weight=…",
    ),
    "name": (lambda: lm.get("mze"), UnknownNameError, "no loss named 'mze'; did you mean.*'mse'"),
    "no name": (lambda: lm.get(3), UnknownNameError, "no loss named '3'"),
    "get with a wrong parameter": (lambda: lm.get("mse", delta=1), UnknownNameError, "'delta' in squared_error"),
    "attribute": (lambda: lm.Huber().gamma, AttributeError, "Huber has no attribute 'gamma'"),
    "module attribute": (lambda: lm.hubert, AttributeError, "'lossmith' has no attribute 'hubert'"),
}


@pytest.mark.parametrize("name", OBJECTS)
def test_object_message(name: str) -> None:
    make, error, text = OBJECTS[name]
    with pytest.raises(error, match=text):
        make()


def test_every_error_is_a_value_or_lookup_error_and_ours() -> None:
    for error in (ShapeError, DomainError, LabelError, EmptyError):
        assert issubclass(error, (InputError, ValueError))
        assert issubclass(error, lm.LossmithError)
    assert issubclass(UnknownNameError, LookupError)
