"""The guide's Python runs as written, one block after the other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from frameworks import require

GUIDE = (Path(__file__).parents[2] / "docs" / "guide" / "boosting.md").read_text(encoding="utf-8")


@pytest.mark.filterwarnings("ignore:Failed to import numba", "ignore:Can't optimze method")
def test_the_guide_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for library in ("xgboost", "lightgbm", "catboost"):
        require(library)
    monkeypatch.chdir(tmp_path)  # CatBoost leaves a folder behind
    scope: dict = {}
    for block in re.findall(r"```python\n(.*?)```", GUIDE, flags=re.DOTALL):
        exec(compile(block, "docs/guide/boosting.md", "exec"), scope)
    assert ((scope["log_odds"] > 0) == (scope["y"] > 0.5)).mean() > 0.95
    assert 0.85 < (scope["stock"] >= scope["target"]).mean() < 0.97
    assert scope["mean_claim"].mean() == pytest.approx(scope["claims"].mean(), rel=0.2)
    assert scope["model"].predict(scope["x"]).shape == (400, 3)
