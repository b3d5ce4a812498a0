"""Real local clusters: Ray and Dask leave the same bits as threads, also when a worker is killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lossmith as lm
from frameworks import require
from lossmith.evaluation.ray import executor
from lossmith.evaluation.states import to_json

from .streams import P, Y, write_files


class KillsOnce(Executor):
    """Lets the worker that gets the third call die, once."""

    def __init__(self, pool: Executor, mark: Path) -> None:
        self._pool, self._mark, self._calls = pool, mark, 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self._calls += 1
        if self._calls == 3:
            return self._pool.submit(_die_once, str(self._mark), fn, args)
        return self._pool.submit(fn, *args, **kwargs)


def _die_once(mark: str, fn: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    if not Path(mark).exists():
        Path(mark).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return fn(*args)


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    package = pytest.importorskip("ray", reason="ray is not installed")
    paths = {"PYTHONPATH": os.pathsep.join(_paths())}
    package.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
        runtime_env={"env_vars": paths},
    )
    yield package
    package.shutdown()


def _paths() -> list[str]:
    """Where workers find lossmith and these tests."""
    import sys

    return [str(Path(lm.__file__).parents[1]), str(Path(__file__).parents[2]), *filter(None, sys.path)]


def _check(pool: Executor, tmp_path: Path) -> None:
    folder = write_files(tmp_path / "data", 5)
    expected = lm.evaluate(folder, target="y", prediction="p", stream=True)
    found = lm.evaluate(folder, target="y", prediction="p", executor=pool)
    assert to_json(found.states) == to_json(expected.states)
    assert found.metrics == expected.metrics
    mark = tmp_path / "died"
    found = lm.evaluate(folder, target="y", prediction="p", executor=KillsOnce(pool, mark))
    assert mark.exists()
    assert to_json(found.states) == to_json(expected.states)


@pytest.mark.filterwarnings("default")  # Ray leaves sockets open
def test_ray_and_a_killed_worker_leave_the_bits(ray: Any, tmp_path: Path) -> None:
    _check(executor(), tmp_path)


@pytest.mark.filterwarnings("default")
def test_errors_come_out_of_ray_as_they_are(ray: Any, tmp_path: Path) -> None:
    from .streams import write

    write(tmp_path / "0.parquet", p=P, y=Y)
    write(tmp_path / "1.parquet", p=[0.5], y=[2])
    with pytest.raises(lm.LabelError, match="label 2 at row 1"):
        lm.evaluate(tmp_path, target="y", prediction="p", executor=executor(max_retries=0))
    pool = executor()
    pool.shutdown()
    with pytest.raises(RuntimeError, match="shut down"):
        pool.submit(len, [])


def test_ray_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(lm.MissingDependencyError, match=r"pip install 'lossmith\[ray\]'"):
        executor()


@pytest.fixture(scope="module")
def dask() -> Iterator[Executor]:
    distributed = require("distributed")
    cluster = distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
    with cluster, distributed.Client(cluster) as client:
        yield client.get_executor()


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # a killed worker leaves streams open
def test_dask_and_a_killed_worker_leave_the_bits(dask: Executor, tmp_path: Path) -> None:
    _check(dask, tmp_path)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_slices_and_errors_come_out_of_dask_as_they_are(dask: Executor, tmp_path: Path) -> None:
    source = [{"p": P[k::3], "y": Y[k::3], "shop": np.arange(P[k::3].size) % (k + 2)} for k in range(3)]
    options: dict[str, Any] = {"target": "y", "prediction": "p", "slices": ["shop"]}
    found, expected = lm.evaluate(source, executor=dask, **options), lm.evaluate(source, **options)
    assert to_json(found.states) == to_json(expected.states)
    assert found.slices == expected.slices
    with pytest.raises(lm.LabelError, match="label 2 at row 4001"):
        lm.evaluate([*source, {"p": [0.5], "y": [2], "shop": [0]}], executor=dask, **options)


def test_rows_are_kept_once() -> None:
    lt = pytest.importorskip("lossmith.torch")
    assert lt.keep_once(np.array([5, 5, 1, 5])).tolist() == [True, False, True, False]
    assert lt.keep_once([]).tolist() == []
    for bad in ([0.5], [[1]], ["a"]):
        with pytest.raises(lm.InputError, match="whole numbers"):
            lt.keep_once(bad)


@pytest.mark.filterwarnings("default")
def test_ranks_of_torch_merge_without_the_samplers_padding(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from torch import multiprocessing

    from lossmith.evaluation.states import Bundle, LossSums, from_json

    multiprocessing.start_processes(_rank, (str(tmp_path),), nprocs=2, start_method="spawn")
    expected = Bundle({"loss": LossSums()})
    expected["loss"].update(_losses(np.arange(7)))
    for rank in range(2):
        assert from_json((tmp_path / f"{rank}.json").read_text()) == expected


def _losses(rows: np.ndarray) -> np.ndarray:
    return np.exp(rows * 3.7) / 3


def _rank(rank: int, folder: str) -> None:
    import torch
    from torch import distributed
    from torch.utils.data import DistributedSampler

    import lossmith.torch as lt
    from lossmith.evaluation.states import Bundle, LossSums

    distributed.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    rows = torch.tensor(list(DistributedSampler(range(7), num_replicas=2, rank=rank, shuffle=True, seed=3)))
    assert len(rows) == 4  # one of the eight is a repetition
    keep = lt.keep_once(rows)
    states = Bundle({"loss": LossSums()})
    states["loss"].update(_losses(rows.numpy()[keep]))
    Path(folder, f"{rank}.json").write_text(to_json(lt.merge_states(states)))
    distributed.destroy_process_group()
