"""What the tests of the native kernels share."""

import functools

import pytest

from lossmith import native

_KERNELS = ("softmax_tensors", "softmax_cross_entropy", "elementwise_tensors", "elementwise")


class Counting:
    """The compiled module, which notes the kernels that took a call."""

    def __init__(self, core):
        self.core, self.calls = core, []

    def __getattr__(self, name):
        found = getattr(self.core, name)
        if name not in _KERNELS:
            return found

        def kernel(*arguments, **options):
            result = found(*arguments, **options)
            if result is not None:
                self.calls.append(name)
            return result

        return kernel


@pytest.fixture
def counted(monkeypatch):
    """The calls of the kernels for tensors."""
    pytest.importorskip("torch")
    from lossmith.torch import fast, fast_elementwise

    counting = Counting(native._core)
    for module in (fast, fast_elementwise):
        monkeypatch.setattr(module, "_core", counting)
    return counting.calls


@pytest.fixture
def formula(monkeypatch):
    """Call a function of JAX's with the kernels out of reach."""
    from jax_tools import by_formula

    return functools.partial(by_formula, monkeypatch)
