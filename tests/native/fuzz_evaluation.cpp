// Random binary predictions for the pass of streamed evaluation: types, sizes, bins, groups and splits by chance; and
// for what looks at whole arrays.
//
// Rows in one piece and in two must leave the same bits, and so must one thread and several.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "evaluation_direct.hpp"
#include "evaluation_rows.hpp"
#include "evaluation_whole.hpp"
#include "fuzz_tools.hpp"

namespace lossmith {
namespace {

template <typename T> bool equal(const std::vector<T> &a, const std::vector<T> &b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

bool equal(BinaryRows &a, BinaryRows &b) {
  const auto sums = [](const std::vector<WideSum> &all) {
    std::vector<double> found; // the two words of a sum may be carried differently
    for (const WideSum &sum : all)
      found.push_back(std::ldexp(static_cast<double>(sum.high + (sum.low >> 32)), 32) +
                      static_cast<double>(sum.low & 0xffffffff));
    return found;
  };
  return equal(a.bins, b.bins) && equal(a.cells, b.cells) && equal(a.calibrated, b.calibrated) &&
         equal(sums(a.shares), sums(b.shares)) && equal(sums(a.calibration), sums(b.calibration)) &&
         a.worst().size() == b.worst().size();
}

template <typename Score, typename Target> bool once(Column score_type, Column target_type) {
  const int keep = static_cast<int>(between(0, 6));
  const std::int64_t low = -between(1, 40), high = between(0, 3);
  BinaryRows::Settings settings{};
  settings.logits = chance(2);
  settings.keep = keep;
  settings.first_bits = ((low + 1023) << keep) - 1;
  settings.half = ((high - low) << keep) + 1;
  settings.calibration_bins = between(1, 40);
  settings.groups = std::int64_t{1} << between(0, 9);
  settings.worst = between(0, 30);
  settings.seed = random_bits();
  const std::int64_t count = between(0, any_size()), cut = between(0, count);
  const Array<Score> score(count);
  const Array<Target> target(count);
  const Array<std::uint64_t> id(count);
  for (std::int64_t k = 0; k < count; ++k) {
    const double uniform = static_cast<double>(between(0, 1 << 20)) / (1 << 20);
    const double tiny = chance(30) ? std::ldexp(uniform, -static_cast<int>(between(0, 140))) : uniform;
    score.get()[k] = static_cast<Score>(settings.logits ? 200 * tiny - 100 : tiny);
    target.get()[k] = static_cast<Target>(between(0, 1));
    id.get()[k] = random_bits() % 1000;
  }
  if (count != 0 && chance(50)) score.get()[between(0, count - 1)] = static_cast<Score>(NAN);
  if (count != 0 && chance(50)) target.get()[between(0, count - 1)] = static_cast<Target>(2);
  const bool numbered = chance(2);
  const auto columns = [&](std::int64_t begin, std::int64_t end) {
    return Columns{score.get() + begin, target.get() + begin, score_type, target_type, end - begin,
                   numbered ? nullptr : id.get() + begin, static_cast<std::uint64_t>(begin)};
  };
  BinaryRows whole(settings), parts(settings);
  const bool fits = whole.update(columns(0, count));
  const bool both = parts.update(columns(0, cut)) & parts.update(columns(cut, count));
  if (fits == both && (!fits || equal(whole, parts))) return true;
  std::printf("evaluation: %lld rows cut at %lld, types %d and %d\n", static_cast<long long>(count),
              static_cast<long long>(cut), static_cast<int>(score_type), static_cast<int>(target_type));
  return false;
}

template <typename Score> bool each(Column score) {
  return once<Score, std::int8_t>(score, Column::i8) && once<Score, std::int64_t>(score, Column::i64) &&
         once<Score, float>(score, Column::f32);
}

template <typename Score, typename Target> bool pairs_once(Column score_type, Column target_type) {
  const std::int64_t count = between(0, chance(20) ? 600000 : any_size()), few = between(1, 1000);
  const Array<Score> score(count);
  const Array<Target> target(count);
  for (std::int64_t k = 0; k < count; ++k) {
    score.get()[k] = static_cast<Score>(static_cast<double>(between(-few, few)) / 64);
    target.get()[k] = static_cast<Target>(between(0, 1));
  }
  if (count != 0 && chance(20)) score.get()[between(0, count - 1)] = static_cast<Score>(NAN);
  const ColumnData x{score.get(), score_type}, y{target.get(), target_type};
  const Pairs one = count_pairs_in_order(exec_from(0), x, y, count), two = count_pairs_in_order(exec_from(1), x, y, count);
  if (std::memcmp(&one, &two, sizeof one) == 0) return true;
  std::printf("pairs of %lld rows, types %d and %d\n", static_cast<long long>(count), static_cast<int>(score_type),
              static_cast<int>(target_type));
  return false;
}

bool classes_once() {
  const std::int64_t count = between(0, chance(20) ? 600000 : any_size()), classes = between(1, 90);
  const Array<std::int64_t> target(count);
  const Array<std::int8_t> predicted(count);
  for (std::int64_t k = 0; k < count; ++k) {
    target.get()[k] = between(0, classes - 1);
    predicted.get()[k] = static_cast<std::int8_t>(between(0, classes - 1));
  }
  if (count != 0 && chance(10)) target.get()[between(0, count - 1)] = chance(2) ? -1 : classes;
  std::vector<std::int64_t> one(static_cast<std::size_t>(classes * classes)), two(one.size());
  const ColumnData x{target.get(), Column::i64}, y{predicted.get(), Column::i8};
  const std::int64_t bad = count_classes(exec_from(0), x, y, count, classes, one.data());
  if (count_classes(exec_from(1), x, y, count, classes, two.data()) == bad && one == two) return true;
  std::printf("%lld rows of %lld classes\n", static_cast<long long>(count), static_cast<long long>(classes));
  return false;
}

bool same(double a, double b) { return std::memcmp(&a, &b, sizeof a) == 0; }

template <typename Score, typename Target> bool direct_once(Column score_type, Column target_type) {
  const std::int64_t count = between(0, chance(20) ? 600000 : any_size());
  const bool logits = chance(2);
  const Array<Score> score(count);
  const Array<Target> target(count);
  for (std::int64_t k = 0; k < count; ++k) {
    const double uniform = static_cast<double>(between(0, 1 << 20)) / (1 << 20);
    score.get()[k] = static_cast<Score>(logits ? 200 * uniform - 100 : chance(30) ? std::ldexp(uniform, -140) : uniform);
    target.get()[k] = static_cast<Target>(between(0, 1));
  }
  if (count != 0 && chance(20)) score.get()[between(0, count - 1)] = static_cast<Score>(chance(2) ? NAN : 1e9);
  if (count != 0 && chance(20)) target.get()[between(0, count - 1)] = static_cast<Target>(2);
  const ColumnData x{score.get(), score_type}, y{target.get(), target_type};
  BinaryNumbers numbers[2];
  std::int64_t cells[2][4] = {};
  bool fits[2], counted[2];
  const auto bins = static_cast<std::size_t>(2 * between(1, most_direct_bins));
  for (int k = 0; k < 2; ++k) {
    numbers[k].rows.resize(bins), numbers[k].probability.resize(bins);
    fits[k] = binary_numbers(exec_from(static_cast<std::uint64_t>(k)), x, y, count, logits, numbers[k]);
    counted[k] = count_binary(exec_from(static_cast<std::uint64_t>(k)), x, y, count, logits ? 0.0 : 0.5, cells[k]);
  }
  const bool agree = !fits[0] || (same(numbers[0].loss, numbers[1].loss) && equal(numbers[0].rows, numbers[1].rows) &&
                                  std::memcmp(numbers[0].cells, cells[1], sizeof cells[1]) == 0);
  if (fits[0] == fits[1] && counted[0] == counted[1] && (counted[0] || !fits[0]) && agree) return true;
  std::printf("direct numbers of %lld rows, types %d and %d\n", static_cast<long long>(count), static_cast<int>(score_type),
              static_cast<int>(target_type));
  return false;
}

template <typename Score> bool direct_classes_once(Column score_type) {
  const std::int64_t classes = between(1, 90), count = between(0, chance(20) ? 30000 : any_size());
  const Array<Score> score(count * classes);
  const Array<std::int8_t> target(count);
  for (std::int64_t k = 0; k < count * classes; ++k) score.get()[k] = static_cast<Score>(between(-900, 900)) / 64;
  for (std::int64_t k = 0; k < count; ++k) target.get()[k] = static_cast<std::int8_t>(between(0, classes - 1));
  if (count != 0 && chance(10)) score.get()[between(0, count * classes - 1)] = static_cast<Score>(chance(2) ? NAN : INFINITY);
  if (count != 0 && chance(10)) target.get()[between(0, count - 1)] = chance(2) ? -1 : 100;
  const ColumnData x{score.get(), score_type}, y{target.get(), Column::i8};
  ClassNumbers numbers[2];
  bool fits[2];
  const auto bins = static_cast<std::size_t>(2 * between(1, most_direct_bins));
  for (int k = 0; k < 2; ++k) {
    numbers[k].cells.resize(static_cast<std::size_t>(classes * classes));
    numbers[k].rows.resize(bins), numbers[k].confidence.resize(bins);
    fits[k] = class_numbers(exec_from(static_cast<std::uint64_t>(k)), x, y, count, classes, true, numbers[k]);
  }
  class_numbers(exec_from(0), x, y, count, classes, false, numbers[1]); // hardly ever probabilities: it must see that
  if (fits[0] == fits[1] && (!fits[0] || count == 0 || classes > 1 || same(numbers[0].loss, 0))) return true;
  std::printf("direct numbers of %lld rows of %lld classes\n", static_cast<long long>(count), static_cast<long long>(classes));
  return false;
}

template <typename P, typename T> bool values_once(Column prediction_type, Column target_type) {
  const std::int64_t count = between(0, chance(20) ? 300000 : any_size());
  const Array<P> prediction(count);
  const Array<T> target(count);
  for (std::int64_t k = 0; k < count; ++k) {
    prediction.get()[k] = static_cast<P>(between(-900, 900)) / 64;
    target.get()[k] = static_cast<T>(between(-900, 900)) / 64;
  }
  const ColumnData x{prediction.get(), prediction_type}, y{target.get(), target_type};
  const DirectValues one = value_numbers(exec_from(0), x, y, count), two = value_numbers(exec_from(1), x, y, count);
  if (one.count == count && same(one.squared, two.squared) && same(one.error, two.error) && same(one.spread, two.spread))
    return true;
  std::printf("direct numbers of %lld values\n", static_cast<long long>(count));
  return false;
}

} // namespace

bool evaluation_once() {
  return each<float>(Column::f32) && each<double>(Column::f64) && classes_once() &&
         pairs_once<float, std::int8_t>(Column::f32, Column::i8) && pairs_once<double, double>(Column::f64, Column::f64) &&
         direct_once<float, std::int8_t>(Column::f32, Column::i8) && direct_once<double, float>(Column::f64, Column::f32) &&
         direct_classes_once<float>(Column::f32) && direct_classes_once<double>(Column::f64) &&
         values_once<float, double>(Column::f32, Column::f64) && values_once<double, double>(Column::f64, Column::f64);
}

} // namespace lossmith
