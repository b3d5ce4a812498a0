// Softmax cross-entropy for rows of few classes: as many rows at once as there are lanes, one row in each.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "half.hpp"
#include "lanes.hpp"
#include "lanes_math.hpp"
#include "softmax_row.hpp"
#include "turn.hpp"
#include "wide_lanes.hpp"

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
  T label[width];               // of each row, 0 where it is not kept
  std::int32_t label_at[width]; // where in cells the row has its label's class
  T cells[narrow_classes * width];
  T flat[narrow_classes * width]; // the rows as they lie in memory, where that is in half precision

  T *column(std::int64_t c) { return cells + c * width; }
  // What each row has at its label, put together in registers; see wide_lanes.hpp.
  template <std::size_t... k> LOSSMITH_INLINE Lanes<T> at_labels(std::index_sequence<k...>) const {
    return Lanes<T>{cells[label_at[k]]...};
  }
  LOSSMITH_INLINE Lanes<T> at_labels() const { return at_labels(std::make_index_sequence<width>()); }
};

// Whether the tile is full, found out for all its rows at once. False says nothing.
template <typename Storage>
LOSSMITH_INLINE bool all_kept(const Job<Storage> &job, const Tile<Compute<Storage>> &tile) {
  if (tile.count < tile.width || job.keep != nullptr) return false;
  const std::int64_t *labels = job.labels + tile.first;
  bool ignored = false;
  for (std::int64_t k = 0; k < tile.width; ++k) ignored |= labels[k] == job.ignored;
  return !(job.ignores && ignored);
}

