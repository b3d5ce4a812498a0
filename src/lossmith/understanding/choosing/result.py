"""What a target column suggests: frozen records, and their way to dictionaries, JSON and text."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

SCHEMA = 1


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What the column may be.

    Attributes:
        task: "binary", "multiclass", "ordinal", "multilabel", "distribution", "proportion", "percentage", "counts",
            "positive", "nonnegative" or "regression".
        certainty: "certain", "likely", "a guess" or "given"; empty for the readings that were not taken.
        why: The reason; for readings that were not taken, the condition under which they are right.
    """

    task: str
    certainty: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Expected:
    """A number to expect on this column.

    Attributes:
        role: "untrained" (the loss of a new model), "constant" (of the best answer that is always the same), "floor"
            (the least that any model can score) or "bias" (what the last bias should start at).
        formula: What the value is, as "ln C", "H(prior)" or "Var y"; empty where it has no name.
        value: The number.
        meaning: What scores it.
    """

    role: str
    formula: str
    value: float
    meaning: str


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Which weights would balance the classes, and whether to use them.

    Attributes:
        advice: "not needed", "optional" or "worth a try".
        why: The imbalance, in numbers.
        class_weight: Factor per class, by index, that gives every class the same sum; empty for several labels.
        pos_weight: Factor on the positives of a yes or no; one per label where there are several; None otherwise.
        not_if: When not to use them.
        code: The line to add or change, by framework; empty where no weights are needed.
    """

    advice: str
    why: str
    class_weight: dict[int, float] = field(default_factory=dict)
    pos_weight: float | tuple[float, ...] | None = None
    not_if: str = ""
    code: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """A loss and what has to fit to it.

    Attributes:
        loss: Name in the registry.
        title: As written in running text.
        why: What speaks for it.
        units: Of the last layer.
        activation: Of the last layer ("no activation", "sigmoid", …), and what its output then is.
        labels: What the target has to look like.
        prepare: The line of Python that brings the column ``y`` there.
        expected: What the loss should be, of an untrained model, of the best constant answer, and at the least.
        weights: Weights against imbalance, or None where the task has none.
        code: Lines to paste, by framework ("keras", "torch", "jax").
    """

    loss: str
    title: str
    why: str
    units: int
    activation: str
    labels: str
    prepare: str
    expected: tuple[Expected, ...]
    weights: Weights | None = None
    code: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which loss fits a target column.

    Attributes:
        name: Of the column.
        source: The file, or an empty string.
        rows: The number of rows, with missing values.
        missing: The number of rows without a value.
        reading: What the column was taken for.
        others: What it may be instead; ``task`` chooses one of them.
        suggestions: The first choice, and at most two alternatives.
        assumptions: What was guessed when reading.
        notes: What else to know about the column.

    ``print(choice)`` shows all of it as text.
    """

    name: str
    source: str
    rows: int
    missing: int
    reading: Reading
    others: tuple[Reading, ...]
    suggestions: tuple[Suggestion, ...]
    assumptions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def task(self) -> str:
        """What the column was taken for."""
        return self.reading.task

    @property
    def first(self) -> Suggestion:
        """The first choice."""
        return self.suggestions[0]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data that JSON can hold."""
        return {"schema": SCHEMA, **asdict(self)}

    def to_json(self, *, indent: int | None = 2) -> str:
        """Return :meth:`to_dict` as JSON in ASCII."""
        return json.dumps(self.to_dict(), indent=indent, allow_nan=False)

    def to_text(self, width: int = 100) -> str:
        """Return plain text whose prose is wrapped at ``width``; code keeps its lines."""
        from .text import to_text

        return to_text(self, width)

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        return f"<choice for {self.name} ({self.task}, {self.reading.certainty}): {self.first.loss}>"
