"""Who takes part in the benchmark of evaluation, and on which rows: see ``evaluation``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import evaluation_rows as others
from .evaluation_rows import IN_MEMORY_ROWS, THREADS

_BATCH = 1 << 16
_SQL = """
SELECT least(floor(prediction * 15), 14) AS bin, target, prediction > 0.5 AS predicted, count(*), sum(prediction),
       sum(-greatest(ln(CASE WHEN target = 1 THEN prediction ELSE 1 - prediction END), -100)),
       sum((prediction - target) * (prediction - target))
FROM {} GROUP BY ALL
"""
_SQL_LOSSES = """
SELECT least(floor(prediction * 15), 14) AS bin, target, count(*), sum(prediction),
       sum(-greatest(ln(CASE WHEN target = 1 THEN prediction ELSE 1 - prediction END), -100)),
       sum((prediction - target) * (prediction - target))
FROM {} GROUP BY ALL
"""
_SQL_CONFUSION = "SELECT target, prediction > 0.5 AS predicted, count(*) FROM {} GROUP BY ALL"


def write(path: Path, rows: int) -> None:
    """Write rows of a calibrated classifier: (score float32, target int8)."""
    from pyarrow import parquet

    writer = None
    for part in _tables(rows):
        writer = writer or parquet.ParquetWriter(path, part.schema)
        writer.write_table(part)
    assert writer is not None
    writer.close()


def _tables(rows: int) -> Iterator[Any]:
    import numpy as np
    import pyarrow as pa

    rng = np.random.default_rng(0)
    for start in range(0, rows, 1 << 20):
        size = min(1 << 20, rows - start)
        logit = rng.standard_normal(size, dtype=np.float32) * np.float32(1.5) - np.float32(1)
        score = 1 / (1 + np.exp(-logit))
        yield pa.table({"target": (rng.random(size, dtype=np.float32) < score).astype(np.int8), "prediction": score})


def _arrays() -> tuple[Any, Any]:
    import pyarrow as pa

    table = pa.concat_tables(_tables(IN_MEMORY_ROWS)).combine_chunks()
    return table["prediction"].to_numpy(), table["target"].to_numpy()


# --- contenders: each returns what is timed ---------------------------------------------------------------------------
def _decode(path: str) -> Callable[[], object]:
    from pyarrow import parquet

    groups = parquet.ParquetFile(path).metadata.num_row_groups

    def read(first: int) -> int:
        mine = list(range(first, groups, THREADS))
        batches = parquet.ParquetFile(path).iter_batches(_BATCH, mine, ["target", "prediction"], use_threads=False)
        return sum(batch.num_rows for batch in batches)

    def run() -> int:
        with ThreadPoolExecutor(THREADS) as pool:
            return sum(pool.map(read, range(THREADS)))

    return run


def _lossmith(path: str) -> Callable[[], object]:
    import lossmith as lm

    pool = ThreadPoolExecutor(THREADS)
    return lambda: lm.evaluate(path, executor=pool, progress=False).metrics["auc"]


def _duckdb(path: str) -> Callable[[], object]:
    return others.duckdb_of(f"'{path}'", _SQL)


def _polars(path: str) -> Callable[[], object]:
    import polars as pl

    predicted = (pl.col("prediction") > 0.5).alias("predicted")
    return lambda: _polars_sums(pl.scan_parquet(path), predicted).collect(engine="streaming")


def _polars_sums(frame: Any, *more: Any) -> Any:
    """Return the query for the sums of a Parquet file or of arrays, grouped by ``more`` besides bin and target."""
    import polars as pl

    p, y = pl.col("prediction"), pl.col("target")
    likelihood = pl.when(y == 1).then(p).otherwise(1 - p)
    bins = (p * 15).floor().clip(upper_bound=14).cast(pl.Int8).alias("bin")
    return frame.group_by(bins, y, *more).agg(
        pl.len(),
        p.sum(),
        (-likelihood.log().clip(lower_bound=-100)).sum().alias("loss"),
        ((p - y) ** 2).sum().alias("brier"),
    )


def _lossmith_whole(_: str) -> Callable[[], object]:
    import lossmith as lm

    score, target = _arrays()
    pool = ThreadPoolExecutor(THREADS)
    return lambda: lm.evaluate(score, target, executor=pool, progress=False).metrics["ece"]


def _lossmith_losses(_: str) -> Callable[[], object]:
    from lossmith.evaluation import binary_scores

    score, target = _arrays()
    return lambda: binary_scores(score, target)


def _lossmith_confusion(_: str) -> Callable[[], object]:
    from lossmith.evaluation import confusion_matrix

    score, target = _arrays()
    return lambda: confusion_matrix(score, target)


def _lossmith_auc(_: str) -> Callable[[], object]:
    from lossmith.evaluation.curves import roc_auc

    score, target = _arrays()
    return lambda: roc_auc(target, score)


def _polars_memory(_: str) -> Callable[[], object]:
    import polars as pl

    score, target = _arrays()
    frame = pl.DataFrame({"prediction": score, "target": target}).lazy()
    return lambda: _polars_sums(frame).collect()


def _polars_confusion(_: str) -> Callable[[], object]:
    import polars as pl

    score, target = _arrays()
    frame = pl.DataFrame({"prediction": score, "target": target}).lazy()
    predicted = (pl.col("prediction") > 0.5).alias("predicted")
    return lambda: frame.group_by("target", predicted).len().collect()


def _duckdb_memory(_: str) -> Callable[[], object]:
    return _duckdb_rows(_SQL_LOSSES)


def _duckdb_confusion(_: str) -> Callable[[], object]:
    return _duckdb_rows(_SQL_CONFUSION)


def _duckdb_rows(sql: str) -> Callable[[], object]:
    import pyarrow as pa

    score, target = _arrays()
    return others.duckdb_of("predictions", sql, predictions=pa.table({"prediction": score, "target": target}))


def _sklearn_losses(_: str) -> Callable[[], object]:
    from sklearn.calibration import calibration_curve
    from sklearn.metrics import brier_score_loss, log_loss

    score, target = _arrays()
    return lambda: (
        log_loss(target, score),
        brier_score_loss(target, score),
        calibration_curve(target, score, n_bins=15),
    )


def _sklearn_confusion(_: str) -> Callable[[], object]:
    from sklearn.metrics import confusion_matrix

    score, target = _arrays()
    return lambda: confusion_matrix(target, score > 0.5)


def _sklearn_auc(_: str) -> Callable[[], object]:
    from sklearn.metrics import roc_auc_score

    score, target = _arrays()
    return lambda: roc_auc_score(target, score)


def _torchmetrics_confusion(_: str) -> Callable[[], object]:
    import torch
    from torchmetrics.functional.classification import binary_confusion_matrix

    score, target = map(torch.from_numpy, _arrays())
    return lambda: binary_confusion_matrix(score, target)


def _torchmetrics_losses(_: str) -> Callable[[], object]:
    import torch
    from torchmetrics.functional import mean_squared_error
    from torchmetrics.functional.classification import binary_calibration_error

    score, target = map(torch.from_numpy, _arrays())
    return lambda: (
        torch.nn.functional.binary_cross_entropy(score, target.float()),
        mean_squared_error(score, target),
        binary_calibration_error(score, target, n_bins=15),
    )


def _states(intervals: bool) -> Callable[[], object]:
    """All states of a binary evaluation, updated by themselves: the fused pass cannot leave any out."""
    import numpy as np

    from lossmith.evaluation.engine import collect, plan
    from lossmith.evaluation.inputs import prepare

    score, target = _arrays()
    first = plan.Batch({"p": score[:1000], "y": target[:1000]}, None, 0, str)
    made, _ = plan.make(plan.Choice(("y",), ("p",)), first, plan.Options(task="binary", form="probabilities"))

    def run() -> object:
        bundle = collect.states(made)
        if not intervals:
            del bundle.states["bootstrap"]
        for start in range(0, len(target), made.batch_rows):
            rows = slice(start, start + made.batch_rows)
            inputs = prepare(score[rows], target[rows], task="binary", form="probabilities")
            collect.update(bundle, made, inputs, np.arange(start, start + inputs.rows))
        return bundle["bootstrap"].result() if intervals else bundle

    return run


def _states_alone(_: str) -> Callable[[], object]:
    return _states(False)


def _states_with_intervals(_: str) -> Callable[[], object]:
    return _states(True)


@dataclass(frozen=True)
class Part:
    """What is run: the title of the record, and by contender how it is made and the package that it needs."""

    work: str
    contenders: dict[str, tuple[Callable[[str], Callable[[], object]], str]]
    rows: int = IN_MEMORY_ROWS  # of arrays; those of files are asked for


PARTS = {
    "parquet": Part(
        "binary, Parquet",
        {
            "pyarrow decode": (_decode, "pyarrow"),
            "lossmith": (_lossmith, "pyarrow"),
            "duckdb": (_duckdb, "duckdb"),
            "polars": (_polars, "polars"),
        },
    ),
    "peak": Part("binary, Parquet, memory", {"lossmith": (_lossmith, "pyarrow")}),
    "losses": Part(
        "binary, in memory",
        {
            "lossmith": (_lossmith_losses, "numpy"),
            "lossmith evaluate": (_lossmith_whole, "pyarrow"),
            "duckdb": (_duckdb_memory, "duckdb"),
            "polars": (_polars_memory, "polars"),
            "sklearn log_loss + brier + calibration": (_sklearn_losses, "sklearn"),
            "torchmetrics calibration + MSE, torch BCE": (_torchmetrics_losses, "torchmetrics"),
        },
    ),
    "confusion": Part(
        "confusion, in memory",
        {
            "lossmith": (_lossmith_confusion, "numpy"),
            "duckdb": (_duckdb_confusion, "duckdb"),
            "polars": (_polars_confusion, "polars"),
            "sklearn confusion_matrix": (_sklearn_confusion, "sklearn"),
            "torchmetrics confusion": (_torchmetrics_confusion, "torchmetrics"),
        },
    ),
    "classes": Part(
        "10 classes, in memory",
        {
            "lossmith": (others.lossmith_classes, "numpy"),
            "sklearn log_loss + brier + confusion": (others.sklearn_classes, "sklearn"),
            "torchmetrics calibration + confusion": (others.torchmetrics_classes, "torchmetrics"),
        },
        others.CLASS_ROWS,
    ),
    "values": Part(
        "regression, in memory",
        {
            "lossmith": (others.lossmith_values, "numpy"),
            "duckdb": (others.duckdb_values, "duckdb"),
            "polars": (others.polars_values, "polars"),
            "sklearn MSE + MAE + largest + R2": (others.sklearn_values, "sklearn"),
            "torchmetrics MSE + MAE + R2": (others.torchmetrics_values, "torchmetrics"),
        },
    ),
    "auc": Part(
        "exact AUC, in memory",
        {"lossmith": (_lossmith_auc, "pyarrow"), "sklearn roc_auc_score": (_sklearn_auc, "sklearn")},
    ),
    "intervals": Part(
        "binary states, in memory",
        {"lossmith": (_states_alone, "pyarrow"), "lossmith with intervals": (_states_with_intervals, "pyarrow")},
    ),
}
