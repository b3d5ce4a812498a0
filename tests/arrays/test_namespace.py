"""Which framework an array belongs to, without importing one to find out."""

from __future__ import annotations

import numpy as np
import pytest

import lossmith as lm
from frameworks import NAMES, Backend, backend_named, require
from lossmith.arrays import is_native, load, namespace_of


def test_every_module_has_the_same_names() -> None:
    modules = [load(backend_named(name).name) for name in NAMES]
    public = [{n for n in vars(m) if not n.startswith("_")} - {"annotations", "Any"} for m in modules]
    shared = set.intersection(*public)
    foreign = {"np", "jax", "jnp", "torch", "tf", "sys", "composite"}
    assert [names - shared - foreign for names in public] == [set()] * len(NAMES)


def test_numpy_and_lists_follow_the_tensor_beside_them(backend: Backend) -> None:
    tensor = backend.asarray([1.0, 2.0], "float32")
    assert namespace_of(prediction=tensor, target=[1, 2]).name == backend.name
    assert namespace_of(prediction=np.ones(2), target=tensor).name == backend.name
    assert namespace_of(prediction=[1.0], target=3).name == "numpy"
    assert is_native(tensor, backend.name)
    assert not is_native([1.0], backend.name)


def test_two_frameworks_are_an_error_that_names_both() -> None:
    torch, jax = backend_named("torch"), backend_named("jax")
    with pytest.raises(
        lm.InputError, match=r"prediction is a torch array and target is a jax array.*target=numpy.asarray"
    ):
        lm.squared_error(torch.asarray([1.0]), jax.asarray([1.0]))


def test_subclasses_from_elsewhere_belong_to_the_framework_of_their_base() -> None:
    class Marked(np.ndarray):
        pass

    assert lm.squared_error(np.array([2.0, 3.0]).view(Marked), [1.0, 5.0]) == 2.5
    torch = require("torch")

    class Tensor(torch.Tensor):
        pass

    assert float(lm.squared_error(torch.tensor([2.0, 3.0]).as_subclass(Tensor), torch.tensor([1.0, 5.0]))) == 2.5


def test_parameters_and_variables_are_arrays_too() -> None:
    torch, tf = require("torch"), require("tensorflow")
    assert lm.squared_error(torch.nn.Parameter(torch.tensor([2.0, 3.0])), [1.0, 5.0]).item() == 2.5
    assert float(lm.squared_error(tf.Variable([2.0, 3.0]), [1.0, 5.0])) == 2.5
