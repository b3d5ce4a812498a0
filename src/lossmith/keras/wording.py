"""The core's errors in Keras' words: ``y_true`` and ``y_pred``, the classes and options of ``keras.losses``."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ..errors import InputError

_WORDS = (
    (r"\bprediction\b", "y_pred"),
    (r"\btarget\b", "y_true"),
    (r"\bweight has\b", "sample_weight has"),
    (r"\bsoftmax_cross_entropy\b", "SparseCategoricalCrossentropy(from_logits=True)"),
    (r"\bcategorical_cross_entropy\b", "CategoricalCrossentropy"),
    (r"\bsigmoid_cross_entropy\b", "BinaryCrossentropy(from_logits=True)"),
    (r"\bignore_index\b", "ignore_class"),
    (r"\bclass_weight\b", "alpha"),  # the only vector that a loss of Keras takes
)


def in_keras_words(text: str) -> str:
    """Return the text of a core's error with Keras' names.

    >>> in_keras_words("target holds label 4; use target - 1, or add ignore_index=4")
    'y_true holds label 4; use y_true - 1, or add ignore_class=4'
    """
    for pattern, word in _WORDS:
        text = re.sub(pattern, word, text)
    return text


def speaking_keras(function: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
    """Call ``function``; an InputError that it raises comes out with Keras' names."""
    try:
        return function(*arguments, **keywords)
    except InputError as error:
        raise type(error)(in_keras_words(str(error))) from None
