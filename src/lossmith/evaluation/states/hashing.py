"""Numbers that look random and are decided by the row id alone, so that every machine and every split agree on them.

The mixing function is that of splitmix64 (G. L. Steele, D. Lea and C. H. Flood, "Fast splittable pseudorandom number
generators", OOPSLA 2014), which passes the usual tests on consecutive inputs.
"""

from __future__ import annotations

from decimal import Decimal, localcontext

import numpy as np

from ...errors import InputError

_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_PRIME = np.uint64(0x100000001B3)


def mix(x: np.ndarray) -> np.ndarray:
    """Return splitmix64 of each element, uint64; one to one."""
    with np.errstate(over="ignore"):
        x = x + _STEP
        x = (x ^ (x >> np.uint64(30))) * _FIRST
        x = (x ^ (x >> np.uint64(27))) * _SECOND
        return x ^ (x >> np.uint64(31))


def hash_rows(row_id: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return (N,) uint64 from row ids (N,), integers or strings.

    The same string has the same hash in arrays of any width.

    Raises:
        InputError: The ids are neither.

    >>> a, b = np.array(["x", "yz"]), np.array(["yz", "a longer one"])
    >>> bool(hash_rows(a)[1] == hash_rows(b)[0])
    True
    """
    return mix(words_of(row_id) ^ np.uint64(seed_word(seed)))


def seed_word(seed: int) -> int:
    """Return what a seed changes in each word before it is mixed: nothing for seed 0."""
    return int(mix(np.array([seed], np.uint64))[0]) if seed else 0


def group_bits(words: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return (N,) uint64 below 2**16 from words (N,) uint64.

    Sixteen words share a hash, and four of them have a quarter of it, which is the first of four numbers in a row: so
    the compiled kernel adds four rows at once. What that costs where neighbours in a source are alike, as in sorted
    files: the spread is known from about 200 groups of 512 rather than from all.

    >>> group_bits(np.arange(8, dtype=np.uint64)).tolist()
    [52655, 52656, 52657, 52658, 31517, 31518, 31519, 31520]
    """
    shared = mix((words >> np.uint64(4)) ^ np.uint64(seed_word(seed)))
    first = shared >> (np.uint64(16) * ((words >> np.uint64(2)) & np.uint64(3)))
    return (first + (words & np.uint64(3))) & np.uint64(0xFFFF)


def words_of(row_id: np.ndarray) -> np.ndarray:
    """Return one uint64 per row id (N,), integers or strings.

    Raises:
        InputError: The ids are neither.
    """
    if row_id.dtype.kind == "i":
        return row_id.astype(np.int64, copy=False).view(np.uint64)
    if row_id.dtype.kind == "u":
        return row_id.astype(np.uint64, copy=False)
    if row_id.dtype.kind == "U":
        return _of_text(row_id)
    raise InputError(f"row ids have dtype {row_id.dtype}; expected whole numbers or strings")


def _of_text(texts: np.ndarray) -> np.ndarray:
    """Return a polynomial of the code points, which are 0 beyond the end of a text (FNV-1a, one step per character)."""
    width = texts.dtype.itemsize // 4
    native = np.ascontiguousarray(texts.astype(texts.dtype.newbyteorder("=")))
    points = native.view(np.uint32).reshape(texts.size, width)
    found = np.full(texts.size, 0xCBF29CE484222325, np.uint64)
    with np.errstate(over="ignore"):
        for k in range(width):
            point = points[:, k].astype(np.uint64)
            found = np.where(point == 0, found, (found ^ point) * _PRIME)
    return found


def poisson_weights(hashes: np.ndarray, replicates: int) -> np.ndarray:
    """Return (replicates, N) Poisson(1) weights as uint8, decided by hashes (N,) uint64 and the replicate's number.

    >>> poisson_weights(hash_rows(np.arange(4)), 2).shape
    (2, 4)
    """
    seeds = mix(np.arange(replicates, dtype=np.uint64))
    found = np.empty((replicates, hashes.size), np.uint8)
    for r, seed in enumerate(seeds):
        found[r] = np.searchsorted(_THRESHOLDS, mix(hashes ^ seed), side="right")
    return found


def _thresholds() -> np.ndarray:
    """Return 2**64 times the distribution function of Poisson(1) at 0, 1, 2, …, as far as it is below 1."""
    with localcontext() as context:
        context.prec = 60
        term = Decimal(-1).exp()
        total, found = Decimal(0), []
        for k in range(1, 30):
            total += term
            whole = int(total * 2**64)
            if whole >= 2**64 - 1:
                break
            found.append(whole)
            term /= k
    return np.array(found, np.uint64)


_THRESHOLDS = _thresholds()
