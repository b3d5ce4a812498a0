#include "evaluation_rows.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <tuple>

#include "evaluation_hash.hpp"
#include "evaluation_limbs.hpp"

namespace lossmith {
namespace {

// Rows after which counts of 15 or 16 bits and sums of 64 are emptied: even if all of them are of one group or bin, sums
// of losses stay below 2^(14 + 7) of their unit 2^-40, those of shares below 2^14, and of 2^-32 there are 48 bits.
constexpr std::int64_t rows_until_settled = 1 << 14;

BlockTable table_for_this_cpu() {
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12
  const char *limit = std::getenv("LOSSMITH_CPU");
  const bool baseline_alone = limit != nullptr && std::strcmp(limit, "baseline") == 0;
  const bool avx2_alone = limit != nullptr && std::strcmp(limit, "avx2") == 0;
  if (__builtin_cpu_supports("x86-64-v4") && !baseline_alone && !avx2_alone) return avx512::block_table();
  if (__builtin_cpu_supports("x86-64-v3") && !baseline_alone) return avx2::block_table();
#endif
  return baseline::block_table();
}

std::int64_t bytes_of(Column type) {
  return type == Column::i8 ? 1 : type == Column::f32 || type == Column::i32 ? 4 : 8;
}

const void *at(const void *data, Column type, std::int64_t row) {
  return static_cast<const char *>(data) + row * bytes_of(type);
}

// Behind the groups stand those of rows that follow the last one, and some more so that sums of one group do not lie a
// power of two apart, where caches have little room.
constexpr std::int64_t behind_groups = 16;

bool worse(const BadRow &a, const BadRow &b) {
  return std::make_tuple(-a.loss, a.id, a.target, a.predicted, a.confidence) <
         std::make_tuple(-b.loss, b.id, b.target, b.predicted, b.confidence);
}

} // namespace

const BlockTable &block_table() {
  static const BlockTable chosen = table_for_this_cpu();
  return chosen;
}

BinaryRows::BinaryRows(const Settings &settings)
    : bins(static_cast<std::size_t>(2 * settings.half),
           ScoreBin{std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity(), {0, 0}}),
      cells(static_cast<std::size_t>(4 * settings.groups)), shares(static_cast<std::size_t>(3 * settings.groups)),
      calibration(static_cast<std::size_t>(2 * settings.calibration_bins)),
      calibrated(static_cast<std::size_t>(2 * settings.calibration_bins)), left(limbs), settings_(settings),
      groups_(static_cast<std::size_t>(group_sums * (settings.groups + behind_groups))),
      calibration_(static_cast<std::size_t>(2 * settings.calibration_bins)), group_(rows_per_block),
      bar_(-std::numeric_limits<double>::infinity()) {}

bool BinaryRows::update(const Columns &columns) {
  const BlockTable &table = block_table();
  if (!table.fits(columns.target, columns.target_type, columns.count, settings_.logits, true) ||
      !table.fits(columns.score, columns.score_type, columns.count, settings_.logits, false))
    return false;
  BinaryBlock block;
  block.score_type = columns.score_type, block.target_type = columns.target_type;
  block.logits = settings_.logits;
  block.drop = 52 - settings_.keep, block.first_bits = settings_.first_bits, block.half = settings_.half;
  block.calibration_bins = settings_.calibration_bins;
  block.group = group_.data(), block.bins = bins.data();
  block.groups = groups_.data(), block.stride = settings_.groups + behind_groups;
  block.calibration = calibration_.data();
  for (std::int64_t begin = 0; begin < columns.count; begin += rows_per_block) {
    block.count = std::min(rows_per_block, columns.count - begin);
    block.score = at(columns.score, columns.score_type, begin);
    block.target = at(columns.target, columns.target_type, begin);
    find_groups(columns, begin, block);
    table.binary(block);
    if (block.any_left) keep_left(block);
    if (block.largest >= bar_) keep_worst(block, columns, begin);
    for (int k = 0; k < 2; ++k) loss[k].add(block.loss[k]), block.loss[k] = 0;
    unsettled_ += block.count;
    if (unsettled_ > rows_until_settled - rows_per_block) settle();
  }
  settle();
  return true;
}

void BinaryRows::find_groups(const Columns &columns, std::int64_t begin, BinaryBlock &block) {
  const auto mask = static_cast<std::uint64_t>(settings_.groups - 1);
  std::int32_t *group = group_.data();
  const auto one_by_one = [&](std::int64_t from, std::int64_t end, auto id) {
    for (std::int64_t i = from; i < end; ++i)
      group[i] = static_cast<std::int32_t>(group_bits(id(i), settings_.seed) & mask);
  };
  if (columns.id != nullptr) {
    one_by_one(0, block.count, [&](std::int64_t i) { return columns.id[begin + i]; });
    block.quads_begin = block.quads_end = 0;
    return;
  }
  const std::uint64_t first = columns.first_id + static_cast<std::uint64_t>(begin);
  const auto id = [first](std::int64_t i) { return first + static_cast<std::uint64_t>(i); };
  block.quads_begin = std::min(static_cast<std::int64_t>(-first & 3), block.count);
  block.quads_end = block.quads_begin + (block.count - block.quads_begin) / 4 * 4;
  one_by_one(0, block.quads_begin, id);
  std::uint64_t hash = group_hash(id(block.quads_begin), settings_.seed);
  for (std::int64_t i = block.quads_begin; i < block.quads_end; i += 4) {
    if ((id(i) & 15) == 0) hash = group_hash(id(i), settings_.seed);
    group[i] = static_cast<std::int32_t>(first_of_four(hash, id(i)) & mask);
  }
  one_by_one(block.quads_end, block.count, id);
}

void BinaryRows::keep_left(const BinaryBlock &block) {
  constexpr double first = anchor(first_loss_unit), second = anchor(second_loss_unit);
  for (std::int64_t i = 0; i < block.count; ++i) {
    const double rest = block.losses[i] - ((block.losses[i] + first) - first), below = rest - ((rest + second) - second);
    if (below != 0) add_value(left.data(), first_limb, bits_of(below));
  }
}

void BinaryRows::keep_worst(const BinaryBlock &block, const Columns &columns, std::int64_t begin) {
  const auto most = static_cast<std::size_t>(settings_.worst);
  if (most == 0) return;
  const double threshold = settings_.logits ? 0.0 : 0.5;
  for (std::int64_t i = 0; i < block.count; ++i) {
    if (!(block.losses[i] >= bar_)) continue;
    const double p = settings_.logits ? block.probabilities[i] : block.scores[i];
    const std::int64_t id = columns.id != nullptr
                                ? static_cast<std::int64_t>(columns.id[begin + i])
                                : static_cast<std::int64_t>(columns.first_id + static_cast<std::uint64_t>(begin + i));
    const BadRow row{block.losses[i], id, static_cast<double>(block.targets[i]),
                     block.scores[i] > threshold ? 1.0 : 0.0, std::max(p, 1.0 - p)};
    if (worst_.size() >= most && worst_.size() < 2 * most && row.loss == bar_ && !worse(row, worst_[most - 1])) continue;
    worst_.push_back(row);
    if (worst_.size() >= 2 * most) drop_all_but_worst();
  }
}

void BinaryRows::drop_all_but_worst() {
  std::sort(worst_.begin(), worst_.end(), worse);
  const auto most = static_cast<std::size_t>(settings_.worst);
  if (worst_.size() < most) return;
  worst_.resize(most);
  if (most != 0) bar_ = worst_.back().loss;
}

const std::vector<BadRow> &BinaryRows::worst() {
  drop_all_but_worst();
  return worst_;
}

void BinaryRows::settle() {
  unsettled_ = 0;
  const std::int64_t stride = settings_.groups + behind_groups;
  for (std::int64_t g = settings_.groups; g < settings_.groups + 3; ++g)
    for (std::int64_t k = 0; k < group_sums; ++k) {
      std::uint64_t &from = groups_[static_cast<std::size_t>(k * stride + g)];
      groups_[static_cast<std::size_t>(k * stride + (g & (settings_.groups - 1)))] += from;
      from = 0;
    }
  const std::uint64_t anchors[] = {bits_of(anchor(loss_unit)), bits_of(anchor(share_unit)), bits_of(anchor(share_unit))};
  for (std::int64_t g = 0; g < settings_.groups; ++g) {
    const std::uint64_t packed = groups_[static_cast<std::size_t>(g)];
    if (packed == 0) continue;
    std::uint64_t rows = 0;
    for (int k = 0; k < 4; ++k) {
      const std::uint64_t count = (packed >> (16 * k)) & 0xffff;
      cells[static_cast<std::size_t>(4 * g + k)] += static_cast<std::int64_t>(count);
      rows += count;
    }
    for (std::int64_t k = 0; k < 3; ++k) {
      const std::uint64_t sum = groups_[static_cast<std::size_t>((k + 1) * stride + g)];
      shares[static_cast<std::size_t>(3 * g + k)].add(static_cast<std::int64_t>(sum - rows * anchors[k]));
    }
  }
  std::fill(groups_.begin(), groups_.end(), 0);
  for (std::size_t k = 0; k < calibrated.size(); ++k) {
    calibrated[k] += calibration_[k] >> row_bits;
    calibration[k].add(calibration_[k] & ((std::int64_t{1} << row_bits) - 1));
    calibration_[k] = 0;
  }
}

} // namespace lossmith
