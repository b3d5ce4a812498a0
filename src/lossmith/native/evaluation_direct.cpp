#include "evaluation_direct.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <mutex>

namespace lossmith {
namespace {

const void *row_of(ColumnData column, std::int64_t row) {
  const std::int64_t size = column.type == Column::i8 ? 1 : column.type == Column::f32 || column.type == Column::i32 ? 4 : 8;
  return static_cast<const char *>(column.data) + row * size;
}

DirectBinary chunk_of(ColumnData score, ColumnData target, std::int64_t begin, std::int64_t end) {
  DirectBinary rows;
  rows.score = row_of(score, begin), rows.score_type = score.type;
  rows.target = row_of(target, begin), rows.target_type = target.type;
  rows.count = end - begin;
  return rows;
}

// Rows of each bin, and sums of their probabilities, from words that hold both; each place has some copies.
void add_calibration(const std::uint64_t *words, std::size_t copies, std::vector<std::int64_t> &rows,
                     std::vector<WideSum> &probability) {
  for (std::size_t place = 0; place < rows.size(); ++place)
    for (std::size_t copy = 0; copy < copies; ++copy) {
      const std::uint64_t word = words[place * copies + copy];
      rows[place] += static_cast<std::int64_t>(word >> row_bits);
      probability[place].add(static_cast<std::int64_t>(word & ((std::uint64_t{1} << row_bits) - 1)));
    }
}

// What a chunk adds to the loss; the sum is taken in the order of the chunks.
struct LossOfChunk {
  Product answers;
  double linear;
};

// Minus the logarithm of the product of the answers; of logits the product is that of what the logarithms are taken of.
double loss_of(const std::vector<LossOfChunk> &chunks, bool logits) {
  constexpr double log_of_2 = 0.69314718055994530942;
  std::int64_t exponent = 0;
  double rest = 0, linear = 0;
  for (const LossOfChunk &chunk : chunks)
    exponent += chunk.answers.exponent, rest += std::log(chunk.answers.rest), linear += chunk.linear;
  const double of_product = static_cast<double>(exponent) * log_of_2 + rest;
  return logits ? linear + of_product : -of_product;
}

struct ThisFile {};

} // namespace

bool count_binary(const Exec &exec, ColumnData score, ColumnData target, std::int64_t count, double threshold,
                  std::int64_t *cells) {
  std::atomic<bool> odd{false};
  std::atomic<std::int64_t> total[4] = {};
  for_chunks(exec, count, direct_rows, [&](std::int64_t, std::int64_t begin, std::int64_t end) {
    if (odd.load(std::memory_order_relaxed)) return;
    DirectBinary rows = chunk_of(score, target, begin, end);
    rows.threshold = threshold;
    if (!block_table().confusion(rows)) odd.store(true, std::memory_order_relaxed);
    for (int k = 0; k < 4; ++k) total[k].fetch_add(rows.cells[k], std::memory_order_relaxed);
  });
  for (int k = 0; k < 4; ++k) cells[k] = total[k].load();
  return !odd.load();
}

bool binary_numbers(const Exec &exec, ColumnData score, ColumnData target, std::int64_t count, bool logits,
                    BinaryNumbers &numbers) {
  std::vector<LossOfChunk> chunks(static_cast<std::size_t>((count + direct_rows - 1) / direct_rows));
  std::atomic<bool> odd{false};
  std::mutex lock;
  for_chunks(exec, count, direct_rows, [&](std::int64_t number, std::int64_t begin, std::int64_t end) {
    if (odd.load(std::memory_order_relaxed)) return;
    std::uint64_t calibration[2 * most_direct_bins * calibration_copies] = {};
    DirectBinary rows = chunk_of(score, target, begin, end);
    rows.logits = logits;
    rows.bins = static_cast<std::int64_t>(numbers.rows.size() / 2);
    rows.calibration = calibration;
    if (!block_table().numbers(rows)) return odd.store(true, std::memory_order_relaxed);
    chunks[static_cast<std::size_t>(number)] = {rows.answers, rows.linear};
    const std::lock_guard<std::mutex> held(lock);
    for (int k = 0; k < 4; ++k) numbers.cells[k] += rows.cells[k];
    numbers.squared.add(rows.squared);
    add_calibration(calibration, calibration_copies, numbers.rows, numbers.probability);
  });
  if (odd.load()) return false;
  numbers.loss = loss_of(chunks, logits);
  return true;
}

bool class_numbers(const Exec &exec, ColumnData score, ColumnData target, std::int64_t count, std::int64_t classes,
                   bool logits, ClassNumbers &numbers) {
  constexpr std::int64_t own_cells = 4096; // of a table that each chunk has; larger ones are for rows that take longer
  constexpr std::int64_t usual_scores = 1 << 18;
  const std::int64_t grain = std::min(std::max<std::int64_t>(usual_scores / classes, 64), direct_class_rows);
  std::vector<LossOfChunk> chunks(static_cast<std::size_t>((count + grain - 1) / grain));
  std::vector<double> squared(chunks.size());
  std::atomic<bool> odd{false};
  std::mutex lock;
  for_chunks(exec, count, grain, [&](std::int64_t number, std::int64_t begin, std::int64_t end) {
    if (odd.load(std::memory_order_relaxed)) return;
    std::uint64_t calibration[2 * most_direct_bins] = {};
    std::int32_t cell[direct_class_rows];
    DirectClasses rows;
    rows.score = row_of(score, begin * classes), rows.score_type = score.type;
    rows.target = row_of(target, begin), rows.target_type = target.type;
    rows.count = end - begin, rows.classes = classes, rows.logits = logits;
    rows.bins = static_cast<std::int64_t>(numbers.rows.size() / 2);
    rows.cell = cell, rows.calibration = calibration;
    if (!block_table().classes(rows)) return odd.store(true, std::memory_order_relaxed);
    chunks[static_cast<std::size_t>(number)] = {rows.answers, rows.linear};
    squared[static_cast<std::size_t>(number)] = rows.squared;
    std::uint32_t own[own_cells] = {};
    const bool small = classes * classes <= own_cells;
    if (small)
      for (std::int64_t i = 0; i < rows.count; ++i) ++own[cell[i]];
    const std::lock_guard<std::mutex> held(lock);
    if (small)
      for (std::int64_t c = 0; c < classes * classes; ++c) numbers.cells[static_cast<std::size_t>(c)] += own[c];
    else
      for (std::int64_t i = 0; i < rows.count; ++i) ++numbers.cells[static_cast<std::size_t>(cell[i])];
    add_calibration(calibration, 1, numbers.rows, numbers.confidence);
  });
  if (odd.load()) return false;
  numbers.loss = loss_of(chunks, logits);
  for (const double sum : squared) numbers.squared += sum;
  return true;
}

DirectValues value_numbers(const Exec &exec, ColumnData prediction, ColumnData target, std::int64_t count) {
  constexpr std::int64_t grain = 1 << 16;
  std::vector<DirectValues> chunks(static_cast<std::size_t>((count + grain - 1) / grain));
  for_chunks(exec, count, grain, [&](std::int64_t number, std::int64_t begin, std::int64_t end) {
    DirectValues &rows = chunks[static_cast<std::size_t>(number)];
    rows.prediction = row_of(prediction, begin), rows.prediction_type = prediction.type;
    rows.target = row_of(target, begin), rows.target_type = target.type;
    rows.count = end - begin;
    block_table().values(rows);
  });
  DirectValues all;
  for (const DirectValues &chunk : chunks) {
    all.error += chunk.error, all.absolute += chunk.absolute, all.squared += chunk.squared;
    all.largest = std::max(all.largest, chunk.largest);
    merge_spread<ThisFile>(static_cast<double>(all.count), all.mean, all.spread, static_cast<double>(chunk.count),
                           chunk.mean, chunk.spread);
    all.count += chunk.count;
  }
  return all;
}

} // namespace lossmith