template <typename Storage>
LOSSMITH_INLINE void place_rows(const Job<Storage> &job, std::int64_t end, Tile<Compute<Storage>> &tile) {
  using T = Compute<Storage>;
  tile.count = std::min(tile.width, end - tile.first);
  std::int32_t labels[lane_count<T>];
  tile.full = all_kept(job, tile);
  if (tile.full) {
    for (std::int64_t k = 0; k < tile.width; ++k) labels[k] = static_cast<std::int32_t>(job.labels[tile.first + k]);
    std::fill_n(tile.kept, tile.width, true);
  } else {
    tile.full = tile.count == tile.width;
    for (std::int64_t k = 0; k < tile.width; ++k) {
      tile.kept[k] = k < tile.count && job.kept(tile.first + k);
      tile.full = tile.full && tile.kept[k];
      labels[k] = tile.kept[k] ? static_cast<std::int32_t>(job.labels[tile.first + k]) : 0;
    }
  }
  for (std::int64_t k = 0; k < tile.width; ++k) {
    tile.label[k] = static_cast<T>(labels[k]);
    tile.label_at[k] = labels[k] * static_cast<std::int32_t>(tile.width) + static_cast<std::int32_t>(k);
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
LOSSMITH_INLINE void write_columns(const Job<Storage> &job, Tile<Compute<Storage>> &tile, Storage *gradient) {
  using T = Compute<Storage>;
  const std::int64_t classes = job.classes;
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

// The labels' gradients are put where nothing reads them again soon: in the rows, not in the columns.
template <typename Storage>
LOSSMITH_INLINE void write_rows(const Job<Storage> &job, Tile<Compute<Storage>> &tile,
                                Lanes<Compute<Storage>> at_label) {
  Storage *gradient = job.gradient + tile.first * job.classes;
  write_columns(job, tile, gradient);
  Storage each[lane_count<Compute<Storage>>];
  store_to(each, at_label);
  const std::int64_t *labels = job.labels + tile.first;
  if (tile.full) {
    for (std::int64_t k = 0; k < tile.width; ++k) gradient[k * job.classes + labels[k]] = each[k];
    return;
  }
  for (std::int64_t k = 0; k < tile.count; ++k)
    if (tile.kept[k]) gradient[k * job.classes + labels[k]] = each[k];
}

// The sum of term(c) over all columns.
template <typename T, typename Term> LOSSMITH_INLINE Wide<T> sum_columns(std::int64_t classes, Term &&term) {
  Wide<T> sums{};
  for (std::int64_t begin = 0; begin < classes; begin += narrow_block) {
    const std::int64_t end = std::min(classes, begin + narrow_block);
    Lanes<T> partial{};
    for (std::int64_t c = begin; c < end; ++c) partial += term(c);
    const Wide<T> added = wide<T>(partial);
    for (std::int64_t k = 0; k < wide_parts<T>; ++k) sums.part[k] += added.part[k];
  }
  return sums;
}

// The same, as numbers of their own.
template <typename T, typename Term>
LOSSMITH_INLINE void sum_columns(std::int64_t classes, Term &&term, double *sums) {
  store_wide<T>(sums, sum_columns<T>(classes, term));
}

// What a row weighs: w_y, and what its gradient is multiplied with.
template <typename T> struct RowWeights {
  double label[lane_count<T>], scale[lane_count<T>];
};

template <typename Storage>
LOSSMITH_INLINE RowWeights<Compute<Storage>> weights_of(const Job<Storage> &job, const Tile<Compute<Storage>> &tile) {
  RowWeights<Compute<Storage>> weights;
  if (tile.full && job.class_weight == nullptr && job.scale == nullptr) {
    std::fill_n(weights.label, tile.width, 1.0);
    std::fill_n(weights.scale, tile.width, job.factor);
    return weights;
  }
  for (std::int64_t k = 0; k < tile.width; ++k) {
    const std::int64_t row = tile.first + k;
    weights.label[k] = tile.kept[k] ? job.weight(job.labels[row]) : 0.0;
    weights.scale[k] = tile.kept[k] ? job.row_scale(row) : 0.0;
  }
  return weights;
}

// RowSums for all lanes of a tile of T, in parts, because there may be more lanes of T than of double.
template <typename T> struct TileSums {
  Wide<T> max, label_logit, label_exp, other_exp, smoothing_distance;
  RowWeights<T> weights;

  LOSSMITH_INLINE RowSums rows(std::int64_t k) const {
    const std::int64_t at = k * lane_count<double>;
    return {max.part[k],
            max.part[k] - label_logit.part[k],
            label_exp.part[k],
            other_exp.part[k],
            smoothing_distance.part[k],
            load(weights.label + at),
            load(weights.scale + at)};
  }
};

// Logits -> exps, in place, the label's too.
template <typename Storage>
LOSSMITH_INLINE TileSums<Compute<Storage>> sum_rows(const Job<Storage> &job, Tile<Compute<Storage>> &tile) {
  using T = Compute<Storage>;
  const Lanes<T> label_logit = tile.at_labels(), label = load(tile.label);
  Lanes<T> max = load(tile.column(0));
  for (std::int64_t c = 1; c < job.classes; ++c) max = larger<T>(max, load(tile.column(c)));

  const auto distance = [&](std::int64_t c) LOSSMITH_INLINED {
    const T weight = static_cast<T>(job.weight(c));
    return weight != T(0) ? weight * (max - load(tile.column(c))) : Lanes<T>{};
  };
  const Wide<T> distances = job.smoothing_share != 0.0 ? sum_columns<T>(job.classes, distance) : Wide<T>{};

  Lanes<T> number{}; // of the column
  const auto other_exp = [&](std::int64_t c) LOSSMITH_INLINED {
    const Lanes<T> exp = exp_nonpositive<T>(load(tile.column(c)) - max);
    store<T>(tile.column(c), exp);
    const Lanes<T> other = label == number ? Lanes<T>{} : exp;
    number += T(1);
    return other;
  };
  const Wide<T> other_exps = sum_columns<T>(job.classes, other_exp);
  return {wide<T>(max), wide<T>(label_logit), wide<T>(tile.at_labels()), other_exps, distances, weights_of(job, tile)};
}

// Returns the sum of the values.
template <typename Storage>
LOSSMITH_INLINE double write_values(const Job<Storage> &job, const Tile<Compute<Storage>> &tile,
                                    const Wide<Compute<Storage>> &value, const Wide<Compute<Storage>> &log_sum_exp) {
  using T = Compute<Storage>;
  double values[lane_count<T>], log_sums[lane_count<T>], total = 0.0;
  store_wide<T>(values, value);
  if (tile.full) {
    for (std::int64_t k = 0; k < tile.width; ++k) total += values[k];
    if (job.values != nullptr) store<T>(job.values + tile.first, rounded<T>(value));
    if (job.log_sum_exp != nullptr) store_wide<T>(job.log_sum_exp + tile.first, log_sum_exp);
    return total;
  }
  store_wide<T>(log_sums, log_sum_exp);
  for (std::int64_t k = 0; k < tile.count; ++k) {
    const double kept_value = tile.kept[k] ? values[k] : 0.0;
    total += kept_value;
    if (job.values != nullptr) job.values[tile.first + k] = static_cast<T>(kept_value);
    if (job.log_sum_exp != nullptr && tile.kept[k]) job.log_sum_exp[tile.first + k] = log_sums[k];
  }
  return total;
}

// Returns the sum of the values.
template <typename Storage>
LOSSMITH_INLINE double narrow_tile(const Job<Storage> &job, Tile<Compute<Storage>> &tile) {
  using T = Compute<Storage>;
  read_rows(job, tile);
  const TileSums<T> sums = sum_rows(job, tile);

  Wide<T> value, log_sum_exp, wide_slope, wide_offset, at_label;
  for (std::int64_t k = 0; k < wide_parts<T>; ++k) {
    const RowResult result = finish_rows(job, sums.rows(k));
    value.part[k] = result.value;
    log_sum_exp.part[k] = result.log_sum_exp;
    wide_slope.part[k] = result.slope;
    wide_offset.part[k] = result.offset;
    at_label.part[k] = result.at_label;
  }
  const double total = write_values(job, tile, value, log_sum_exp);
  if (job.gradient == nullptr) return total;

  const Lanes<T> slope = rounded<T>(wide_slope), offset = rounded<T>(wide_offset);
  for (std::int64_t c = 0; c < job.classes; ++c) {
    const T weight = static_cast<T>(job.weight(c));
    store<T>(tile.column(c), load(tile.column(c)) * slope - weight * offset);
  }
  write_rows(job, tile, rounded<T>(at_label));
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
