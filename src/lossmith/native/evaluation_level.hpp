// The block of evaluation_blocks.hpp for one kind of CPU: included once, by a file that says which one.
//
// Nothing in such a file may be shared with code for other CPUs, or the linker could keep the wrong copy. So all that
// is used here is either inlined always, or in the unnamed namespace, or a function of C.

#include <cstdint>
#include <cstring>

#include "evaluation_blocks.hpp"
#include "evaluation_formulas.hpp"

namespace lossmith {
namespace {

template <typename From, typename To>
LOSSMITH_INLINE void convert(const void *data, std::int64_t count, To *to) {
  const auto *from = static_cast<const From *>(data);
  for (std::int64_t i = 0; i < count; ++i) to[i] = static_cast<To>(from[i]);
}

template <typename To> LOSSMITH_INLINE void convert(const void *data, Column type, std::int64_t count, To *to) {
  switch (type) {
  case Column::f32: return convert<float>(data, count, to);
  case Column::f64: return convert<double>(data, count, to);
  case Column::i8: return convert<std::int8_t>(data, count, to);
  case Column::i32: return convert<std::int32_t>(data, count, to);
  default: return convert<std::int64_t>(data, count, to);
  }
}

// 1.5 times the power of two whose last digit is the unit: added to a number, it leaves whole units in the last bits.
constexpr double magic(int unit) {
  double x = 1.5;
  for (int k = 0; k < 52 + unit; ++k) x *= 2;
  for (int k = 0; k > 52 + unit; --k) x /= 2;
  return x;
}

LOSSMITH_INLINE std::int64_t bits(double x) {
  std::int64_t word;
  std::memcpy(&word, &x, sizeof word);
  return word;
}

// x in whole units, rounded to even.
template <int unit> LOSSMITH_INLINE std::int64_t units(double x) {
  constexpr double anchor = magic(unit);
  return bits(x + anchor) - bits(anchor);
}

template <bool normal> LOSSMITH_INLINE void find_losses(BinaryBlock &b, const double *answer, std::int64_t whole) {
  constexpr std::int64_t step = lane_count<double>;
  Lanes<double> largest{};
  for (std::int64_t i = 0; i < whole; i += step) {
    const Lanes<double> p = load(answer + i);
    const Lanes<double> loss =
        b.logits ? formulas::loss_of_logit<double, normal>(p) : formulas::loss_of_probability<double, normal>(p);
    store<double>(b.losses + i, loss);
    largest = larger<double>(largest, loss);
  }
  b.largest = max_across<double>(largest); // that of a filled-up row may be it: this asks for a look at the rows, no more
}

// Losses and probabilities of all rows; arrays are filled up to whole vectors with what is harmless.
LOSSMITH_INLINE void find_values(BinaryBlock &b) {
  constexpr std::int64_t step = lane_count<double>;
  alignas(64) double answer[rows_per_block], target[rows_per_block];
  for (std::int64_t i = b.count; i % step != 0; ++i) b.scores[i] = 0, b.targets[i] = 0;
  const std::int64_t whole = (b.count + step - 1) / step * step;
  const double from = b.logits ? 0.0 : 1.0, least = Real<double>::least_normal;
  int odd = 0;
  for (std::int64_t i = 0; i < whole; ++i) {
    target[i] = b.targets[i];
    answer[i] = b.targets[i] ? b.scores[i] : from - b.scores[i];
    odd |= answer[i] < least;
  }
  if (odd && !b.logits)
    find_losses<false>(b, answer, whole);
  else
    find_losses<true>(b, answer, whole);
  for (std::int64_t i = 0; i < whole; i += step) {
    const Lanes<double> score = load(b.scores + i);
    const Lanes<double> probability = b.logits ? formulas::probability_of_logit<double, false>(score) : score;
    store<double>(b.probabilities + i, probability);
    store<double>(b.briers + i, formulas::squared_error_of<double, false>(probability, load(target + i)));
  }
}

LOSSMITH_INLINE void add_losses(BinaryBlock &b) {
  constexpr double first = magic(first_loss_unit), second = magic(second_loss_unit);
  std::int64_t all[2] = {}, positive[2] = {}, left = 0;
  for (std::int64_t i = 0; i < b.count; ++i) {
    const double x = b.losses[i], high = x + first, rest = x - (high - first), low = rest + second;
    const std::int64_t mask = -static_cast<std::int64_t>(b.targets[i]);
    const std::int64_t h = bits(high) - bits(first), l = bits(low) - bits(second);
    all[0] += h, all[1] += l;
    positive[0] += h & mask, positive[1] += l & mask;
    b.left[i] = rest - (low - second);
    left |= bits(b.left[i]) & std::numeric_limits<std::int64_t>::max(); // all but the sign
  }
  for (int k = 0; k < 2; ++k) b.loss[0][k] += all[k] - positive[k], b.loss[1][k] += positive[k];
  b.any_left = left != 0;
}

struct Indices {
  std::int32_t bin[rows_per_block], calibration[rows_per_block];
};

LOSSMITH_INLINE double number(std::int64_t word) {
  double x;
  std::memcpy(&x, &word, sizeof x);
  return x;
}

// The bins of ScoreHistogram and CalibrationBins (states/histogram.py, states/calibration.py).
LOSSMITH_INLINE void find_bins(const BinaryBlock &b, Indices &at) {
  const std::int64_t half = b.half;
  const double least = number(b.first_bits << b.drop), most_fine = number(((b.first_bits + half) << b.drop) - 1);
  const double middle = b.logits ? 0.0 : 0.5, one = b.logits ? 0.0 : 1.0;
  // From the middle outwards for logits, from the ends inwards for probabilities.
  const std::int64_t up = b.logits ? half : 2 * half - 1, down = b.logits ? half - 1 : 0, sign = b.logits ? 1 : -1;
  for (std::int64_t i = 0; i < b.count; ++i) {
    const double x = b.scores[i], mirrored = one - x;
    const bool upper = x >= middle;
    double size = upper && !b.logits ? mirrored : x;
    size = number(bits(size) & INT64_MAX);
    size = size < least ? least : size;
    size = size > most_fine ? most_fine : size;
    const std::int64_t inner = ((bits(size) >> b.drop) - b.first_bits) * sign;
    at.bin[i] = static_cast<std::int32_t>(upper ? up + inner : down - inner);
  }
  const auto most = static_cast<std::int32_t>(b.calibration_bins - 1);
  const auto bins = static_cast<double>(b.calibration_bins);
  for (std::int64_t i = 0; i < b.count; ++i) {
    const auto bin = static_cast<std::int32_t>(b.probabilities[i] * bins);
    at.calibration[i] = 2 * (bin < most ? bin : most) + b.targets[i];
  }
}

// Four whole numbers and both ends of a bin: loaded, changed and stored by one instruction each where the compiler has
// vectors.
#if defined(__GNUC__) || defined(__clang__)
typedef std::int64_t Four __attribute__((vector_size(32)));
typedef double Ends __attribute__((vector_size(16)));
LOSSMITH_INLINE Ends smaller(Ends a, Ends b) { return a < b ? a : b; }
#else
template <typename T, int n> struct Several {
  T each[n];
  Several &operator+=(const Several &other) {
    for (int k = 0; k < n; ++k) each[k] += other.each[k];
    return *this;
  }
};
using Four = Several<std::int64_t, 4>;
using Ends = Several<double, 2>;
LOSSMITH_INLINE Ends smaller(Ends a, Ends b) {
  for (int k = 0; k < 2; ++k) a.each[k] = a.each[k] < b.each[k] ? a.each[k] : b.each[k];
  return a;
}
#endif

template <typename V> LOSSMITH_INLINE V read(const void *from) {
  V x;
  std::memcpy(&x, from, sizeof x);
  return x;
}

// What rows add to their groups, and to their bins of the probability. The four of a row are written here and read in
// another loop: a load that waits for several stores would be slow.
struct Shares {
  alignas(64) std::int64_t of_group[rows_per_block][4];
  alignas(64) std::int64_t of_bin[rows_per_block];
};

LOSSMITH_INLINE void find_shares(const BinaryBlock &b, Shares &share) {
  const double threshold = b.logits ? 0.0 : 0.5;
  const std::int64_t count = b.count;
  alignas(64) std::int64_t part[4][rows_per_block];
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t above = b.scores[i] > threshold ? 65536 : 1;
    part[0][i] = above << (32 * static_cast<std::int64_t>(b.targets[i]));
  }
  for (std::int64_t i = 0; i < count; ++i) {
    const double p = b.probabilities[i], other = 1.0 - p;
    part[1][i] = units<loss_unit>(b.losses[i]);
    part[2][i] = units<share_unit>(b.briers[i]);
    part[3][i] = units<share_unit>(p > other ? p : other);
    share.of_bin[i] = (std::int64_t{1} << row_bits) + units<probability_unit>(p);
  }
  for (std::int64_t i = 0; i < count; ++i) {
    for (int k = 0; k < 4; ++k) share.of_group[i][k] = part[k][i];
  }
}

LOSSMITH_INLINE void scatter(const BinaryBlock &b, const Indices &at, const Shares &share) {
  const std::int64_t count = b.count;
  const std::int32_t *group = b.group;
  std::int64_t *groups = b.groups, *calibration = b.calibration;
  ScoreBin *bins = b.bins;
  for (std::int64_t i = 0; i < count; ++i) {
    std::int64_t *to = groups + 4 * group[i];
    Four sum = read<Four>(to);
    sum += read<Four>(share.of_group[i]);
    std::memcpy(to, &sum, sizeof sum);
    calibration[at.calibration[i]] += share.of_bin[i];
  }
  for (std::int64_t i = 0; i < count; ++i) {
    ScoreBin &bin = bins[at.bin[i]];
    const double here[2] = {b.scores[i], -b.scores[i]};
    const Ends ends = smaller(read<Ends>(here), read<Ends>(&bin.low));
    std::memcpy(&bin.low, &ends, sizeof ends);
    ++bin.count[b.targets[i]];
  }
}

void binary(BinaryBlock &b) {
  convert(b.score, b.score_type, b.count, b.scores);
  convert(b.target, b.target_type, b.count, b.targets);
  Indices at;
  Shares share;
  find_values(b);
  add_losses(b);
  find_bins(b, at);
  find_shares(b, share);
  scatter(b, at, share);
}

template <typename T> bool within(const void *data, std::int64_t count, T low, T high) {
  const auto *x = static_cast<const T *>(data);
  int bad = 0;
  for (std::int64_t i = 0; i < count; ++i) bad |= !((x[i] >= low) & (x[i] <= high));
  return bad == 0;
}

template <typename T> bool zero_or_one(const void *data, std::int64_t count) {
  const auto *x = static_cast<const T *>(data);
  int bad = 0;
  for (std::int64_t i = 0; i < count; ++i) bad |= !((x[i] == T(0)) | (x[i] == T(1)));
  return bad == 0;
}

bool fits(const void *data, Column type, std::int64_t count, bool logits, bool target) {
  const float low = logits ? -127.0f : 0.0f, high = logits ? 127.0f : 1.0f;
  if (!target) return type == Column::f32 ? within<float>(data, count, low, high)
                                          : type == Column::f64 && within<double>(data, count, low, high);
  switch (type) {
  case Column::f32: return zero_or_one<float>(data, count);
  case Column::f64: return zero_or_one<double>(data, count);
  case Column::i8: return zero_or_one<std::int8_t>(data, count);
  case Column::i32: return zero_or_one<std::int32_t>(data, count);
  default: return zero_or_one<std::int64_t>(data, count);
  }
}

} // namespace

BlockTable LOSSMITH_LEVEL::block_table() { return {binary, fits}; }

} // namespace lossmith
