"""The textbook formulas by family: in each module ``ELEMENT`` and ``ROW`` list the oracles, ``WEIGHTED`` names those
that take class weights, ``PER_ROW`` those of them whose mean counts every row once all the same. Written from the
mathematics in mpmath, one number or one row at a time. ``COUPLED`` has those of regions and batches by name.
"""

from . import batches, classification, coupled, pairs, robust, segmentation

_FAMILIES = (robust, classification, pairs)
_COUPLED = (coupled, segmentation, batches)
ELEMENT = tuple(f for family in _FAMILIES for f in family.ELEMENT)
ROW = tuple(f for family in _FAMILIES for f in family.ROW)
WEIGHTED = tuple(name for family in _FAMILIES for name in family.WEIGHTED)
GRID = {name: grid for family in (*_FAMILIES, *_COUPLED) for name, grid in family.GRID.items()}
PER_ROW = classification.PER_ROW
COUPLED = {f.__name__: f for family in _COUPLED for f in (*family.REGION, *family.BATCH)}
