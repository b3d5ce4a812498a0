// Softmax cross-entropy for rows of many classes: one row after the other, lanes along its columns.
#pragma once

#include <algorithm>
#include <cstdint>

#include "lanes.hpp"
#include "lanes_math.hpp"
#include "softmax_row.hpp"

namespace lossmith {

// Columns whose exp is summed in T before the sum goes on in double; a block stays in the L1 cache. The last block of a
// row also takes what does not fill another one, so no block is shorter than the lanes.
constexpr std::int64_t wide_block = 1024;

// In the loops below the columns that do not fill all lanes are reached by going back to the last full Lanes of the
// block; what that repeats is either harmless or cut away by keep_last.

template <typename T> LOSSMITH_INLINE T row_max(const T *logits, std::int64_t count) {
  constexpr std::int64_t width = lane_count<T>;
  Lanes<T> best[4];
  for (auto &lanes : best) lanes = load(logits + count - width);
  std::int64_t c = 0;
  for (; c + 4 * width <= count; c += 4 * width)
    for (int k = 0; k < 4; ++k) best[k] = larger<T>(best[k], load(logits + c + k * width));
  for (; c + width <= count; c += width) best[0] = larger<T>(best[0], load(logits + c));
  return max_across<T>(larger<T>(larger<T>(best[0], best[1]), larger<T>(best[2], best[3])));
}

// The exp is bound by arithmetic and leaves the memory idle: time to fetch the same columns of the next row, `ahead`
// elements further on.
template <typename T>
LOSSMITH_INLINE void exp_block(const T *logits, T max, T *exps, std::int64_t count, std::int64_t ahead) {
  constexpr std::int64_t width = lane_count<T>;
  for (std::int64_t c = 0; c + width <= count; c += width) {
    prefetch(logits + c + ahead);
    store<T>(exps + c, exp_nonpositive<T>(load(logits + c) - max));
  }
  store<T>(exps + count - width, exp_nonpositive<T>(load(logits + count - width) - max));
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

template <typename T> LOSSMITH_INLINE double sum_exps(const T *exps, std::int64_t count) {
  return sum_block<T>(count, [&](std::int64_t c) { return load(exps + c); });
}

// Sum of w_c (max - z_c) over a block; without weights each is 1.
template <typename T>
LOSSMITH_INLINE double sum_distances(const T *logits, T max, const T *weights, std::int64_t count) {
  return sum_block<T>(count, [&](std::int64_t c) {
    const Lanes<T> weight = weights == nullptr ? broadcast(T(1)) : load(weights + c);
    return weight != T(0) ? weight * (max - load(logits + c)) : Lanes<T>{};
  });
}

// The exps of a row become its gradient, all but the label's.
template <typename T>
LOSSMITH_INLINE void scale_exps(T *row, const T *weights, T slope, T offset, std::int64_t count) {
  if (weights == nullptr)
    for (std::int64_t c = 0; c < count; ++c) row[c] = row[c] * slope - offset;
  else
    for (std::int64_t c = 0; c < count; ++c) row[c] = row[c] * slope - weights[c] * offset;
}

// First lane: wide rows come one at a time.
LOSSMITH_INLINE double first(Lanes<double> lanes) {
  double each[lane_count<double>];
  store<double>(each, lanes);
  return each[0];
}

template <typename T> LOSSMITH_INLINE void wide_row(const Job<T> &job, std::int64_t row) {
  const std::int64_t classes = job.classes, label = job.labels[row];
  const T *logits = job.logits + row * classes;
  T *gradient = job.gradient == nullptr ? nullptr : job.gradient + row * classes;
  const T max = row_max(logits, classes);

  // Beyond the last row lies no array, and fetching from nowhere is slow.
  const std::int64_t ahead = row + 1 < job.rows ? classes : 0;
  T scratch[2 * wide_block];
  double label_exp = 0.0, other_exp = 0.0, smoothing_distance = 0.0;
  for (std::int64_t begin = 0, count; begin < classes; begin += count) {
    count = classes - begin < 2 * wide_block ? classes - begin : wide_block;
    T *exps = gradient == nullptr ? scratch : gradient + begin;
    exp_block(logits + begin, max, exps, count, ahead);
    if (label >= begin && label < begin + count) {
      label_exp = static_cast<double>(exps[label - begin]);
      exps[label - begin] = T(0);
    }
    other_exp += sum_exps(exps, count);
    if (job.smoothing_share != 0.0) {
      const T *weights = job.class_weight == nullptr ? nullptr : job.class_weight + begin;
      smoothing_distance += sum_distances(logits + begin, max, weights, count);
    }
  }

  RowSums sums;
  sums.label_distance = broadcast(static_cast<double>(max) - static_cast<double>(logits[label]));
  sums.label_exp = broadcast(label_exp);
  sums.other_exp = broadcast(other_exp);
  sums.smoothing_distance = broadcast(smoothing_distance);
  sums.label_class_weight = broadcast(job.weight(label));
  sums.scale = broadcast(job.row_scale(row));
  const RowResult result = finish_rows(job, sums);
  job.values[row] = static_cast<T>(first(result.value));
  if (gradient == nullptr) return;
  const T slope = static_cast<T>(first(result.slope)), offset = static_cast<T>(first(result.offset));
  scale_exps(gradient, job.class_weight, slope, offset, classes);
  gradient[label] = static_cast<T>(first(result.at_label));
}

template <typename T> LOSSMITH_INLINE void wide_rows(const Job<T> &job, std::int64_t begin, std::int64_t end) {
  for (std::int64_t row = begin; row < end; ++row) {
    if (job.kept(row)) {
      wide_row(job, row);
      continue;
    }
    job.values[row] = T(0);
    if (job.gradient != nullptr) std::fill_n(job.gradient + row * job.classes, job.classes, T(0));
  }
}

} // namespace lossmith
