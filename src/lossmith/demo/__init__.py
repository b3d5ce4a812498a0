"""The demonstration: a real classifier on the handwritten digits that scikit-learn ships, from data to verdict.

``digits`` prepares the data; one trainer per framework, each with that framework's own loop, returns predicted
probabilities and a history; ``run`` saves them, evaluates them and writes the report.
"""

from .run import FRAMEWORKS, run

__all__ = ["FRAMEWORKS", "run"]
