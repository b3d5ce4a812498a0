"""Streamed evaluation beside what others need for the same sums; ``python -m benchmarks evaluation [--rows N]``.

Two columns (score float32, target int8) are written to a temporary Parquet file. Each contender is run in turn, round
after round, in a process of its own, which says how long it worked (on the wall and in CPU seconds, without imports)
and its peak memory. "pyarrow decode" reads the columns and does nothing with them: no evaluation is faster. DuckDB and
Polars compute less than lossmith does: log loss, Brier score, confusion and calibration bins, but no score histogram,
no worst rows and no intervals. In memory, scikit-learn and torchmetrics compute what each line names.
"""

from __future__ import annotations

import importlib.util
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROUNDS = 3
IN_MEMORY_ROWS = 20_000_000
_BATCH = 1 << 16
_WARM = "warm.parquet"  # read before the clock starts: what is loaded at the first call does not grow with the rows
_SQL = """
SELECT least(floor(prediction * 15), 14) AS bin, target, prediction > 0.5 AS predicted, count(*), sum(prediction),
       sum(-greatest(ln(CASE WHEN target = 1 THEN prediction ELSE 1 - prediction END), -100)),
       sum((prediction - target) * (prediction - target))
FROM {} GROUP BY ALL
"""


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


# --- contenders: each returns what is timed ---------------------------------------------------------------------------
def _decode(path: str) -> Callable[[], object]:
    from pyarrow import parquet

    groups = parquet.ParquetFile(path).metadata.num_row_groups
    workers = len(os.sched_getaffinity(0))

    def read(first: int) -> int:
        mine = list(range(first, groups, workers))
        batches = parquet.ParquetFile(path).iter_batches(_BATCH, mine, ["target", "prediction"], use_threads=False)
        return sum(batch.num_rows for batch in batches)

    def run() -> int:
        with ThreadPoolExecutor(workers) as pool:
            return sum(pool.map(read, range(workers)))

    return run


def _lossmith(path: str) -> Callable[[], object]:
    import lossmith as lm

    return lambda: lm.evaluate(path, stream=True, progress=False).metrics["auc"]


def _duckdb(path: str) -> Callable[[], object]:
    import duckdb

    return lambda: duckdb.sql(_SQL.format(f"'{path}'")).fetchall()


def _polars(path: str) -> Callable[[], object]:
    import polars as pl

    return lambda: _polars_sums(pl.scan_parquet(path)).collect(engine="streaming")


def _polars_sums(frame: Any) -> Any:
    import polars as pl

    p, y = pl.col("prediction"), pl.col("target")
    likelihood = pl.when(y == 1).then(p).otherwise(1 - p)
    bins = (p * 15).floor().clip(upper_bound=14).cast(pl.Int8).alias("bin")
    return frame.group_by(bins, y, (p > 0.5).alias("predicted")).agg(
        pl.len(),
        p.sum(),
        (-likelihood.log().clip(lower_bound=-100)).sum().alias("loss"),
        ((p - y) ** 2).sum().alias("brier"),
    )


def _arrays() -> tuple[Any, Any]:
    import pyarrow as pa

    table = pa.concat_tables(_tables(IN_MEMORY_ROWS)).combine_chunks()
    return table["prediction"].to_numpy(), table["target"].to_numpy()


def _lossmith_memory(_: str) -> Callable[[], object]:
    import lossmith as lm

    score, target = _arrays()
    return lambda: lm.evaluate(score, target, stream=True, progress=False).metrics["auc"]


def _polars_memory(_: str) -> Callable[[], object]:
    import polars as pl

    score, target = _arrays()
    frame = pl.DataFrame({"prediction": score, "target": target}).lazy()
    return lambda: _polars_sums(frame).collect()


def _duckdb_memory(_: str) -> Callable[[], object]:
    import duckdb
    import pyarrow as pa

    score, target = _arrays()
    rows = pa.table({"prediction": score, "target": target})  # DuckDB finds it by its name
    return lambda: duckdb.sql(_SQL.format("rows")).fetchall() if rows else None


