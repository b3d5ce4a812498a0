"""Run the programs, one process per framework, and bring the records together.

``python -m benchmarks.doctor.run FRAMEWORK FILE FIRST SEEDS ASIDE ONLY PART PARTS`` is a process of one framework: it
writes a line of JSON per run to FILE.
"""

from __future__ import annotations

import csv
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from . import tally
from .judge import record
from .program import FRAMEWORKS, Program, programs

RESULTS = Path(__file__).parent.with_name("doctor.csv")
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "-1"}


def prove(
    frameworks: Iterable[str], first: int, seeds: int, only: str = "", aside: bool = True, at_once: int = 1
) -> Iterator[tally.Run]:
    """Yield the records of all runs, framework by framework, each in one process, or in as many as may run at once.

    Programs that are kept aside run only if ``aside``: without them criteria can be worked on.
    """

    def run(task: tuple[str, int]) -> list[tally.Run]:
        framework, part = task
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "runs.jsonl"
            given = [framework, str(file), str(first), str(seeds), str(int(aside)), only, str(part), str(at_once)]
            backend = {"KERAS_BACKEND": framework.partition("-")[2]} if framework.startswith("keras-") else {}
            process = [sys.executable, "-m", "benchmarks.doctor.run", *given]
            subprocess.run(process, env={**os.environ, **QUIET, **backend}, check=True)
            return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]

    with ThreadPoolExecutor(at_once) as pool:
        for runs in pool.map(run, [(framework, part) for framework in frameworks for part in range(at_once)]):
            yield from runs


def report(runs: list[tally.Run]) -> str:
    """Return the tables and every complaint, as text."""
    parts = [tally.table(runs)]
    for framework in FRAMEWORKS:
        some = [r for r in runs if r["framework"] == framework]
        parts += [f"{framework}\n{tally.table(some)}"] if 0 < len(some) < len(runs) else []
    unseen = [r for r in runs if r["unseen"]]
    parts += (
        [f"programs kept aside until this run (before it: never seen by the doctor)\n{tally.table(unseen)}"]
        if 0 < len(unseen) < len(runs)
        else []
    )
    names = {v: len({r["program"] for r in runs if r["version"] == v}) for v in ("faulty", "healthy")}
    seconds = sum(r["seconds"] for r in runs)
    parts.append(f"{names['faulty']} faulty and {names['healthy']} healthy programs, {len(runs)} runs, {seconds:.0f} s")
    return "\n\n".join([*parts, *tally.complaints(runs)])


def append(runs: list[tally.Run], setting: dict[str, object]) -> None:
    """Add a row per program, framework and version to the record."""
    kept = {name: setting[name] for name in ("date", "lossmith", "versions")}
    fresh = not RESULTS.exists()
    with RESULTS.open("a", newline="", encoding="utf-8") as file:
        writer = None
        for row in tally.by_program(runs):
            row = {**kept, **row}
            if writer is None:
                writer = csv.DictWriter(file, fieldnames=list(row), lineterminator="\n")
                if fresh:
                    writer.writeheader()
            writer.writerow(row)


def examine(program: Program, framework: str, fixed: bool, seeds: Iterable[int]) -> Iterator[dict[str, Any]]:
    """Build, train and judge one program by seeds; yield their records."""
    model = None
    for seed in seeds:
        began = time.process_time()
        if framework.startswith("keras"):
            import keras

            from . import keras_fit

            keras.utils.set_random_seed(seed)
            fit = program.build(program.rng(seed), fixed)
            model = fit.model = fit.model if model is None else keras_fit.reuse(model, fit.model)
            shown_early = program.owed and program.tier == "early" and not fixed
            opinion = keras_fit.examine(fit, min(fit.epochs, 4) if shown_early else None)
        else:
            import torch

            from . import torch_loop

            torch.manual_seed(seed)
            opinion = torch_loop.examine(program.build(program.rng(seed), fixed), seed)
        yield record(program, framework, fixed, seed, opinion, time.process_time() - began)


def main(framework: str, file: str, first: str, seeds: str, aside: str, only: str, part: str, parts: str) -> None:
    """Run the programs of one framework, or every so-manieth of them, and write their records."""
    warnings.simplefilter("ignore")  # what frameworks warn of is their matter here
    import torch

    torch.set_num_threads(1)
    with Path(file).open("w", encoding="utf-8") as out:
        for program in _chosen(framework, int(aside), only)[int(part) :: int(parts)]:
            began = time.process_time()
            for fixed in (False, True) if program.owed else (False,):
                for found in examine(program, framework, fixed, range(int(first), int(first) + int(seeds))):
                    out.write(json.dumps(found) + "\n")
            _forget(framework)
            print(f"{framework:<16} {program.name:<70} {time.process_time() - began:6.1f} s", flush=True)


def _chosen(framework: str, aside: int, only: str) -> list[Program]:
    """Return what is asked for; healthy Keras programs run on one backend each, in turn."""
    found = [p for p in programs(framework) if p.unseen <= aside]
    healthy = [p for p in found if not p.owed]
    other = {"keras-tensorflow": healthy[::2], "keras-torch": healthy[1::2]}.get(framework, [])
    return [p for p in found if p not in other and only.lower() in p.name.lower()]


def _forget(framework: str) -> None:
    if framework.startswith("keras"):
        import keras

        keras.utils.clear_session()
    gc.collect()


if __name__ == "__main__":
    main(*sys.argv[1:])
