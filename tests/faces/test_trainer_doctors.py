"""The doctor as a callback of Lightning and of the Hugging Face Trainer, where these are installed.

Where they are not (they are no part of what CI installs), the missing package is named, and what the callback makes of
models, logits and labels is tested on modules that are named like those of ``transformers``.
"""

from __future__ import annotations

import importlib.util
import logging
import sys
import types
import warnings
from pathlib import Path
from typing import Any

import pytest

from frameworks import require
from lossmith.errors import MissingDependencyError

torch = require("torch")
import lossmith.torch as lt  # noqa: E402 - after the line that skips where PyTorch is absent
from lossmith.torch import huggingface  # noqa: E402

nn = torch.nn
X = torch.randn(96, 6, generator=torch.Generator().manual_seed(1))
Y = X[:, :3].argmax(1)


def installed(*packages: str) -> Any:
    there = all(importlib.util.find_spec(p) is not None for p in packages)
    return pytest.mark.skipif(not there, reason=f"needs {' and '.join(packages)}")


@pytest.mark.parametrize(
    ("module", "name", "package"),
    [("lightning", "LightningDoctor", "lightning"), ("huggingface", "HuggingFaceDoctor", "transformers")],
)
def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch, module: str, name: str, package: str) -> None:
    """Loaded a second time, under another name, where none of the packages can be imported."""
    for absent in ("lightning", "lightning.pytorch", "lightning.pytorch.callbacks", "transformers"):
        monkeypatch.setitem(sys.modules, absent, None)
    for absent in ("pytorch_lightning", "pytorch_lightning.callbacks"):
        monkeypatch.setitem(sys.modules, absent, None)
    file = Path(lt.__file__).with_name(f"{module}.py")
    spec = importlib.util.spec_from_file_location(f"lossmith.torch.{module}_alone", file)
    assert spec is not None
    assert spec.loader is not None
    alone = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(alone)
    with pytest.raises(MissingDependencyError, match=rf"{name} needs {package}, .* run: pip install {package}$"):
        getattr(alone, name)()


@installed("lightning")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["module", "function", "softmax"])
def test_lightning(kind: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import lightning

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            last = [nn.Softmax(dim=1)] if kind == "softmax" else []
            self.net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, 3), *last)
            if kind != "function":
                self.loss = nn.CrossEntropyLoss()

        def cost(self, batch: Any) -> Any:
            p = self.net(batch[0])
            return nn.functional.cross_entropy(p, batch[1]) if kind == "function" else self.loss(p, batch[1])

        def training_step(self, batch: Any, index: int) -> Any:
            return self.cost(batch)

        def validation_step(self, batch: Any, index: int) -> None:
            self.log("val_loss", self.cost(batch))

        def configure_optimizers(self) -> Any:
            return torch.optim.Adam(self.parameters(), lr=1e-2)

    left = []
    doctor = lt.LightningDoctor(say=lambda text: None)
    for callbacks in ([], [doctor]):
        module = Module()
        rows = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(X, Y), batch_size=32)
        torch.manual_seed(3)
        trainer = lightning.Trainer(
            max_epochs=4,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=callbacks,
            accelerator="cpu",
        )
        trainer.fit(module, rows, rows)
        left.append([*module.state_dict().values(), torch.random.get_rng_state()])
    assert all(torch.equal(a, b) for a, b in zip(*left, strict=True))
    assert doctor.findings.codes == (("OUT02",) if kind == "softmax" else ())
    assert doctor.findings.broken == ()
    assert doctor.watch.steps == 12
    assert len(doctor.history.train) == len(doctor.history.validation) == 4


@installed("transformers", "accelerate")
@pytest.mark.filterwarnings("ignore")
def test_hugging_face(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import transformers

    ids = torch.randint(0, 20, (48, 6), generator=torch.Generator().manual_seed(0))
    rows = [{"input_ids": i, "labels": (i[0] > 9).long()} for i in ids]
    small = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    left = []
    doctor = lt.HuggingFaceDoctor(say=lambda text: None)
    for callbacks in ([], [doctor]):
        torch.manual_seed(0)
        model = transformers.BertForSequenceClassification(transformers.BertConfig(vocab_size=20, **small))
        args = transformers.TrainingArguments(
            str(tmp_path),
            num_train_epochs=2,
            per_device_train_batch_size=16,
            eval_strategy="epoch",
            logging_steps=1,
            report_to=[],
            disable_tqdm=True,
            save_strategy="no",
            use_cpu=True,
        )
        transformers.Trainer(model, args, train_dataset=rows, eval_dataset=rows, callbacks=callbacks).train()
        left.append(list(model.state_dict().values()))
    assert all(torch.equal(a, b) for a, b in zip(*left, strict=True))
    assert doctor.findings.errors == []
    assert doctor.findings.broken == ()
    assert "prediction (16, 2), target (16,)" in doctor.findings.seen
    assert len(doctor.history.validation) == 2
    assert not model._forward_hooks


# --- without transformers ---------------------------------------------------------------------------------------------
def model(name: str, **config: Any) -> Any:
    """Return a module of a class of this name: transformers names them by what they are for."""
    made = type(name, (nn.Module,), {})()
    made.config = types.SimpleNamespace(**config)
    return made


@pytest.mark.parametrize(
    ("name", "config", "loss"),
    [
        ("GPT2LMHeadModel", {}, "nn.CrossEntropyLoss"),
        ("BertForSequenceClassification", {"num_labels": 3}, "nn.CrossEntropyLoss"),
        ("BertForSequenceClassification", {"num_labels": 1}, "nn.MSELoss"),
        (
            "BertForSequenceClassification",
            {"num_labels": 3, "problem_type": "multi_label_classification"},
            "nn.BCEWithLogitsLoss",
        ),
        ("T5ForConditionalGeneration", {}, None),
    ],
)
def test_usual_loss_of_a_model(name: str, config: dict, loss: str | None) -> None:
    assert huggingface.usual_loss(model(name, **config)) == loss


def test_logits_and_labels_as_the_loss_gets_them() -> None:
    logits = torch.arange(24.0).reshape(2, 4, 3)
    labels = torch.tensor([[0, 1, 2, -100], [0, 1, -100, -100]])
    seen = huggingface.logits_and_labels(model("GPT2LMHeadModel"), logits, labels)
    assert seen["target"].tolist() == [1, 2, 1]
    assert torch.equal(seen["prediction"], torch.stack([logits[0, 0], logits[0, 1], logits[1, 0]]))
    seen = huggingface.logits_and_labels(model("XForTokenClassification"), logits, labels)
    assert seen["target"].tolist() == [0, 1, 2, 0, 1]
    one = huggingface.logits_and_labels(model("XForSequenceClassification", num_labels=1), logits[0, :, :1], labels[0])
    assert one["prediction"].shape == (4,)
    assert huggingface.logits_and_labels(model("T5ForConditionalGeneration"), logits, labels) == {}
    assert huggingface.logits_and_labels(model("GPT2LMHeadModel"), logits, None) == {}
