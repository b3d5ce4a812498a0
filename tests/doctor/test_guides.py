"""The programs in the guides on the doctor and on lint run as written."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

GUIDES = Path(__file__).parents[2] / "docs" / "guide"


def program(page):
    blocks = re.findall(r"```python\n(.*?)```", (GUIDES / page).read_text(encoding="utf-8"), flags=re.DOTALL)
    (code,) = [block for block in blocks if ">>>" not in block and "…" not in block and "..." not in block]
    return compile(code, page, "exec")


def test_each_way_to_ask_the_doctor():
    from lossmith.doctor import check

    rng = np.random.default_rng(0)
    x, x_val = rng.normal(size=(200, 5)), rng.normal(size=(80, 5))
    scope = {
        "check": check,
        "loss": "mse",
        "prediction": rng.normal(size=(200, 1)),
        "target": rng.normal(size=(200, 1)),
        "inputs": x,
        "model": None,
        "history": {"loss": [1.0, 0.5, 0.3], "val_loss": [1.1, 0.6, 0.4]},
        "x": x,
        "y": rng.normal(size=200),
        "x_val": x_val,
        "y_val": rng.normal(size=80),
    }
    exec(program("doctor.md"), scope)
    assert not scope["findings"].errors


def test_lint_from_python(tmp_path, monkeypatch, capsys):
    source = (
        "import torch\nloss = torch.nn.CrossEntropyLoss()\ndef step(x, y):\n    return loss(torch.softmax(x, 1), y)\n"
    )
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "train.py").write_text(source, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    exec(program("lint.md"), {})
    assert "4 OUT02" in capsys.readouterr().out
