"""Numbers as people write them, and words that have an order."""

from __future__ import annotations

from collections.abc import Iterable

ORDERS = (
    ("very low", "low", "medium", "high", "very high"),
    ("low", "moderate", "high", "severe", "critical"),
    ("low", "mid", "high"),
    ("none", "minor", "moderate", "major", "severe", "critical"),
    ("none", "mild", "moderate", "severe", "critical"),
    ("xs", "s", "m", "l", "xl", "xxl"),
    ("small", "medium", "large", "extra large"),
    ("never", "rarely", "sometimes", "often", "always"),
    ("very bad", "bad", "poor", "fair", "average", "good", "very good", "excellent"),
    ("strongly disagree", "disagree", "neutral", "agree", "strongly agree"),
    ("negative", "neutral", "positive"),
    ("cold", "cool", "warm", "hot"),
    ("first", "second", "third", "fourth", "fifth"),
)
POSITIVE = frozenset(  # what a yes-or-no model looks for
    (
        *(
            "yes",
            "true",
            "positive",
            "1",
            "y",
            "t",
            "on",
            "spam",
            "fraud",
            "fraudulent",
            "malignant",
            "churn",
            "churned",
        ),
        *(
            "default",
            "defaulted",
            "sick",
            "ill",
            "disease",
            "abnormal",
            "anomaly",
            "defect",
            "faulty",
            "fail",
            "failed",
        ),
        *("toxic", "click", "clicked", "bought", "converted", "survived", "won", "pass", "passed"),
    )
)
_NAMED = 6  # classes or labels that a sentence names


def shown(x: float) -> str:
    """Return a number to four digits; large ones whole and with commas between the thousands."""
    x = float(x)
    if x == 0:
        return "0"
    if 1e3 <= abs(x) < 1e7:
        return f"{x:,.0f}"
    return f"{x:.4g}"


def percent(share: float) -> str:
    """Return a share in per cent; small ones keep two digits."""
    return f"{100 * share:.1f} %" if share == 0 or share >= 0.01 else f"{100 * share:.2g} %"


def literal(x: float) -> str:
    """Return a number for a line of code, to six digits."""
    return f"{float(x):.6g}"


def plural(n: int, word: str) -> str:
    """Return a count and its word: 1 row, 2 rows, 2 classes."""
    ending = "es" if word.endswith("s") else "s"
    return f"{n:,} {word}{'' if n == 1 else ending}"


def some(items: Iterable[str], last: bool = True) -> str:
    """Return items with commas, the middle left out where there are many."""
    listed = list(items)
    if len(listed) <= _NAMED:
        return ", ".join(listed)
    return ", ".join([*listed[: _NAMED - 1], "…", *(listed[-1:] if last else [])])
