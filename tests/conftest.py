"""Fixtures that all tests share."""

from __future__ import annotations

import numpy as np
import pytest

from frameworks import NAMES, Backend, backend_named


@pytest.fixture(params=NAMES)
def backend(request: pytest.FixtureRequest) -> Backend:
    """Every framework in turn."""
    return backend_named(request.param)


@pytest.fixture(params=[name for name in NAMES if name != "numpy"])
def autodiff(request: pytest.FixtureRequest) -> Backend:
    """Every framework that differentiates in turn."""
    return backend_named(request.param)


@pytest.fixture
def rng() -> np.random.Generator:
    """The same random numbers in every test."""
    return np.random.default_rng(20240229)
