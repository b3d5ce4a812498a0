// Kernels over whole arrays of predictions, on all threads: the area under the ROC curve from one sort, and counts of
// pairs of classes. What they return is whole numbers, so it does not depend on the number of threads.
#pragma once

#include <cstdint>

#include "evaluation_blocks.hpp"
#include "exec.hpp"

namespace lossmith {

// A column of `count` elements of one type.
struct ColumnData {
  const void *data;
  Column type;
};

// Pairs of a positive and a negative row, by twos: `twice_won` is 2 where the positive row has the higher score, and 1
// where both have the same. It has two words.
struct Pairs {
  std::int64_t positives = 0, negatives = 0;
  std::uint64_t twice_won[2] = {0, 0};
  std::int64_t bad = -1; // first row with a target that is not 0 or 1, or a score that is NaN
};

// Scores are f32 or f64, targets of any type. May throw std::bad_alloc.
Pairs count_pairs_in_order(const Exec &exec, ColumnData score, ColumnData target, std::int64_t count);

// Adds how often target[i] and predicted[i] are which to counts (classes, classes). Both are i8, i32 or i64; negative and
// large values are out of range: then the first such row is returned, and nothing is added. Else -1.
std::int64_t count_classes(const Exec &exec, ColumnData target, ColumnData predicted, std::int64_t count, std::int64_t classes,
                           std::int64_t *counts);

} // namespace lossmith
