// Softmax cross-entropy for rows of few classes: as many rows at once as there are lanes, one row in each.
#pragma once

#include <algorithm>
#include <cstdint>

#include "half.hpp"
#include "lanes.hpp"
#include "lanes_math.hpp"
#include "softmax_row.hpp"
#include "turn.hpp"

namespace lossmith {

constexpr std::int64_t narrow_classes = 64;
// Columns summed in T before the sum goes on in double.
constexpr std::int64_t narrow_block = 8;

// A few rows, turned: column c of all of them is one Lanes<T>.
template <typename T> struct Tile {
  static constexpr std::int64_t width = lane_count<T>;
  std::int64_t first = 0, count = 0; // the rows, count <= width; lanes behind them hold zeros
  bool kept[width];
  bool full; // every lane holds a row that is kept
  T cells[narrow_classes * width];
  T flat[narrow_classes * width]; // the rows as they lie in memory, where that is in half precision

  T *column(std::int64_t c) { return cells + c * width; }
};

template <typename Storage>
LOSSMITH_INLINE void place_rows(const Job<Storage> &job, std::int64_t end, Tile<Compute<Storage>> &tile) {
  tile.count = std::min(tile.width, end - tile.first);
  tile.full = tile.count == tile.width;
  for (std::int64_t k = 0; k < tile.width; ++k) {
    tile.kept[k] = k < tile.count && job.kept(tile.first + k);
    tile.full = tile.full && tile.kept[k];
  }
}

// The rows of a full tile lie one after the other, width * classes elements: whole lanes of them.
template <typename Storage>
LOSSMITH_INLINE const Compute<Storage> *computed(const Storage *logits, std::int64_t count, Compute<Storage> *flat) {
  if constexpr (sizeof(Storage) == 2) {
    for (std::int64_t k = 0; k < count; k += lane_count<float>) store<float>(flat + k, load_from(logits + k));
    return flat;
  } else {
    return logits;
  }
}

// Rows that are left out count as zeros: harmless to compute on, and never read. The full tile has its own way, because
// turning rows number by number is a third of all the work.
template <typename Storage>
LOSSMITH_INLINE void read_rows(const Job<Storage> &job, Tile<Compute<Storage>> &tile) {
  using T = Compute<Storage>;
  const std::int64_t classes = job.classes;
  const Storage *logits = job.logits + tile.first * classes;
  if (tile.full) {
    const T *rows = computed(logits, tile.width * classes, tile.flat);
    turn(rows, classes, tile.width, classes, tile.cells, tile.width);
    return;
  }
  for (std::int64_t k = 0; k < tile.width; ++k)
    for (std::int64_t c = 0; c < classes; ++c)
      tile.column(c)[k] = tile.kept[k] ? value_of(logits[k * classes + c]) : T(0);
}

template <typename Storage>
LOSSMITH_INLINE void write_rows(const Job<Storage> &job, Tile<Compute<Storage>> &tile,
                                const Compute<Storage> *at_label) {
  using T = Compute<Storage>;
  const std::int64_t classes = job.classes;
  Storage *gradient = job.gradient + tile.first * classes;
  for (std::int64_t k = 0; k < tile.count; ++k)
    if (tile.kept[k]) tile.column(job.labels[tile.first + k])[k] = at_label[k];
  if (tile.full) {
    T *rows = tile.flat;
    if constexpr (sizeof(Storage) != 2) rows = gradient;
    turn(tile.cells, tile.width, classes, tile.width, rows, classes);
    if constexpr (sizeof(Storage) == 2)
      for (std::int64_t k = 0; k < tile.width * classes; k += tile.width) store_to(gradient + k, load(rows + k));
    return;
  }
  for (std::int64_t k = 0; k < tile.count; ++k)
    for (std::int64_t c = 0; c < classes; ++c)
      gradient[k * classes + c] = tile.kept[k] ? element_of<Storage>(tile.column(c)[k]) : Storage{};
}

// sums[k] = sum of term(c) over all columns, for each lane k.
template <typename T, typename Term>
LOSSMITH_INLINE void sum_columns(std::int64_t classes, Term &&term, double *sums) {
  std::fill_n(sums, lane_count<T>, 0.0);
  for (std::int64_t begin = 0; begin < classes; begin += narrow_block) {
    const std::int64_t end = std::min(classes, begin + narrow_block);
    Lanes<T> partial{};
    for (std::int64_t c = begin; c < end; ++c) partial += term(c);
    T each[lane_count<T>];
    store<T>(each, partial);
    for (std::int64_t k = 0; k < lane_count<T>; ++k) sums[k] += static_cast<double>(each[k]);
  }
}

// RowSums for all lanes of a tile of T: arrays, because there may be more lanes of T than of double.
template <typename T> struct TileSums {
  static constexpr std::int64_t width = lane_count<T>;
  double max[width], label_distance[width], label_exp[width], other_exp[width], smoothing_distance[width];
  double label_class_weight[width], scale[width];

  LOSSMITH_INLINE RowSums rows(std::int64_t k) const {
    return {load(max + k),
            load(label_distance + k),
            load(label_exp + k),
            load(other_exp + k),
            load(smoothing_distance + k),
            load(label_class_weight + k),
            load(scale + k)};
  }
};

// Logits -> exps, in place, the label's set aside and replaced by 0.
template <typename Storage>
LOSSMITH_INLINE void sum_rows(const Job<Storage> &job, Tile<Compute<Storage>> &tile, TileSums<Compute<Storage>> &sums) {
  using T = Compute<Storage>;
  Lanes<T> max = load(tile.column(0));
  for (std::int64_t c = 1; c < job.classes; ++c) max = larger<T>(max, load(tile.column(c)));

  std::fill_n(sums.smoothing_distance, tile.width, 0.0);
  const auto distance = [&](std::int64_t c) LOSSMITH_INLINED {
    const T weight = static_cast<T>(job.weight(c));
    return weight != T(0) ? weight * (max - load(tile.column(c))) : Lanes<T>{};
  };
  if (job.smoothing_share != 0.0) sum_columns<T>(job.classes, distance, sums.smoothing_distance);

  T max_logits[lane_count<T>], label_logits[lane_count<T>];
  store<T>(max_logits, max);
  for (std::int64_t k = 0; k < tile.width; ++k)
    label_logits[k] = tile.kept[k] ? tile.column(job.labels[tile.first + k])[k] : T(0);

  for (std::int64_t c = 0; c < job.classes; ++c)
    store<T>(tile.column(c), exp_nonpositive<T>(load(tile.column(c)) - max));

  for (std::int64_t k = 0; k < tile.width; ++k) {
    const std::int64_t row = tile.first + k, label = tile.kept[k] ? job.labels[row] : 0;
    sums.max[k] = static_cast<double>(max_logits[k]);
    sums.label_distance[k] = sums.max[k] - static_cast<double>(label_logits[k]);
    sums.label_exp[k] = static_cast<double>(tile.column(label)[k]);
    sums.label_class_weight[k] = tile.kept[k] ? job.weight(label) : 0.0;
    sums.scale[k] = tile.kept[k] ? job.row_scale(row) : 0.0;
    tile.column(label)[k] = T(0);
  }
  sum_columns<T>(job.classes, [&](std::int64_t c) LOSSMITH_INLINED { return load(tile.column(c)); }, sums.other_exp);
}

// Returns the sum of the values.
template <typename Storage>
LOSSMITH_INLINE double narrow_tile(const Job<Storage> &job, Tile<Compute<Storage>> &tile) {
  using T = Compute<Storage>;
  constexpr std::int64_t width = lane_count<T>;
  read_rows(job, tile);
  TileSums<T> sums;
  sum_rows(job, tile, sums);

  double value[width], log_sum_exp[width];
  T slope[width], offset[width], at_label[width];
  for (std::int64_t k = 0; k < width; k += lane_count<double>) {
    const RowResult result = finish_rows(job, sums.rows(k));
    store<double>(value + k, result.value);
    store<double>(log_sum_exp + k, result.log_sum_exp);
    store_rounded(slope + k, result.slope);
    store_rounded(offset + k, result.offset);
    store_rounded(at_label + k, result.at_label);
  }
  double total = 0.0;
  for (std::int64_t k = 0; k < tile.count; ++k) {
    const double kept_value = tile.kept[k] ? value[k] : 0.0;
    total += kept_value;
    if (job.values != nullptr) job.values[tile.first + k] = static_cast<T>(kept_value);
    if (job.log_sum_exp != nullptr && tile.kept[k]) job.log_sum_exp[tile.first + k] = log_sum_exp[k];
  }
  if (job.gradient == nullptr) return total;

  for (std::int64_t c = 0; c < job.classes; ++c) {
    const T weight = static_cast<T>(job.weight(c));
    store<T>(tile.column(c), load(tile.column(c)) * load(slope) - weight * load(offset));
  }
  write_rows(job, tile, at_label);
  return total;
}

template <typename Storage>
LOSSMITH_INLINE double narrow_rows(const Job<Storage> &job, std::int64_t begin, std::int64_t end) {
  Tile<Compute<Storage>> tile;
  double total = 0.0;
  for (tile.first = begin; tile.first < end; tile.first += tile.width) {
    place_rows(job, end, tile);
    total += narrow_tile(job, tile);
  }
  return total;
}

} // namespace lossmith
