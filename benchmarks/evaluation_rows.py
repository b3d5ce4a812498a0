"""Contenders of the benchmark of evaluation for several classes and for numbers, and what all of them share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

IN_MEMORY_ROWS = 20_000_000
CLASSES, CLASS_ROWS = 10, 4_000_000
THREADS = 2
_SQL_VALUES = """
SELECT avg(prediction - target), avg(abs(prediction - target)), avg((prediction - target) * (prediction - target)),
       max(abs(prediction - target)), var_pop(target)
FROM {}
"""


def duckdb_of(source: str, sql: str, **tables: Any) -> Callable[[], object]:
    import duckdb

    connection = duckdb.connect(config={"threads": THREADS})
    for name, table in tables.items():
        connection.register(name, table)
    return lambda: connection.sql(sql.format(source)).fetchall()


def _class_arrays() -> tuple[Any, Any]:
    import numpy as np

    rng = np.random.default_rng(0)
    score = np.exp(1.5 * rng.standard_normal((CLASS_ROWS, CLASSES), dtype=np.float32))
    score /= score.sum(axis=1, keepdims=True)
    drawn = rng.random(CLASS_ROWS, dtype=np.float32)[:, None] > score.cumsum(axis=1)
    return score, np.minimum(drawn.sum(axis=1), CLASSES - 1)


def lossmith_classes(_: str) -> Callable[[], object]:
    from lossmith.evaluation import multiclass_scores

    score, target = _class_arrays()
    return lambda: multiclass_scores(score, target)


def sklearn_classes(_: str) -> Callable[[], object]:
    from sklearn.metrics import brier_score_loss, confusion_matrix, log_loss

    score, target = _class_arrays()
    return lambda: (
        log_loss(target, score),
        brier_score_loss(target, score),
        confusion_matrix(target, score.argmax(axis=1)),
    )


def torchmetrics_classes(_: str) -> Callable[[], object]:
    import torch
    from torchmetrics.functional.classification import multiclass_calibration_error, multiclass_confusion_matrix

    score, target = map(torch.from_numpy, _class_arrays())
    return lambda: (
        torch.nn.functional.nll_loss(score.log(), target),
        ((score - torch.nn.functional.one_hot(target, CLASSES)) ** 2).sum(dim=1).mean(),
        multiclass_confusion_matrix(score, target, CLASSES),
        multiclass_calibration_error(score, target, CLASSES, n_bins=15),
    )


def _value_arrays() -> tuple[Any, Any]:
    import numpy as np

    rng = np.random.default_rng(0)
    target = rng.standard_normal(IN_MEMORY_ROWS, dtype=np.float32)
    return target + rng.standard_normal(IN_MEMORY_ROWS, dtype=np.float32), target


def lossmith_values(_: str) -> Callable[[], object]:
    from lossmith.evaluation import regression_scores

    prediction, target = _value_arrays()
    return lambda: regression_scores(prediction, target)


def duckdb_values(_: str) -> Callable[[], object]:
    import pyarrow as pa

    prediction, target = _value_arrays()
    return duckdb_of("numbers", _SQL_VALUES, numbers=pa.table({"prediction": prediction, "target": target}))


def polars_values(_: str) -> Callable[[], object]:
    import polars as pl

    prediction, target = _value_arrays()
    frame = pl.DataFrame({"prediction": prediction, "target": target}).lazy()
    error = pl.col("prediction") - pl.col("target")
    return lambda: frame.select(
        error.mean(),
        error.abs().mean().alias("absolute"),
        (error * error).mean().alias("squared"),
        error.abs().max().alias("largest"),
        pl.col("target").var(ddof=0),
    ).collect()


def sklearn_values(_: str) -> Callable[[], object]:
    from sklearn.metrics import max_error, mean_absolute_error, mean_squared_error, r2_score

    prediction, target = _value_arrays()
    return lambda: [f(target, prediction) for f in (mean_squared_error, mean_absolute_error, max_error, r2_score)]


def torchmetrics_values(_: str) -> Callable[[], object]:
    import torch
    from torchmetrics.functional import mean_absolute_error, mean_squared_error, r2_score

    prediction, target = map(torch.from_numpy, _value_arrays())
    return lambda: [f(prediction, target) for f in (mean_squared_error, mean_absolute_error, r2_score)]
