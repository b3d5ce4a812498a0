"""What a program is: how it is built, and what the doctor owes it.

A faulty program comes from a public question or bug report (its number stands in the name, the addresses in the rules);
data, architecture and code are our own. ``build(rng, fixed)`` makes the faulty or the mended one. A healthy program has
nothing owed: whatever is found in it is a false alarm.
"""

from __future__ import annotations

import importlib
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Rng = np.random.Generator
Tier = Literal["early", "late"]
FRAMEWORKS = ("keras-tensorflow", "keras-torch", "torch")
MODULES = {
    "keras": (
        *("keras_outputs", "keras_targets", "keras_healthy"),
        *("keras_unseen", "keras_kept", "keras_fresh", "keras_fresh_healthy"),
        *("keras_second", "keras_second_healthy"),
        *("keras_third", "keras_third_late", "keras_third_healthy"),
    ),
    "torch": (
        *("torch_faulty", "torch_tables", "torch_images", "torch_sequences", "torch_pairs"),
        *("torch_unseen", "torch_kept", "torch_fresh", "torch_fresh_healthy"),
        *("torch_second", "torch_second_late", "torch_second_tables", "torch_second_nets"),
        *("torch_third", "torch_third_labels", "torch_third_late", "torch_third_tables", "torch_third_nets"),
    ),
}


@dataclass(frozen=True, kw_only=True)
class Program:
    """A program.

    Attributes:
        name: Number of the case and fault, or what a healthy program does.
        build: Makes it: from a generator and, for faulty ones, whether it is mended.
        owed: Codes that count as found; empty for healthy programs.
        severity: The least that the finding must be.
        tier: "early" for what configuration or the first batch shows, "late" for what only training shows.
        unseen: Whether it was kept aside: the doctor saw it in the recorded run first, after the last change of a rule.
    """

    name: str
    build: Callable[[Rng, bool], Any]
    owed: tuple[str, ...] = ()
    severity: str = "error"
    tier: Tier = "early"
    unseen: bool = False

    def rng(self, seed: int) -> Rng:
        """Return the generator of a run: the same data for the faulty and the mended program."""
        return np.random.default_rng([seed, zlib.crc32(self.name.encode())])


class Shelf:
    """The programs of a module, in order."""

    def __init__(self, *, unseen: bool = False) -> None:
        self.programs: list[Program] = []
        self.unseen = unseen

    def faulty(self, name: str, *owed: str, severity: str = "error", tier: Tier = "early") -> Callable[[Any], Any]:
        """Add the decorated ``build(rng, fixed)``."""

        def add(build: Any) -> Any:
            self.programs.append(
                Program(name=name, build=build, owed=owed, severity=severity, tier=tier, unseen=self.unseen)
            )
            return build

        return add

    def healthy(self, name: str) -> Callable[[Any], Any]:
        """Add the decorated ``build(rng)``."""

        def add(build: Any) -> Any:
            self.programs.append(Program(name=name, build=lambda rng, _fixed: build(rng), unseen=self.unseen))
            return build

        return add


def programs(framework: str) -> list[Program]:
    """Return all programs of a framework; imports it."""
    found = []
    for module in MODULES[framework.partition("-")[0]]:
        found += importlib.import_module(f".{module}", __package__).SHELF.programs
    names = [program.name for program in found]
    if len(set(names)) < len(names):
        raise ValueError(f"names occur twice: {sorted({n for n in names if names.count(n) > 1})}")
    return found
