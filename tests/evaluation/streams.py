"""Rows of each task, and files of them, for the tests of the engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lossmith.evaluation import Evaluation
from lossmith.evaluation.states import to_json

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

ROWS = 4000
RNG = np.random.default_rng(11)
P = RNG.beta(0.4, 0.7, ROWS)
Y = (RNG.random(ROWS) < P).astype(np.int64)
LOGITS = RNG.standard_normal((ROWS, 4))
CLASS = (LOGITS + RNG.gumbel(size=LOGITS.shape)).argmax(axis=1)
NAMES = np.array(["ant", "bee", "cat", "dog"])
X = RNG.standard_normal(ROWS) * 3 + 20
Z = np.abs(X + RNG.standard_normal(ROWS))


def bits(result: Evaluation) -> str:
    """All that must not depend on how the rows were split (what was assumed quotes the first rows)."""
    assert result.states is not None
    return to_json(result.states) + repr(sorted((result.to_dict() | {"assumptions": ()}).items()))


def write(path: Path, group: int = 1000, **columns: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path, row_group_size=group, compression="snappy")
    return path


def write_files(folder: Path, parts: int) -> Path:
    """The binary rows in ``parts`` files, with ids."""
    for k, rows in enumerate(np.array_split(np.arange(ROWS), parts)):
        write(folder / f"part-{k}.parquet", 300, p=P[rows], y=Y[rows], id=rows)
    return folder


def in_batches(*pairs: tuple[Any, Any]) -> Iterator[tuple[Any, Any]]:
    """Batches that are made when they are asked for."""
    yield from ((np.asarray(a), np.asarray(b)) for a, b in pairs)
