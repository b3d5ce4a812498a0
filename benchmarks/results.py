"""What the results file holds: the last measurement of each loss, size, dtype and pass, and how it reads in words."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).with_name("cpu.csv")
README = Path(__file__).parent.parent / "README.md"
MARKS = ("<!-- speed: python -m benchmarks chart -->\n", "\n<!-- /speed -->")
OURS = "lossmith torch"
COMPILERS = ("torch compile", "jax jit", "tf xla")
_TITLES = {
    "softmax_cross_entropy, labels": "softmax cross-entropy, class indices",
    "softmax_cross_entropy, rows": "softmax cross-entropy, dense targets",
    "distillation_kl, logits": "KL divergence of logits",
    "squared_error": "squared error",
    "huber": "Huber",
    "log_cosh": "log-cosh",
    "sigmoid_cross_entropy": "sigmoid cross-entropy",
    "softmax_focal, labels": "softmax focal loss, class indices",
    "ctc, tokens": "CTC, 60 tokens",
    "info_nce": "InfoNCE",
    "clip": "CLIP",
    "nt_xent, views": "NT-Xent",
    "supervised_contrastive, groups": "supervised contrastive",
    "triplet_hard, groups": "triplets, hardest",
    "triplet_semi_hard, groups": "triplets, semi-hard",
}
_HEAD = (
    "loss and gradient",
    "PyTorch eager ÷ `lossmith.torch`",
    "best of torch.compile, JAX, TF XLA ÷ `lossmith.torch`",
    "JAX jit ÷ `lossmith.jax`",
    "Keras ÷ `lossmith.keras`, on TF",
)


@dataclass(frozen=True)
class Measured:
    """One loss at one size, forward and backward.

    Attributes:
        date: When.
        key: The work, the size and the dtype, as the file has them.
        title: The loss, the size and the dtype, in words.
        milliseconds: Of each contender, the median of its turns.
        ratios: How many times lossmith's on PyTorch each took: the median of the pairs.
    """

    date: str
    key: tuple[str, str, str]
    title: str
    milliseconds: dict[str, float]
    ratios: dict[str, float]

    def against(self, theirs: str, ours: str) -> float | None:
        """Return how many times as long one contender took as another, or None if either did not take part."""
        times = self.milliseconds
        if theirs not in times or ours not in times:
            return None
        return self.ratios[theirs] if ours == OURS else times[theirs] / times[ours]


def last(file: Path = FILE, tuned: bool = False) -> list[Measured]:
    """Return the last measurement of each loss, size and dtype, in the order of the file.

    With ``tuned`` those where the allocator was another one than the default.
    """
    found: dict[tuple[str, str, str], Measured] = {}
    with file.open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            if row["pass"] != "forward+backward" or (row["allocator"] != "default") != tuned:
                continue
            key = row["work"], row["shape"], row["dtype"]
            if key not in found or found[key].date != row["date"]:
                found[key] = Measured(row["date"], key, _title(*key), {}, {})
            found[key].milliseconds[row["contender"]] = float(row["median_ms"])
            found[key].ratios[row["contender"]] = float(row["times_ours"])
    return list(found.values())


def _title(work: str, shape: str, dtype: str) -> str:
    size = " × ".join(f"{int(n):,}" for n in shape.split("x"))
    return f"{_TITLES[work]}, {size} {dtype}"


def table(measured: list[Measured]) -> str:
    """Return the README's table: ratios of time, forward and backward."""
    lines = [
        f"| {' | '.join(_HEAD)} |",
        "|---" * len(_HEAD) + "|",
    ]
    for one in measured:
        best = min((one.ratios[name] for name in COMPILERS if name in one.ratios), default=None)
        cells = (
            one.against("torch eager", OURS),
            best,
            one.against("jax jit", "lossmith jax"),
            one.against("keras on tf", "lossmith keras on tf"),
        )
        lines.append(f"| {one.title} | " + " | ".join("" if x is None else f"{x:.1f}" for x in cells) + " |")
    return "\n".join(lines)


def in_readme(text: str) -> str:
    """Return the table that stands in the README's text."""
    return text.split(MARKS[0])[1].split(MARKS[1])[0]


def write_readme() -> None:
    """Put the table of the last measurements into the README."""
    text = README.read_text(encoding="utf-8")
    before, rest = text.split(MARKS[0])
    after = rest.split(MARKS[1])[1]
    README.write_text(before + MARKS[0] + table(last()) + MARKS[1] + after, encoding="utf-8")
