"""Losses as objects: they print, compare, hash, copy and pickle as the call that makes them."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import lossmith as lm
from frameworks import Backend
from losses.cases import CASES, PLAIN, Case

SHOWN: dict[str, Any] = {
    "Huber()": lambda: lm.Huber(),
    "Huber(delta=2.0)": lambda: lm.Huber(delta=2),
    "Huber(delta=0.5, reduction='sum')": lambda: lm.Huber(reduction="sum", delta=0.5),
    "SoftmaxCrossEntropy(ignore_index=-100, axis=1)": lambda: lm.SoftmaxCrossEntropy(axis=1, ignore_index=-100),
    "SoftmaxCrossEntropy(class_weight=[1.0, 2.0])": lambda: lm.SoftmaxCrossEntropy(class_weight=np.array([1.0, 2.0])),
    "CategoricalHinge(rivals_from_zero=True)": lambda: lm.CategoricalHinge(rivals_from_zero=True),
    "AbsoluteError(empty='nan')": lambda: lm.AbsoluteError(empty="nan"),
}


@pytest.mark.parametrize("text", SHOWN)
def test_repr_is_the_call(text: str) -> None:
    made = SHOWN[text]()
    assert repr(made) == text
    again = eval(text, vars(lm) | {n: getattr(lm, n) for n in lm.__all__})
    assert again == made
    assert hash(again) == hash(made)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_copies_are_equal_and_compute_the_same(case: Case) -> None:
    loss = case.object
    p, t = case.draw()
    for other in (pickle.loads(pickle.dumps(loss)), copy.copy(loss), copy.deepcopy(loss), case.object):
        assert other == loss
        assert hash(other) == hash(loss)
        assert type(other) is type(loss)
        assert other(p, t) == loss(p, t)
    assert loss(p, t) == case.function(p, t, **case.settings)


def test_what_differs_is_not_equal() -> None:
    different = [lm.Huber(), lm.Huber(delta=2), lm.Huber(reduction="sum"), lm.SquaredError(), lm.Huber]
    different += [lm.SoftmaxCrossEntropy(class_weight=np.ones(2000)), lm.SoftmaxCrossEntropy()]
    changed = np.ones(2000)
    changed[1000] = 2  # in the middle, where NumPy's own printing leaves numbers out
    different.append(lm.SoftmaxCrossEntropy(class_weight=changed))
    assert all((a == b) == (i == j) for i, a in enumerate(different) for j, b in enumerate(different))
    assert len(set(different)) == len(different)


@pytest.mark.parametrize("loss", lm.losses(), ids=lambda loss: loss.name)
def test_definitions_pickle_by_name(loss: lm.Loss) -> None:
    assert pickle.loads(pickle.dumps(loss)) is loss
    assert pickle.loads(pickle.dumps(getattr(lm, loss.object_name))) is getattr(lm, loss.object_name)


def test_class_weights_of_any_framework(backend: Backend) -> None:
    weight = backend.asarray([1.0, 2.0, 3.0], "float32")
    loss = lm.SoftmaxCrossEntropy(class_weight=weight)
    assert repr(loss) == "SoftmaxCrossEntropy(class_weight=[1.0, 2.0, 3.0])"
    assert loss == lm.SoftmaxCrossEntropy(class_weight=[1.0, 2.0, 3.0])
    p, t = backend.asarray(np.zeros((2, 3)), "float32"), backend.asarray([0, 2])
    assert float(loss(p, t)) == pytest.approx(np.log(3), rel=1e-6)
    assert float(lm.SoftmaxCrossEntropy(class_weight=[1, 2, 3])(p, t)) == pytest.approx(np.log(3), rel=1e-6)


def test_attributes() -> None:
    loss = lm.SoftmaxCrossEntropy(label_smoothing=0.1, axis=1)
    assert (loss.label_smoothing, loss.axis, loss.reduction, loss.class_weight) == (0.1, 1, "mean", None)
    assert loss.parameters["label_smoothing"] == 0.1
    assert loss.definition.name == "softmax_cross_entropy"


@pytest.mark.parametrize("case", PLAIN, ids=str)
def test_every_public_name_is_there(case: Case) -> None:
    for name in (case.loss.name, case.loss.object_name):
        assert name in lm.__all__
        assert name in dir(lm)
        assert getattr(lm, name) is getattr(lm, name)


def test_inputs_are_left_alone(backend: Backend) -> None:
    p, t = backend.asarray([[1.0, np.nan]], "float32"), backend.asarray([[0.0, 1.0]], "float32")
    lm.Huber().value_and_gradient(p, t, mask=[[True, False]])
    np.testing.assert_array_equal(backend.to_numpy(p), [[1.0, np.nan]])
    np.testing.assert_array_equal(backend.to_numpy(t), [[0.0, 1.0]])
