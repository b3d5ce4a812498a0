// The usual numbers of whole arrays and nothing else, in one pass on all threads: confusion counts, and losses with
// calibration bins. Arrays are read in their own types; nothing of their size is written.
//
// Counts and the sums of calibration bins are whole numbers, those of the states (lossmith/evaluation/states). The other
// sums are of doubles, made per chunk of rows and added in the order of the chunks: their bits do not depend on the number
// of threads, but on the order of the rows.
//
// The loss of a probability is no sum of logarithms but the logarithm of a product, taken once per chunk: the product's
// exponent is a whole number and exact, and each factor costs at most a rounding, 2^-53 of the loss of its row.
#pragma once

#include <cstdint>
#include <vector>

#include "evaluation_rows.hpp"
#include "evaluation_whole.hpp"

namespace lossmith {

constexpr std::int64_t most_direct_bins = 128, most_direct_classes = 4096;

struct BinaryNumbers {
  std::int64_t cells[4] = {};
  double loss = 0;                  // sum
  WideSum squared = {};             // in units of 2^share_unit
  std::vector<std::int64_t> rows;   // (bins, 2): by target
  std::vector<WideSum> probability; // (bins, 2): in units of 2^probability_unit
};

// Fills in the four counts by 2 * target + (score > threshold); false where a row is odd, see above.
bool count_binary(const Exec &exec, ColumnData score, ColumnData target, std::int64_t count, double threshold,
                  std::int64_t *cells);

// Fills in `numbers`, whose bins (most_direct_bins or fewer) are made and 0; false where a row is odd. May throw std::bad_alloc.
bool binary_numbers(const Exec &exec, ColumnData score, ColumnData target, std::int64_t count, bool logits,
                    BinaryNumbers &numbers);

struct ClassNumbers {
  double loss = 0, squared = 0;   // sums; `squared` of distances from the one-hot row
  std::vector<std::int64_t> cells; // (classes, classes): rows are true
  std::vector<std::int64_t> rows;  // (bins, 2): by whether the answer is right
  std::vector<WideSum> confidence; // (bins, 2): in units of 2^probability_unit
};

// Scores are (count, classes). Fills in `numbers`, whose vectors are made and 0 (most_direct_bins and
// most_direct_classes or fewer); false where a row is odd. May throw std::bad_alloc.
bool class_numbers(const Exec &exec, ColumnData score, ColumnData target, std::int64_t count, std::int64_t classes,
                   bool logits, ClassNumbers &numbers);

// Sums over all rows, and mean and spread of the targets; both columns are f32 or f64. What is not finite makes sums that
// are not. May throw std::bad_alloc.
DirectValues value_numbers(const Exec &exec, ColumnData prediction, ColumnData target, std::int64_t count);

} // namespace lossmith
