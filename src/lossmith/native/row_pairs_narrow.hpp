// Pairs of rows of few classes: as many pairs at once as there are lanes, one pair in each.
#pragma once

#include <algorithm>
#include <cstdint>

#include "half.hpp"
#include "lanes.hpp"
#include "lanes_math.hpp"
#include "row_pairs_losses.hpp"
#include "softmax_narrow.hpp"
#include "turn.hpp"

namespace lossmith {

// A few pairs of rows, turned: column c of all of them is one Lanes<T>. Lanes behind `count` hold zeros.
template <typename T> struct PairTile {
  static constexpr std::int64_t width = lane_count<T>;
  std::int64_t first = 0, count = 0;
  T z[narrow_classes * width], t[narrow_classes * width];
  T a[narrow_classes * width], b[narrow_classes * width], terms[narrow_classes * width];
  T flat[narrow_classes * width]; // rows as they lie in memory, where that is in half precision
};

// The full tile has its own way, as in softmax_narrow.hpp.
template <typename Storage>
LOSSMITH_INLINE void turn_in(const Storage *rows, std::int64_t count, std::int64_t classes, Compute<Storage> *cells,
                             Compute<Storage> *flat) {
  using T = Compute<Storage>;
  constexpr std::int64_t width = lane_count<T>;
  if (count == width) {
    const T *numbers = computed(rows, width * classes, flat);
    turn(numbers, classes, width, classes, cells, width);
    return;
  }
  for (std::int64_t k = 0; k < width; ++k)
    for (std::int64_t c = 0; c < classes; ++c)
      cells[c * width + k] = k < count ? value_of(rows[k * classes + c]) : T(0);
}

template <typename Storage>
LOSSMITH_INLINE void turn_out(const Compute<Storage> *cells, std::int64_t count, std::int64_t classes, Storage *rows,
                              Compute<Storage> *flat) {
  using T = Compute<Storage>;
  constexpr std::int64_t width = lane_count<T>;
  if (count == width) {
    T *numbers = flat;
    if constexpr (sizeof(Storage) != 2) numbers = rows;
    turn(cells, width, classes, width, numbers, classes);
    if constexpr (sizeof(Storage) == 2)
      for (std::int64_t k = 0; k < width * classes; k += width) store_to(rows + k, load(numbers + k));
    return;
  }
  for (std::int64_t k = 0; k < count; ++k)
    for (std::int64_t c = 0; c < classes; ++c) rows[k * classes + c] = element_of<Storage>(cells[c * width + k]);
}

template <typename T> LOSSMITH_INLINE Lanes<T> largest_column(const T *cells, std::int64_t classes) {
  Lanes<T> max = load(cells);
  for (std::int64_t c = 1; c < classes; ++c) max = larger<T>(max, load(cells + c * lane_count<T>));
  return max;
}

// PairSums for all lanes of a tile of T: arrays, because there may be more lanes of T than of double.
template <typename T> struct PairTileSums {
  static constexpr std::int64_t width = lane_count<T>;
  double max[width], other_max[width], first[width], second[width], cross[width], scale[width];

  LOSSMITH_INLINE PairSums rows(std::int64_t k) const {
    return {load(max + k), load(other_max + k), load(first + k), load(second + k), load(cross + k), load(scale + k)};
  }
};

// What a mixed loss does once the sums are known; see mix_block for wide rows.
template <template <typename> typename Loss, typename Storage>
LOSSMITH_INLINE void mix_tile(const PairJob<Loss, Storage> &job, PairTile<Compute<Storage>> &tile,
                              PairTileSums<Compute<Storage>> &sums) {
  using T = Compute<Storage>;
  constexpr std::int64_t width = lane_count<T>;
  T max[width], other_max[width], share[width], other_share[width], constant[width];
  for (std::int64_t k = 0; k < width; k += lane_count<double>) {
    const PairSums rows = sums.rows(k);
    const PairMix mix = job.loss.mix(rows);
    store_rounded(max + k, rows.max);
    store_rounded(other_max + k, rows.other_max);
    store_rounded(share + k, mix.share);
    store_rounded(other_share + k, mix.other_share);
    store_rounded(constant + k, mix.constant);
  }
  for (std::int64_t c = 0; c < job.classes; ++c) {
    const std::int64_t at = c * width;
    const MixedTerms<T> mixed =
        job.loss.mixed_terms(load(tile.z + at) - load(max), load(tile.t + at) - load(other_max),
                             load(tile.a + at) * load(share), load(tile.b + at) * load(other_share), load(constant));
    store<T>(tile.a + at, mixed.a);
    store<T>(tile.b + at, mixed.b);
    store<T>(tile.terms + at, mixed.term);
  }
  sum_columns<T>(
      job.classes, [&](std::int64_t c) LOSSMITH_INLINED { return load(tile.a + c * width); }, sums.first);
  sum_columns<T>(
      job.classes, [&](std::int64_t c) LOSSMITH_INLINED { return load(tile.terms + c * width); }, sums.cross);
}

template <template <typename> typename Loss, typename Storage>
LOSSMITH_INLINE void sum_tile(const PairJob<Loss, Storage> &job, PairTile<Compute<Storage>> &tile,
                              PairTileSums<Compute<Storage>> &sums) {
  using T = Compute<Storage>;
  constexpr std::int64_t width = lane_count<T>;
  const Lanes<T> max = largest_column(tile.z, job.classes);
  const Lanes<T> other_max = Loss<T>::target_is_logits ? largest_column(tile.t, job.classes) : Lanes<T>{};
  for (std::int64_t c = 0; c < job.classes; ++c) {
    const std::int64_t at = c * width;
    const Lanes<T> weight = broadcast(job.class_weight == nullptr ? T(1) : job.class_weight[c]);
    store<T>(tile.a + at, job.loss.first(load(tile.z + at) - max));
    store<T>(tile.b + at, job.loss.second(load(tile.t + at) - other_max, weight));
  }
  sum_columns<T>(
      job.classes, [&](std::int64_t c) LOSSMITH_INLINED { return load(tile.a + c * width); }, sums.first);
  sum_columns<T>(
      job.classes, [&](std::int64_t c) LOSSMITH_INLINED { return load(tile.b + c * width); }, sums.second);
  std::fill_n(sums.cross, width, 0.0);
  if constexpr (!Loss<T>::mixed) {
    const auto cross = [&](std::int64_t c) LOSSMITH_INLINED {
      const std::int64_t at = c * width;
      return job.loss.cross(load(tile.b + at), load(tile.t + at) - other_max, load(tile.z + at) - max);
    };
    sum_columns<T>(job.classes, cross, sums.cross);
  }
  T each[width], other_each[width];
  store<T>(each, max);
  store<T>(other_each, other_max);
  for (std::int64_t k = 0; k < width; ++k) {
    sums.max[k] = static_cast<double>(each[k]);
    sums.other_max[k] = static_cast<double>(other_each[k]);
    sums.scale[k] = k < tile.count ? job.row_scale(tile.first + k) : 0.0;
  }
}

// Returns the sum of the values.
template <template <typename> typename Loss, typename Storage>
LOSSMITH_INLINE double narrow_tile_of_pairs(const PairJob<Loss, Storage> &job, PairTile<Compute<Storage>> &tile) {
  using T = Compute<Storage>;
  constexpr std::int64_t width = lane_count<T>;
  const std::int64_t begin = tile.first * job.classes;
  turn_in(job.prediction + begin, tile.count, job.classes, tile.z, tile.flat);
  turn_in(job.target + begin, tile.count, job.classes, tile.t, tile.flat);
  PairTileSums<T> sums;
  sum_tile(job, tile, sums);
  if constexpr (Loss<T>::mixed) mix_tile(job, tile, sums);

  double value[width];
  T slope[width], other_slope[width];
  for (std::int64_t k = 0; k < width; k += lane_count<double>) {
    const PairResult result = job.loss.finish(sums.rows(k));
    store<double>(value + k, result.value);
    store_rounded(slope + k, result.slope);
    store_rounded(other_slope + k, result.other_slope);
  }
  double total = 0.0;
  for (std::int64_t k = 0; k < tile.count; ++k) {
    total += value[k];
    if (job.values != nullptr) job.values[tile.first + k] = static_cast<T>(value[k]);
  }
  if (job.gradient == nullptr) return total;
  for (std::int64_t c = 0; c < job.classes; ++c) {
    T *a = tile.a + c * width, *b = tile.b + c * width;
    store<T>(a, pair_gradient<T>(load(a), load(b), load(slope), load(other_slope)));
  }
  turn_out(tile.a, tile.count, job.classes, job.gradient + begin, tile.flat);
  return total;
}

template <template <typename> typename Loss, typename Storage>
LOSSMITH_INLINE double narrow_pairs(const PairJob<Loss, Storage> &job, std::int64_t begin, std::int64_t end) {
  PairTile<Compute<Storage>> tile;
  double total = 0.0;
  for (tile.first = begin; tile.first < end; tile.first += tile.width) {
    tile.count = std::min(tile.width, end - tile.first);
    total += narrow_tile_of_pairs(job, tile);
  }
  return total;
}

} // namespace lossmith
