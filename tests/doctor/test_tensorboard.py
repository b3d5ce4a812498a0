"""TensorBoard's event files and log directories become learning curves; without the package, a line to install it."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import pytest

from lossmith.doctor import check_file, tensorboard
from lossmith.errors import DataError, MissingDependencyError

TRAIN = [2.0 * math.exp(-e / 4) + 0.1 for e in range(14)]
VALIDATION = [v + 0.2 if e < 6 else 1 + 0.1 * (e - 6) for e, v in enumerate(TRAIN)]


def written(folder: Path, scalars: dict[str, dict[int, float]]) -> Path:
    """Write scalars with the package's own writer; return the file. Skips where the package is not installed."""
    pytest.importorskip("tensorboard")
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    writer = EventFileWriter(str(folder))
    for tag, values in scalars.items():
        for step, value in values.items():
            one = Summary(value=[Summary.Value(tag=tag, simple_value=value)])
            writer.add_event(Event(step=step, summary=one, wall_time=1e9 + step))
    writer.close()
    return next(folder.glob("*tfevents*"))


def by_epoch(values: list[float]) -> dict[int, float]:
    return dict(enumerate(values))


def empty(*folders: Path) -> None:
    """Make event files without content."""
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "events.out.tfevents.1").touch()


def test_a_file_of_both_losses(tmp_path: Path) -> None:
    file = written(tmp_path, {"Loss/train": by_epoch(TRAIN), "Loss/val": by_epoch(VALIDATION), "lr": {0: 0.1}})
    (one,) = check_file(file)
    assert (one.code, one.numbers["epoch"]) == ("GEN01", 6.0)
    assert check_file(tmp_path).codes == ("GEN01",)


def test_the_directory_that_keras_writes(tmp_path: Path) -> None:
    accuracy = by_epoch([e / 20 for e in range(14)])
    written(tmp_path / "train", {"epoch_loss": by_epoch(TRAIN), "epoch_accuracy": accuracy})
    written(tmp_path / "validation", {"epoch_loss": by_epoch(VALIDATION), "evaluation_loss_vs_iterations": {9: 1.0}})
    assert check_file(tmp_path).codes[:1] == ("GEN01",)


def test_scalars_kept_as_tensors(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboard.summary.writer.event_file_writer import EventFileWriter
    from tensorboard.util import tensor_util

    writer = EventFileWriter(str(tmp_path))
    plugin = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="scalars"))
    for step in range(5):
        tensor = tensor_util.make_tensor_proto(float("nan") if step == 3 else 1.0)
        value = Summary.Value(tag="epoch_loss", tensor=tensor, metadata=plugin)
        writer.add_event(Event(step=step, summary=Summary(value=[value]), wall_time=1e9))
    writer.close()
    assert "NUM01" in check_file(tmp_path).codes


def test_what_is_no_event_file(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    file = tmp_path / "events.out.tfevents.1"
    file.write_bytes(b"")
    with pytest.raises(DataError, match="has no scalars in it"):
        check_file(file)
    with pytest.raises(DataError, match=r"history has no column with a loss \(it has 'lr'\)"):
        check_file(written(tmp_path / "other", {"lr": {0: 0.1}}))


def test_losses_of_steps_are_averaged_between_validations(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    scalars = {"train_loss": {s: float(s) for s in range(1, 31)}, "val_loss": {10: 1.0, 20: 2.0, 30: 3.0}}
    monkeypatch.setattr(tensorboard, "_scalars", lambda path: scalars)
    columns = tensorboard.read(tmp_path / "tfevents")
    assert columns == {"train_loss": [5.5, 15.5, 25.5], "val_loss": [1.0, 2.0, 3.0]}
    scalars = {"loss": {s: float(s) for s in range(1000)}}
    long = tensorboard.read(tmp_path / "tfevents")["loss"]
    assert 200 <= len(long) <= 256
    assert math.isclose(sum(long) / len(long), 499.5, rel_tol=0.01)


def test_several_trainings_are_asked_to_be_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tensorboard, "_scalars", lambda path: {"epoch_loss": {0: 1.0, 1: 0.5}})
    empty(tmp_path / "a" / "train", tmp_path / "a" / "validation", tmp_path / "b" / "train")
    with pytest.raises(DataError, match=r"holds several trainings \(a, b\); give one of them"):
        check_file(tmp_path)
    assert check_file(tmp_path / "a").errors == []
    assert tensorboard.read(tmp_path / "a") == {"loss": [1.0, 0.5], "val_loss": [1.0, 0.5]}


def test_without_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard.backend.event_processing.event_accumulator", None)
    empty(tmp_path)
    for path in (tmp_path, tmp_path / "events.out.tfevents.1"):
        with pytest.raises(MissingDependencyError, match=r"which is not installed; run: pip install tensorboard"):
            check_file(path)


def test_a_directory_without_events(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is a directory; expected"):
        check_file(tmp_path)
