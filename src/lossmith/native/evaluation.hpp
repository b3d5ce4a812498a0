// Kernels of the evaluation states (lossmith/evaluation/states). Everything they add is whole numbers, so that they leave
// the same bits as the NumPy code beside them, which is their oracle and their fallback.
//
// Exact sums: a finite double is an integer of 53 bits times a power of two. Its bits are added to 32-bit limbs, each
// kept in 64 bits, so that two to the power of 28 additions fit before anyone has to carry. Limb j counts multiples of
// 2^(32 j); a window of limbs is handed over, row k of it belongs to sum k.
#pragma once

#include <cstdint>

namespace lossmith {

// Which limbs the sums of n values, or of n products of two values, may touch; count is 0 where all are 0 or not finite.
struct LimbWindow {
  std::int64_t first = 0;
  std::int64_t count = 0;
};

LimbWindow limb_window(const double *a, const double *b, std::int64_t n);

// Where sums are kept: (size, window.count) limbs, and 3 * size counts of NaN, inf and -inf.
struct ExactSums {
  std::int64_t size;
  LimbWindow window;
  std::int64_t *limbs;
  std::int64_t *odd;
};

// Adds a[i], or a[i] * b[i] without rounding where b is given, to sum index[i], or to the first one without index.
// Returns the first place whose index is out of range (nothing after it is added), or -1.
std::int64_t exact_add(const double *a, const double *b, const std::int64_t *index, std::int64_t n, ExactSums sums);

// Score histograms: see ScoreHistogram in states/histogram.py for the bins. `counts` holds 4 * half numbers, negatives
// first; `low` and `high` the extremes of the 2 * half bins.
struct ScoreBins {
  bool probability;
  int keep;
  std::int64_t first_bits;
  std::int64_t half;
  std::int64_t *counts;
  double *low;
  double *high;
};

// Counts n scores (none of them NaN) with targets 0 or 1. Returns the first place with another target, or -1.
std::int64_t count_scores(const double *score, const std::int64_t *target, std::int64_t n, ScoreBins bins);

// Calibration: fills in the bin of each confidence in [0, 1], by equal width where inner_edges is null, else by upper
// bound among these bins - 1 edges; and counts the rows of each bin, and those whose outcome is not 0. Returns the first
// place whose confidence lies outside of [0, 1], or -1.
std::int64_t calibrate(const double *confidence, const std::uint8_t *outcome, std::int64_t n, std::int64_t bins,
                       const double *inner_edges, std::int64_t *index, std::int64_t *rows, std::int64_t *hits);

// The group of each row: bits of a hash of its id (evaluation_hash.hpp), masked.
void hash_groups(const std::uint64_t *id, std::int64_t n, std::uint64_t seed, std::uint64_t mask, std::int64_t *group);

} // namespace lossmith