def _sklearn_losses(_: str) -> Callable[[], object]:
    from sklearn.metrics import brier_score_loss, log_loss

    score, target = _arrays()
    return lambda: (log_loss(target, score), brier_score_loss(target, score))


def _sklearn_confusion(_: str) -> Callable[[], object]:
    from sklearn.metrics import confusion_matrix

    score, target = _arrays()
    return lambda: confusion_matrix(target, score > 0.5)


def _torchmetrics_confusion(_: str) -> Callable[[], object]:
    import torch
    from torchmetrics.functional.classification import binary_confusion_matrix

    score, target = map(torch.from_numpy, _arrays())
    return lambda: binary_confusion_matrix(score, target)


def _torchmetrics_calibration(_: str) -> Callable[[], object]:
    import torch
    from torchmetrics.functional.classification import binary_calibration_error

    score, target = map(torch.from_numpy, _arrays())
    return lambda: binary_calibration_error(score, target, n_bins=15)


FILE = {
    "pyarrow decode": (_decode, "pyarrow"),
    "lossmith": (_lossmith, "pyarrow"),
    "duckdb": (_duckdb, "duckdb"),
    "polars": (_polars, "polars"),
}
MEMORY = {
    "lossmith": (_lossmith_memory, "pyarrow"),
    "duckdb": (_duckdb_memory, "duckdb"),
    "polars": (_polars_memory, "polars"),
    "sklearn log_loss + brier": (_sklearn_losses, "sklearn"),
    "sklearn confusion_matrix": (_sklearn_confusion, "sklearn"),
    "torchmetrics confusion": (_torchmetrics_confusion, "torchmetrics"),
    "torchmetrics calibration": (_torchmetrics_calibration, "torchmetrics"),
}
_WORK = {"file": FILE, "memory": MEMORY}


def measure(rows: int, rounds: int = ROUNDS, in_memory: bool = True) -> Iterator[dict[str, object]]:
    """Yield a record per contender, those on the file first; those that are not installed are said and left out."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "predictions.parquet"
        write(path, rows)
        write(path.with_name(_WARM), 100_000)
        yield from _measured("file", path, rows, rounds)
        if in_memory:
            yield from _measured("memory", path, IN_MEMORY_ROWS, rounds)


def _measured(work: str, path: Path, rows: int, rounds: int) -> Iterator[dict[str, object]]:
    taken: dict[str, list[dict[str, float]]] = {}
    for _ in range(rounds):
        for name, (_, package) in _WORK[work].items():
            if importlib.util.find_spec(package) is None:
                if name not in taken:
                    print(f"{name} is left out: {package} is not installed", flush=True)
                taken.setdefault(name, [])
                continue
            command = [sys.executable, "-m", "benchmarks.evaluation", work, name, str(path)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            taken.setdefault(name, []).append(json.loads(done.stdout.splitlines()[-1]))
    ours = _median(taken["lossmith"], "cpu")
    for name, runs in taken.items():
        if runs:
            cpu = _median(runs, "cpu")
            yield {
                "work": f"binary, {'Parquet' if work == 'file' else 'in memory'}",
                "rows": rows,
                "contender": name,
                "wall_s": round(_median(runs, "wall"), 3),
                "cpu_s": round(cpu, 3),
                "million_rows_per_cpu_s": round(rows / cpu / 1e6, 2),
                "cpu_times_ours": round(cpu / ours, 2),
                "peak_mb": round(max(run["megabytes"] for run in runs)),
            }


def _median(runs: list[dict[str, float]], what: str) -> float:
    return statistics.median(run[what] for run in runs)


def _run_one(work: str, name: str, path: str) -> None:
    """Time one contender, and print seconds and megabytes."""
    make = _WORK[work][name][0]
    if work == "file":
        make(str(Path(path).with_name(_WARM)))()
    run = make(path)
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"wall": wall, "cpu": cpu, "megabytes": megabytes}))


if __name__ == "__main__":
    _run_one(*sys.argv[1:4])
