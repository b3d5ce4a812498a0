#include "evaluation.hpp"

#include <algorithm>
#include <limits>

#include "evaluation_hash.hpp"
#include "evaluation_limbs.hpp"

namespace lossmith {
namespace {

void add_product(std::int64_t *limbs, std::int64_t first_limb, std::uint64_t a, std::uint64_t b) {
  const Parts x = parts_of(a), y = parts_of(b);
  const int exponent = x.exponent + y.exponent;
  const std::int64_t limb = limb_of(exponent);
  const int shift = exponent - static_cast<int>(32 * limb);
  const bool negative = x.negative != y.negative;
  const auto x0 = static_cast<std::uint64_t>(x.mantissa & limb_mask), x1 = static_cast<std::uint64_t>(x.mantissa >> 32);
  const auto y0 = static_cast<std::uint64_t>(y.mantissa & limb_mask), y1 = static_cast<std::uint64_t>(y.mantissa >> 32);
  std::int64_t *at = limbs + (limb - first_limb);
  add_at(at, x0 * y0, shift, negative);
  add_at(at + 1, x0 * y1 + x1 * y0, shift, negative); // 2 * 53 bits: no overflow
  add_at(at + 2, x1 * y1, shift, negative);
}

struct Exponents {
  int low = std::numeric_limits<int>::max();
  int high = std::numeric_limits<int>::min();
  bool any() const { return low <= high; }
};

// The smallest and largest exponent field of the values that are finite; those that are 0 count as the smallest there is
// only if nothing else does.
Exponents exponents_of(const double *x, std::int64_t n) {
  Exponents found;
  for (std::int64_t i = 0; i < n; ++i) {
    const std::uint64_t bits = bits_of(x[i]);
    const int field = exponent_field(bits);
    const bool counts = field != odd_exponent && (bits << 1) != 0;
    found.low = std::min(found.low, counts ? field : std::numeric_limits<int>::max());
    found.high = std::max(found.high, counts ? field : std::numeric_limits<int>::min());
  }
  if (found.any()) {
    found.low = std::max(found.low, 1) - 1075;
    found.high = std::max(found.high, 1) - 1075;
  }
  return found;
}

void count_odd(double x, std::int64_t k, const ExactSums &sums) {
  const std::int64_t kind = x != x ? 0 : (x > 0 ? 1 : 2);
  ++sums.odd[kind * sums.size + k];
}

// How many of the ascending edges are not above x: std::upper_bound without branches that cannot be foreseen.
std::int64_t edges_up_to(const double *edges, std::int64_t count, double x) {
  if (count == 0) return 0;
  const double *at = edges;
  while (count > 1) {
    const std::int64_t half = count / 2;
    at += at[half - 1] <= x ? half : 0;
    count -= half;
  }
  return at - edges + (*at <= x ? 1 : 0);
}

} // namespace

LimbWindow limb_window(const double *a, const double *b, std::int64_t n) {
  const Exponents first = exponents_of(a, n);
  if (!first.any()) return {};
  if (b == nullptr) {
    const std::int64_t low = limb_of(first.low);
    return {low, limb_of(first.high) + 3 - low};
  }
  const Exponents second = b == a ? first : exponents_of(b, n);
  if (!second.any()) return {};
  const std::int64_t low = limb_of(first.low + second.low);
  return {low, limb_of(first.high + second.high) + 5 - low};
}

std::int64_t exact_add(const double *a, const double *b, const std::int64_t *index, std::int64_t n, ExactSums sums) {
  const std::int64_t width = sums.window.count, first = sums.window.first;
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t k = index == nullptr ? 0 : index[i];
    if (k < 0 || k >= sums.size) return i;
    const std::uint64_t x = bits_of(a[i]);
    std::int64_t *limbs = sums.limbs + k * width;
    if (b == nullptr) {
      if (exponent_field(x) == odd_exponent)
        count_odd(a[i], k, sums);
      else if ((x << 1) != 0)
        add_value(limbs, first, x);
      continue;
    }
    const std::uint64_t y = bits_of(b[i]);
    if (exponent_field(x) == odd_exponent || exponent_field(y) == odd_exponent)
      count_odd(a[i] * b[i], k, sums);
    else if ((x << 1) != 0 && (y << 1) != 0)
      add_product(limbs, first, x, y);
  }
  return -1;
}

std::int64_t count_scores(const double *score, const std::int64_t *target, std::int64_t n, ScoreBins bins) {
  const int drop = 52 - bins.keep;
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t t = target[i];
    if (t < 0 || t > 1) return i;
    const double x = score[i];
    const bool upper = bins.probability ? x >= 0.5 : x >= 0;
    const double size = bins.probability && upper ? 1.0 - x : x;
    const auto top = static_cast<std::int64_t>((bits_of(size) & ~(std::uint64_t{1} << 63)) >> drop) - bins.first_bits;
    const std::int64_t inner = std::min(std::max<std::int64_t>(top, 0), bins.half - 1);
    // From the middle outwards for values, from the ends inwards for probabilities.
    const std::int64_t bin = bins.probability ? (upper ? 2 * bins.half - 1 - inner : inner)
                                              : (upper ? bins.half + inner : bins.half - 1 - inner);
    ++bins.counts[bin + t * 2 * bins.half];
    bins.low[bin] = std::min(bins.low[bin], x);
    bins.high[bin] = std::max(bins.high[bin], x);
  }
  return -1;
}

std::int64_t calibrate(const double *confidence, const std::uint8_t *outcome, std::int64_t n, std::int64_t bins,
                       const double *inner_edges, std::int64_t *index, std::int64_t *rows, std::int64_t *hits) {
  for (std::int64_t i = 0; i < n; ++i) {
    const double x = confidence[i];
    if (!(x >= 0 && x <= 1)) return i;
    const std::int64_t bin = inner_edges == nullptr
                                 ? std::min(static_cast<std::int64_t>(x * static_cast<double>(bins)), bins - 1)
                                 : edges_up_to(inner_edges, bins - 1, x);
    index[i] = bin;
    ++rows[bin];
    hits[bin] += outcome[i] != 0;
  }
  return -1;
}

void hash_groups(const std::uint64_t *id, std::int64_t n, std::uint64_t seed, std::uint64_t mask, std::int64_t *group) {
  for (std::int64_t i = 0; i < n; ++i) group[i] = static_cast<std::int64_t>(group_bits(id[i], seed) & mask);
}

} // namespace lossmith
