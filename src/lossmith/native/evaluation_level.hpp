// The block of evaluation_blocks.hpp for one kind of CPU: included once, by evaluation_rows_level.hpp in a file that says which
// one.
//
// Nothing in such a file may be shared with code for other CPUs, or the linker could keep the wrong copy. So all that
// is used here is either inlined always, or in the unnamed namespace, or a function of C.

#include <cstdint>
#include <cstring>

#include "evaluation_blocks.hpp"
#include "evaluation_formulas.hpp"

namespace lossmith {
namespace {

// Through 32 bits: no older CPU makes whole numbers of 64 bits of several floats at once.
template <typename From> LOSSMITH_INLINE void convert(const void *data, std::int64_t count, std::int64_t *to) {
  const auto *from = static_cast<const From *>(data);
  for (std::int64_t i = 0; i < count; ++i) to[i] = static_cast<std::int32_t>(from[i]);
}

LOSSMITH_INLINE void find_targets(BinaryBlock &b) {
  switch (b.target_type) {
  case Column::f32: return convert<float>(b.target, b.count, b.targets);
  case Column::f64: return convert<double>(b.target, b.count, b.targets);
  case Column::i8: return convert<std::int8_t>(b.target, b.count, b.targets);
  case Column::i32: return convert<std::int32_t>(b.target, b.count, b.targets);
  default: return convert<std::int64_t>(b.target, b.count, b.targets);
  }
}

LOSSMITH_INLINE void find_scores(BinaryBlock &b) {
  if (b.score_type == Column::f64) {
    std::memcpy(b.scores, b.score, static_cast<std::size_t>(b.count) * sizeof(double));
    return;
  }
  const auto *from = static_cast<const float *>(b.score);
  for (std::int64_t i = 0; i < b.count; ++i) b.scores[i] = from[i];
}

using Reals = Lanes<double>;
using Words = LaneTypes<double>::Bits;
constexpr std::int64_t step = lane_count<double>;

template <typename Mask> LOSSMITH_INLINE Words all_bits_where(Mask mask) {
  if constexpr (std::is_same_v<Mask, bool>)
    return mask ? ~std::uint64_t{0} : 0;
  else
    return bit_cast<Words>(mask);
}

LOSSMITH_INLINE Words load_words(const std::int64_t *from) {
  Words words;
  std::memcpy(&words, from, sizeof words);
  return words;
}

LOSSMITH_INLINE void store_words(std::uint64_t *to, Words words) { std::memcpy(to, &words, sizeof words); }

LOSSMITH_INLINE std::uint64_t sum_of(Words words) {
  std::uint64_t each[step], sum = 0;
  std::memcpy(each, &words, sizeof words);
  for (std::int64_t k = 0; k < step; ++k) sum += each[k];
  return sum;
}

LOSSMITH_INLINE Words bits(Reals x) { return bit_cast<Words>(x); }

LOSSMITH_INLINE std::uint64_t word(double x) {
  std::uint64_t found;
  std::memcpy(&found, &x, sizeof found);
  return found;
}

LOSSMITH_INLINE double number(std::int64_t bits) {
  double x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

// x in whole units, and the anchor.
template <int unit> LOSSMITH_INLINE Words anchored(Reals x) { return bits(x + broadcast<double>(anchor(unit))); }

LOSSMITH_INLINE Reals keep_first(Reals x, std::int64_t count) {
  double each[step];
  store<double>(each, x);
  for (std::int64_t k = count; k < step; ++k) each[k] = 0;
  return load(each);
}

// What is found of rows before any of it is added up.
struct Found {
  alignas(64) std::uint64_t part[group_sums][rows_per_block]; // what a row adds to its group
  alignas(64) std::uint64_t bin[rows_per_block], of_calibration[rows_per_block];
  std::int32_t calibration[rows_per_block];
};

// Sums of the losses of a block.
struct Losses {
  Reals largest, smallest_answer;
  Words sum[2], left;

  LOSSMITH_INLINE void add(Reals loss) {
    const Reals first = broadcast<double>(anchor(first_loss_unit)), second = broadcast<double>(anchor(second_loss_unit));
    const Reals high = loss + first, rest = loss - (high - first), low = rest + second;
    sum[0] += bits(high), sum[1] += bits(low);
    left |= bits(rest - (low - second));
  }
};

// The bins of ScoreHistogram (states/histogram.py): from the middle outwards for logits, from the ends inwards for
// probabilities. Its numbers are copied so that they stay in registers.
struct Bins {
  double least, most; // of sizes that are told apart
  std::uint64_t first_bits, half;
  int drop;

  LOSSMITH_INLINE explicit Bins(const BinaryBlock &b)
      : least(number(b.first_bits << b.drop)), most(number(((b.first_bits + b.half) << b.drop) - 1)),
        first_bits(static_cast<std::uint64_t>(b.first_bits)), half(static_cast<std::uint64_t>(b.half)), drop(b.drop) {}

  template <bool logits> LOSSMITH_INLINE Words of(Reals x, Reals other) const {
    const Words upper = all_bits_where(x >= broadcast<double>(logits ? 0.0 : 0.5));
    const Reals size = logits ? magnitude<double>(x) : at_most<double>(x, other);
    const Reals told = at_most<double>(at_least<double>(size, broadcast<double>(least)), broadcast<double>(most));
    const Words inner = (bits(told) >> drop) - first_bits;
    return logits ? (inner ^ ~upper) + half : (inner ^ upper) + (upper & (Words{} + 2 * half));
  }
};

// Everything about the rows from i on, as many as there are lanes; those that are no rows cost nothing where `cut` says so.
template <bool logits, bool normal, bool cut>
LOSSMITH_INLINE void look_at(BinaryBlock &b, std::int64_t i, const Bins &bins, Found &found, Losses &losses) {
  const Reals x = load(b.scores + i), one = broadcast<double>(1.0);
  const Words target = load_words(b.targets + i), positive = Words{} - target;
  Reals answer, probability = x, other, loss;
  if constexpr (logits) {
    answer = bit_cast<Reals>(bits(x) ^ (~positive & (std::uint64_t{1} << 63)));
    loss = formulas::loss_of_logit<double, normal>(answer);
    probability = formulas::probability_of_logit<double, normal>(x);
    other = one - probability;
    store<double>(b.probabilities + i, probability);
  } else {
    other = one - x;
    answer = bit_cast<Reals>(((bits(x) ^ bits(other)) & positive) ^ bits(other));
    loss = formulas::loss_of_probability<double, normal>(answer);
    losses.smallest_answer = at_most<double>(losses.smallest_answer, answer);
  }
  if constexpr (cut) loss = keep_first(loss, b.count - i);
  store<double>(b.losses + i, loss);
  losses.largest = at_least<double>(losses.largest, loss);
  losses.add(loss);
  const Reals outcome = bit_cast<Reals>(positive & bits(one));
  const Words above = all_bits_where(x > broadcast<double>(logits ? 0.0 : 0.5));
  store_words(found.part[0] + i, ((above & 65535) + 1) << (target << 5));
  store_words(found.part[1] + i, anchored<loss_unit>(loss));
  store_words(found.part[2] + i,
              anchored<share_unit>(formulas::squared_error_of<double, false>(probability, outcome)));
  store_words(found.part[3] + i, anchored<share_unit>(at_least<double>(probability, other)));
  store_words(found.of_calibration + i, anchored<probability_unit>(probability) +
                                            ((std::uint64_t{1} << row_bits) - word(anchor(probability_unit))));
  store_words(found.bin + i, bins.of<logits>(x, other));
}

// Returns false where a probability was not normal and `normal` said that all are.
template <bool logits, bool normal> LOSSMITH_INLINE bool look_at_all(BinaryBlock &b, Found &found) {
  Losses losses{}; // no initializers: the compiler would make a constructor for the oldest CPU
  losses.smallest_answer = broadcast<double>(1.0);
  const Bins bins(b);
  std::int64_t i = 0;
  for (; i + step <= b.count; i += step) look_at<logits, normal, false>(b, i, bins, found, losses);
  if (i < b.count) {
    for (std::int64_t k = b.count; k < i + step; ++k) b.scores[k] = 0.5, b.targets[k] = 0;
    look_at<logits, normal, true>(b, i, bins, found, losses);
    i += step;
  }
  if (normal && !logits && -max_across<double>(-losses.smallest_answer) < Real<double>::least_normal) return false;
  const std::uint64_t anchors[] = {word(anchor(first_loss_unit)), word(anchor(second_loss_unit))};
  for (int k = 0; k < 2; ++k)
    b.loss[k] += static_cast<std::int64_t>(sum_of(losses.sum[k]) - static_cast<std::uint64_t>(i) * anchors[k]);
  b.largest = max_across<double>(losses.largest);
  b.any_left = false;
  std::uint64_t left[step];
  std::memcpy(left, &losses.left, sizeof left);
  for (std::int64_t k = 0; k < step; ++k) b.any_left |= (left[k] << 1) != 0;
  return true;
}

// The bins of CalibrationBins (states/calibration.py).
LOSSMITH_INLINE void find_calibration(const BinaryBlock &b, const double *probability, Found &found) {
  const auto most = static_cast<std::int32_t>(b.calibration_bins - 1);
  const auto bins = static_cast<double>(b.calibration_bins);
  for (std::int64_t i = 0; i < b.count; ++i) {
    const auto bin = static_cast<std::int32_t>(probability[i] * bins);
    found.calibration[i] = 2 * (bin < most ? bin : most) + static_cast<std::int32_t>(b.targets[i]);
  }
}

// Four whole numbers and both ends of a bin: loaded, changed and stored by one instruction each where the compiler has
// vectors.
#if defined(__GNUC__) || defined(__clang__)
typedef std::uint64_t Four __attribute__((vector_size(32)));
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
using Four = Several<std::uint64_t, 4>;
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

LOSSMITH_INLINE void add_to_groups(const BinaryBlock &b, const Found &found) {
  const std::int32_t *group = b.group;
  const std::int64_t stride = b.stride, count = b.count, begin = b.quads_begin, end = b.quads_end;
  std::uint64_t *groups = b.groups;
  const auto one_by_one = [&](std::int64_t from, std::int64_t to) LOSSMITH_INLINED {
    for (std::int64_t i = from; i < to; ++i)
      for (int k = 0; k < group_sums; ++k) groups[k * stride + group[i]] += found.part[k][i];
  };
  one_by_one(0, begin);
  for (std::int64_t i = begin; i < end; i += 4)
    for (int k = 0; k < group_sums; ++k) {
      std::uint64_t *to = groups + k * stride + group[i];
      Four sum = read<Four>(to);
      sum += read<Four>(found.part[k] + i);
      std::memcpy(to, &sum, sizeof sum);
    }
  one_by_one(end, count);
}

LOSSMITH_INLINE void add_to_bins(const BinaryBlock &b, const Found &found) {
  const std::int64_t count = b.count, *target = b.targets;
  const double *score = b.scores;
  std::int64_t *calibration = b.calibration;
  ScoreBin *bins = b.bins;
  for (std::int64_t i = 0; i < count; ++i) {
    calibration[found.calibration[i]] += static_cast<std::int64_t>(found.of_calibration[i]);
    ScoreBin &bin = bins[found.bin[i]];
    const double here[2] = {score[i], -score[i]};
    const Ends ends = smaller(read<Ends>(here), read<Ends>(&bin.low));
    std::memcpy(&bin.low, &ends, sizeof ends);
    ++bin.count[target[i]];
  }
}

void binary(BinaryBlock &b) {
  Found found;
  find_scores(b);
  find_targets(b);
  if (b.logits)
    look_at_all<true, false>(b, found);
  else if (!look_at_all<false, true>(b, found))
    look_at_all<false, false>(b, found);
  find_calibration(b, b.logits ? b.probabilities : b.scores, found);
  add_to_groups(b, found);
  add_to_bins(b, found);
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
} // namespace lossmith
