"""The rows of the tables of differences and ports that are about Keras, on the backend of this process."""

from __future__ import annotations

import pytest

from faces.calls import Asked, agrees, run
from faces.rows import PORTED, ROWS, asked_of, check_names, on_keras
from frameworks import require
from lossmith.understanding.frameworks.tables import KERAS, shown

keras = require("keras")
NAMES = "' '.join(n for n, x in vars(keras.losses).items() if isinstance(x, type) and n != 'Loss')"


# Keras on PyTorch hands NumPy its own tensors, and NumPy warns.
@pytest.mark.filterwarnings("ignore:__array__ implementation")
def test_rows_are_true_and_every_loss_of_keras_is_ported() -> None:
    backend = keras.backend.backend()
    rows = [(row, call) for row in (*ROWS, *PORTED) for call in row.calls if on_keras(call, backend)]
    names, *results = run([Asked(KERAS, NAMES, {}, raises=True), *(asked_of(row, call) for row, call in rows)])
    wrong = [
        f"{row.title}: {call.code} gives {result}, the table says {shown(call.gives)}"
        for (row, call), result in zip(rows, results, strict=True)
        if not agrees(result, call.gives)
    ]
    assert not wrong, "\n".join(wrong)
    check_names("keras", set(names.split()))
