// Softmax cross-entropy for rows of many classes: one row after the other, lanes along its columns.
//
// A row is cut into blocks that stay in the L1 cache: the block's maximum, its exps relative to that, their sum. Once
// the row's maximum is known, one factor per block makes all exps comparable, so the logits are fetched from memory
// once. The exps wait in a scratch row, and go out as the gradient while the exps of the next row are computed: one
// keeps the arithmetic busy, the other the memory.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "half.hpp"
#include "lanes.hpp"
#include "lanes_math.hpp"
#include "softmax_row.hpp"
#include "stream.hpp"

namespace lossmith {

// Columns whose exp is summed in T before the sum goes on in double. The last block of a row also takes what does not
// fill another one, so no block is shorter than the lanes.
constexpr std::int64_t wide_block = 1024;

// Rows of more columns have no scratch row; their exps are computed twice.
constexpr std::int64_t scratch_columns = 1 << 18;
constexpr std::int64_t scratch_blocks = scratch_columns / wide_block;
// What the lanes of a line may read beyond a row.
constexpr std::int64_t scratch_padding = 64;

LOSSMITH_INLINE std::int64_t blocks_of(std::int64_t classes) { return std::max<std::int64_t>(classes / wide_block, 1); }
LOSSMITH_INLINE std::int64_t block_begin(std::int64_t block) { return block * wide_block; }
LOSSMITH_INLINE std::int64_t block_end(std::int64_t block, std::int64_t classes) {
  return block + 1 < blocks_of(classes) ? (block + 1) * wide_block : classes;
}
LOSSMITH_INLINE std::int64_t block_at(std::int64_t column, std::int64_t classes) {
  return std::min(column / wide_block, blocks_of(classes) - 1);
}

// In the loops below the columns that do not fill all lanes are reached by going back to the last full Lanes of the
// block; what that repeats is either harmless or cut away by keep_last.

template <typename Storage>
LOSSMITH_INLINE Compute<Storage> block_max(const Storage *logits, std::int64_t count) {
  using T = Compute<Storage>;
  constexpr std::int64_t width = lane_count<T>;
  Lanes<T> best[4];
  for (auto &lanes : best) lanes = load_from(logits + count - width);
  std::int64_t c = 0;
  for (; c + 4 * width <= count; c += 4 * width)
    for (int k = 0; k < 4; ++k) best[k] = larger<T>(best[k], load_from(logits + c + k * width));
  for (; c + width <= count; c += width) best[0] = larger<T>(best[0], load_from(logits + c));
  return max_across<T>(larger<T>(larger<T>(best[0], best[1]), larger<T>(best[2], best[3])));
}

// The columns `ahead` elements further on are fetched meanwhile. `step` is called once for each line of columns, before
// its exps are written, and `rest` before the columns that fill no line.
template <typename Storage, typename Step, typename Rest>
LOSSMITH_INLINE void exp_block(const Storage *logits, Compute<Storage> reference, Compute<Storage> *exps,
                               std::int64_t count, std::int64_t ahead, Step &&step, Rest &&rest) {
  using T = Compute<Storage>;
  constexpr std::int64_t width = lane_count<T>, line = line_size<Storage>;
  const auto exp_at = [&](std::int64_t c) LOSSMITH_INLINED {
    store<T>(exps + c, exp_nonpositive<T>(load_from(logits + c) - reference));
  };
  std::int64_t c = 0;
  for (; c + line <= count; c += line) {
    prefetch(logits + c + ahead);
    step();
    for (std::int64_t k = 0; k < line; k += width) exp_at(c + k);
  }
  if (c == count) return;
  rest();
  for (; c + width <= count; c += width) exp_at(c);
  exp_at(count - width);
}

// Sum of at(c), which gives the lanes that start at column c. 256 bytes of partial sums, whatever the lanes: each is
// short, and so exact, and element k always goes to the same one.
template <typename T, typename At> LOSSMITH_INLINE double sum_block(std::int64_t count, At &&at) {
  constexpr std::int64_t width = lane_count<T>, partials = 256 / sizeof(Lanes<T>);
  Lanes<T> partial[partials] = {};
  std::int64_t c = 0;
  for (; c + partials * width <= count; c += partials * width)
    for (std::int64_t k = 0; k < partials; ++k) partial[k] += at(c + k * width);
  for (std::int64_t k = 0; k < partials; ++k) {
    if (c + width > count) break;
    partial[k] += at(c);
    c += width;
  }
  partial[partials - 1] += keep_last<T>(at(count - width), count - c);
  for (std::int64_t half = partials / 2; half > 0; half /= 2)
    for (std::int64_t k = 0; k < half; ++k) partial[k] += partial[k + half];
  return sum_across<T>(partial[0]);
}

// First lane: wide rows come one at a time.
LOSSMITH_INLINE double first(Lanes<double> lanes) {
  double each[lane_count<double>];
  store<double>(each, lanes);
  return each[0];
}

// Blocks of one row, as they are added up.
template <typename T> struct BlockSums {
  T max = -infinity<T>;        // of the block
  double other_exp = 0.0;      // sum of exp(z_c - max), without the label's
  double distance = 0.0;       // sum of w_c (max - z_c) over w_c != 0; 0 without smoothing
  double weight = 0.0;         // sum of w_c; 0 without smoothing
};

// Exps of one block, all but the label's, which becomes 0 and is returned in *label_exp if it is in this block.
template <typename Storage, typename Step, typename Rest>
LOSSMITH_INLINE BlockSums<Compute<Storage>>
sum_columns_of(const Job<Storage> &job, const Storage *logits, std::int64_t begin, std::int64_t end, std::int64_t label,
               std::int64_t ahead, Compute<Storage> *exps, double *label_exp, Step &&step, Rest &&rest) {
  using T = Compute<Storage>;
  const std::int64_t count = end - begin;
  logits += begin;
  BlockSums<T> sums;
  sums.max = block_max(logits, count);
  // A block of -inf has exps 0 and not NaN: the row may have other blocks.
  const bool empty = sums.max == -infinity<T>;
  exp_block(logits, empty ? T(0) : sums.max, exps, count, ahead, step, rest);
  if (label >= begin && label < end) {
    *label_exp = static_cast<double>(exps[label - begin]);
    exps[label - begin] = T(0);
  }
  sums.other_exp = sum_block<T>(count, [&](std::int64_t c) LOSSMITH_INLINED { return load(exps + c); });
  if (job.smoothing_share == 0.0) return sums;

  const T *weights = job.class_weight == nullptr ? nullptr : job.class_weight + begin;
  sums.weight = weights == nullptr ? static_cast<double>(count)
                                   : sum_block<T>(count, [&](std::int64_t c) LOSSMITH_INLINED { return load(weights + c); });
  if (empty) return sums;
  sums.distance = sum_block<T>(count, [&](std::int64_t c) LOSSMITH_INLINED {
    const Lanes<T> weight = weights == nullptr ? broadcast(T(1)) : load(weights + c);
    return weight != T(0) ? weight * (sums.max - load_from(logits + c)) : Lanes<T>{};
  });
  return sums;
}

// What is left of a row when its blocks are done: the way from exps to gradient.
template <typename T> struct RowSlopes {
  double value = 0.0;
  T offset = T(0), at_label = T(0);
  bool finite = true; // the slopes and the offset
};

// Sums over blocks into the row's result; slopes[b] becomes what the exps of block b are to be multiplied with.
// `factors` has room for a Lanes<T> more than there are blocks.
template <typename Storage>
LOSSMITH_INLINE RowSlopes<Compute<Storage>> finish_row(const Job<Storage> &job, std::int64_t row, std::int64_t blocks,
                                                       const BlockSums<Compute<Storage>> *sums, double label_exp,
                                                       Compute<Storage> *slopes) {
  using T = Compute<Storage>;
  const std::int64_t label = job.labels[row];
  T max = sums[0].max;
  for (std::int64_t b = 1; b < blocks; ++b) max = sums[b].max > max ? sums[b].max : max;
  // A row of -inf, or one that holds +inf, comes out as NaN here.
  for (std::int64_t b = 0; b < blocks; b += lane_count<T>) {
    T distances[lane_count<T>] = {};
    for (std::int64_t k = 0; k < std::min(lane_count<T>, blocks - b); ++k) distances[k] = sums[b + k].max - max;
    store<T>(slopes + b, exp_nonpositive<T>(load(distances)));
  }
  double other_exp = 0.0, distance = 0.0;
  for (std::int64_t b = 0; b < blocks; ++b) {
    other_exp += sums[b].other_exp * static_cast<double>(slopes[b]);
    if (sums[b].weight != 0.0)
      distance += sums[b].distance + sums[b].weight * (static_cast<double>(max) - static_cast<double>(sums[b].max));
  }
  const double label_factor = static_cast<double>(slopes[block_at(label, job.classes)]);
  const T label_logit = value_of(job.logits[row * job.classes + label]);

  RowSums all;
  all.max = broadcast(static_cast<double>(max));
  all.label_distance = broadcast(static_cast<double>(max) - static_cast<double>(label_logit));
  all.label_exp = broadcast(label_exp * label_factor);
  all.other_exp = broadcast(other_exp);
  all.smoothing_distance = broadcast(distance);
  all.label_class_weight = broadcast(job.weight(label));
  all.scale = broadcast(job.row_scale(row));
  const RowResult result = finish_rows(job, all);
  if (job.log_sum_exp != nullptr) job.log_sum_exp[row] = first(result.log_sum_exp);
  const double slope = first(result.slope);
  for (std::int64_t b = 0; b < blocks; ++b) slopes[b] = static_cast<T>(slope * static_cast<double>(slopes[b]));
  const T offset = static_cast<T>(first(result.offset));
  const bool finite = std::isfinite(static_cast<T>(slope)) && std::isfinite(offset); // no block's factor is above 1
  return {first(result.value), offset, static_cast<T>(first(result.at_label)), finite};
}

// A row whose exps are known, as its gradient: the source of a RowStream. An exp is NaN only where all slopes are, so
// lines of half precision, whose rounding takes longer where NaN may be, are plain in rows of finite slopes alone.
template <typename Storage, bool weighted> struct GradientRow {
  using T = Compute<Storage>;
  static constexpr bool numbers = sizeof(Storage) == 2 && !weighted;
  const T *exps, *weights, *slopes;
  std::int64_t classes, label; // no label: -1
  T offset, at_label;
  bool finite = true;
  T slope = T(0); // of the block of the lines that are plain
  std::int64_t plain_until = 0;

  LOSSMITH_INLINE Lanes<T> formula(Lanes<T> exp, Lanes<T> slope_of, [[maybe_unused]] const T *weight) const {
    if constexpr (weighted) {
      Lanes<T> pull = load(weight) * offset;
      hide(pull);
      return exp * slope_of - pull;
    } else {
      return exp * slope_of - offset;
    }
  }
  LOSSMITH_INLINE Lanes<T> lanes(std::int64_t begin) const {
    return formula(load(exps + begin), broadcast(slope), weighted ? weights + begin : nullptr);
  }

  LOSSMITH_INLINE void start(std::int64_t column) {
    const std::int64_t block = block_at(std::min(column, classes - 1), classes);
    slope = slopes[block];
    const std::int64_t end = block_end(block, classes);
    plain_until = (label >= column ? std::min(label, end) : end) - line_size<Storage> + 1;
    if (numbers && !finite) plain_until = 0;
  }

  LOSSMITH_INLINE void piece(std::int64_t begin, std::int64_t count, Storage *elements) const {
    constexpr std::int64_t width = lane_count<T>, line = line_size<Storage>;
    Storage whole[line];
    const std::int64_t block = block_at(begin, classes);
    if (begin + line <= block_end(block, classes) || (!weighted && block + 1 == blocks_of(classes))) {
      for (std::int64_t k = 0; k < line; k += width) {
        const T *weight = weighted ? weights + begin + k : nullptr;
        store_to(whole + k, formula(load(exps + begin + k), broadcast(slopes[block]), weight));
      }
    } else {
      T exp[line] = {}, slope_of[line] = {}, weight[line] = {};
      for (std::int64_t k = 0; k < count; ++k) {
        exp[k] = exps[begin + k];
        slope_of[k] = slopes[block_at(begin + k, classes)];
        if (weighted) weight[k] = weights[begin + k];
      }
      for (std::int64_t k = 0; k < line; k += width)
        store_to(whole + k, formula(load(exp + k), load(slope_of + k), weight + k));
    }
    if (label >= begin && label < begin + count) whole[label - begin] = element_of<Storage>(at_label);
    std::copy_n(whole, count, elements);
  }
};

// Fetching from beyond the last row, where there is no array, is slow.
template <typename Storage>
LOSSMITH_INLINE std::int64_t ahead_of(const Job<Storage> &job, std::int64_t row, std::int64_t begin, std::int64_t end) {
  const std::int64_t left = (job.rows - row) * job.classes - end;
  return left >= end - begin ? end - begin : 0;
}

// Rows [begin, end) of up to scratch_columns, with gradient. `exps` holds classes + scratch_padding elements. Returns
// the sum of the values.
template <bool weighted, typename Storage>
LOSSMITH_INLINE double wide_rows(const Job<Storage> &job, std::int64_t begin, std::int64_t end, bool streaming,
                                 Compute<Storage> *exps) {
  using T = Compute<Storage>;
  const std::int64_t classes = job.classes, blocks = blocks_of(classes);
  BlockSums<T> sums[scratch_blocks];
  T slopes[scratch_blocks + lane_count<T>];
  GradientRow<Storage, weighted> waiting{exps, job.class_weight, slopes, classes, -1, T(0), T(0)};
  RowStream<Storage> stream(job.gradient + begin * classes, streaming);
  const auto step = [&]() LOSSMITH_INLINED {
    if (stream.more()) stream.next(waiting);
  };
  const auto rest = [&]() LOSSMITH_INLINED {
    while (stream.more()) stream.next(waiting);
  };

  double total = 0.0;
  for (std::int64_t row = begin; row <= end; ++row) {
    if (row > begin) stream.begin_row(waiting, classes);
    const bool kept = row < end && job.kept(row);
    double label_exp = 0.0;
    if (kept) {
      const Storage *logits = job.logits + row * classes;
      for (std::int64_t b = 0; b < blocks; ++b) {
        const std::int64_t from = block_begin(b), to = block_end(b, classes);
        sums[b] = sum_columns_of(job, logits, from, to, job.labels[row], ahead_of(job, row, from, to), exps + from,
                                 &label_exp, step, rest);
      }
    }
    rest();
    if (row > begin) stream.end_row();
    if (row == end) break;

    if (kept) {
      const RowSlopes<T> result = finish_row(job, row, blocks, sums, label_exp, slopes);
      total += result.value;
      if (job.values != nullptr) job.values[row] = static_cast<T>(result.value);
      waiting.label = job.labels[row];
      waiting.offset = result.offset;
      waiting.at_label = result.at_label;
      waiting.finite = result.finite;
    } else {
      if (job.values != nullptr) job.values[row] = T(0);
      std::fill_n(exps, classes, T(0));
      std::fill_n(slopes, blocks, T(0));
      waiting.label = -1;
      waiting.offset = T(0);
      waiting.finite = true;
    }
  }
  stream.end();
  return total;
}

// The same without a scratch row: for rows of any length, and for values alone. `sums` and `slopes` have room for the
// blocks of a row and a Lanes<T> more.
template <typename Storage>
LOSSMITH_INLINE double long_rows(const Job<Storage> &job, std::int64_t begin, std::int64_t end,
                                 BlockSums<Compute<Storage>> *sums, Compute<Storage> *slopes) {
  using T = Compute<Storage>;
  constexpr std::int64_t width = lane_count<T>;
  const std::int64_t classes = job.classes, blocks = blocks_of(classes);
  const auto nothing = []() LOSSMITH_INLINED {};
  T exps[2 * wide_block];

  double total = 0.0;
  for (std::int64_t row = begin; row < end; ++row) {
    const Storage *logits = job.logits + row * classes;
    Storage *gradient = job.gradient == nullptr ? nullptr : job.gradient + row * classes;
    if (!job.kept(row)) {
      if (job.values != nullptr) job.values[row] = T(0);
      if (gradient != nullptr) std::fill_n(gradient, classes, Storage{});
      continue;
    }
    const std::int64_t label = job.labels[row];
    double label_exp = 0.0;
    for (std::int64_t b = 0; b < blocks; ++b) {
      const std::int64_t from = block_begin(b), to = block_end(b, classes);
      sums[b] = sum_columns_of(job, logits, from, to, label, ahead_of(job, row, from, to), exps, &label_exp, nothing,
                               nothing);
    }
    const RowSlopes<T> result = finish_row(job, row, blocks, sums, label_exp, slopes);
    total += result.value;
    if (job.values != nullptr) job.values[row] = static_cast<T>(result.value);
    if (gradient == nullptr) continue;

    for (std::int64_t b = 0; b < blocks; ++b) {
      const std::int64_t from = block_begin(b), count = block_end(b, classes) - from;
      const T reference = sums[b].max == -infinity<T> ? T(0) : sums[b].max;
      exp_block(logits + from, reference, exps, count, ahead_of(job, row, from, from + count), nothing, nothing);
      const auto write = [&](std::int64_t c) LOSSMITH_INLINED {
        const Lanes<T> pull = job.class_weight == nullptr ? broadcast(result.offset)
                                                          : load(job.class_weight + from + c) * result.offset;
        store_to(gradient + from + c, load(exps + c) * slopes[b] - pull);
      };
      for (std::int64_t c = 0; c + width <= count; c += width) write(c);
      write(count - width);
    }
    gradient[label] = element_of<Storage>(result.at_label);
  }
  return total;
}

} // namespace lossmith
