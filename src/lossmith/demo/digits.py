"""The digits: 1,797 images of 8 x 8 grey values from 0 to 16, split once into train, validation and test."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..errors import MissingDependencyError

CLASSES = 10
EpochReport = Callable[[dict[str, float]], None]


class Part(NamedTuple):
    """Images (N, 8, 8) scaled to [0, 1] and their labels (N,)."""

    images: np.ndarray
    labels: np.ndarray


class Digits(NamedTuple):
    """Three parts that share no image."""

    train: Part
    validation: Part
    test: Part


def load_digits(seed: int = 0) -> Digits:
    """Return 60 % of the images to train on, 15 % to watch, and 25 % held out for the verdict.

    Raises:
        MissingDependencyError: scikit-learn, which ships the images, is not installed.
    """
    try:
        from sklearn.datasets import load_digits as load_images
    except ImportError:
        raise MissingDependencyError("scikit-learn", "the demonstration", "demo") from None
    pixels, target = load_images(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(target))
    images, labels = (pixels[order].reshape(-1, 8, 8) / 16).astype(np.float32), target[order].astype(np.int64)
    first, second = int(0.6 * len(labels)), int(0.75 * len(labels))
    return Digits(*(Part(images[i:j], labels[i:j]) for i, j in ((0, first), (first, second), (second, None))))
