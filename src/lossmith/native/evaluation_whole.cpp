#include "evaluation_whole.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <limits>
#include <memory>
#include <mutex>
#include <type_traits>
#include <vector>

namespace lossmith {
namespace {

constexpr std::int64_t rows_per_chunk = 1 << 18;

template <typename Work> auto with_type(Column type, Work &&work) {
  switch (type) {
  case Column::f32: return work(float{});
  case Column::f64: return work(double{});
  case Column::i8: return work(std::int8_t{});
  case Column::i32: return work(std::int32_t{});
  default: return work(std::int64_t{});
  }
}

void keep_first(std::atomic<std::int64_t> &first, std::int64_t row) {
  std::int64_t before = first.load();
  while ((before < 0 || row < before) && !first.compare_exchange_weak(before, row)) {
  }
}

// --- scores in order -------------------------------------------------------------------------------------------------
// Numbers in the order of whole numbers without sign; -0 and 0 are one.
std::uint32_t key_of(float x) {
  x += 0.0f;
  std::uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return (bits >> 31) != 0 ? ~bits : bits | 0x80000000u;
}
std::uint64_t key_of(double x) {
  x += 0.0;
  std::uint64_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return (bits >> 63) != 0 ? ~bits : bits | (std::uint64_t{1} << 63);
}

template <typename Score> using KeyOf = std::conditional_t<sizeof(Score) == 4, std::uint32_t, std::uint64_t>;

template <typename Key> struct Sorted {
  std::unique_ptr<Key[]> keys, other;
  std::int64_t count = 0;

  void make(std::int64_t size) {
    count = size;
    keys.reset(new Key[static_cast<std::size_t>(size)]); // not filled: a sort writes all of it
    other.reset(new Key[static_cast<std::size_t>(size)]);
  }
};

// Sorts by digits of 11 bits, the last one first. A digit that all keys share is left out: probabilities have few.
template <typename Key> void sort(const Exec &exec, Sorted<Key> &sorted) {
  constexpr int digit_bits = 11;
  constexpr std::size_t digits = std::size_t{1} << digit_bits;
  const std::int64_t count = sorted.count, chunks = (count + rows_per_chunk - 1) / rows_per_chunk;
  std::vector<std::int64_t> places(static_cast<std::size_t>(chunks) * digits);
  for (int shift = 0; shift < std::numeric_limits<Key>::digits; shift += digit_bits) {
    const auto digit = [shift](Key key) { return static_cast<std::size_t>(key >> shift) & (digits - 1); };
    std::fill(places.begin(), places.end(), 0);
    const Key *from = sorted.keys.get();
    for_chunks(exec, count, rows_per_chunk, [&](std::int64_t chunk, std::int64_t begin, std::int64_t end) {
      std::int64_t *mine = places.data() + static_cast<std::size_t>(chunk) * digits;
      for (std::int64_t i = begin; i < end; ++i) ++mine[digit(from[i])];
    });
    std::int64_t place = 0, most = 0;
    for (std::size_t d = 0; d < digits; ++d) {
      const std::int64_t first = place;
      for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
        std::int64_t &here = places[static_cast<std::size_t>(chunk) * digits + d];
        const std::int64_t size = here;
        here = place, place += size;
      }
      most = std::max(most, place - first);
    }
    if (most == count) continue;
    Key *to = sorted.other.get();
    for_chunks(exec, count, rows_per_chunk, [&](std::int64_t chunk, std::int64_t begin, std::int64_t end) {
      std::int64_t *mine = places.data() + static_cast<std::size_t>(chunk) * digits;
      for (std::int64_t i = begin; i < end; ++i) to[mine[digit(from[i])]++] = from[i];
    });
    std::swap(sorted.keys, sorted.other);
  }
}

template <typename Score, typename Target>
Pairs pairs_of(const Exec &exec, const Score *score, const Target *target, std::int64_t count) {
  using Key = KeyOf<Score>;
  const std::int64_t chunks = (count + rows_per_chunk - 1) / rows_per_chunk;
  std::vector<std::int64_t> positives(static_cast<std::size_t>(chunks));
  std::atomic<std::int64_t> bad{-1};
  for_chunks(exec, count, rows_per_chunk, [&](std::int64_t chunk, std::int64_t begin, std::int64_t end) {
    std::int64_t found = 0;
    int odd = 0;
    for (std::int64_t i = begin; i < end; ++i) {
      odd |= !((target[i] == Target(0)) | (target[i] == Target(1))) | (score[i] != score[i]);
      found += target[i] == Target(1);
    }
    positives[static_cast<std::size_t>(chunk)] = found;
    if (odd != 0)
      for (std::int64_t i = begin; i < end; ++i)
        if ((target[i] != Target(0) && target[i] != Target(1)) || score[i] != score[i]) return keep_first(bad, i);
  });
  Pairs pairs;
  pairs.bad = bad.load();
  if (pairs.bad >= 0) return pairs;
  for (std::int64_t &here : positives) {
    const std::int64_t found = here;
    here = pairs.positives, pairs.positives += found;
  }
  pairs.negatives = count - pairs.positives;
  Sorted<Key> by_target[2];
  by_target[0].make(pairs.negatives), by_target[1].make(pairs.positives);
  for_chunks(exec, count, rows_per_chunk, [&](std::int64_t chunk, std::int64_t begin, std::int64_t end) {
    const std::int64_t before = positives[static_cast<std::size_t>(chunk)];
    Key *to[2] = {by_target[0].keys.get() + (begin - before), by_target[1].keys.get() + before};
    for (std::int64_t i = begin; i < end; ++i) *to[target[i] == Target(1)]++ = key_of(score[i]);
  });
  for (Sorted<Key> &each : by_target) sort(exec, each);
  const Key *negative = by_target[0].keys.get(), *positive = by_target[1].keys.get(), *last = negative + pairs.negatives;
  std::mutex lock;
  for_chunks(exec, pairs.positives, rows_per_chunk, [&](std::int64_t, std::int64_t begin, std::int64_t end) {
    const Key *below = std::lower_bound(negative, last, positive[begin]), *upto = below;
    std::uint64_t sum = 0; // of at most 2^18 pairs of numbers below 2^45
    for (std::int64_t i = begin; i < end; ++i) {
      while (below != last && *below < positive[i]) ++below;
      if (upto < below) upto = below;
      while (upto != last && *upto == positive[i]) ++upto;
      sum += static_cast<std::uint64_t>((below - negative) + (upto - negative));
    }
    const std::lock_guard<std::mutex> held(lock);
    pairs.twice_won[0] += sum;
    pairs.twice_won[1] += pairs.twice_won[0] < sum;
  });
  return pairs;
}

// --- classes ---------------------------------------------------------------------------------------------------------
template <typename Work> auto with_whole_type(Column type, Work &&work) {
  switch (type) {
  case Column::i8: return work(std::int8_t{});
  case Column::i32: return work(std::int32_t{});
  default: return work(std::int64_t{});
  }
}

constexpr std::int64_t small_table = 64; // cells of which a chunk has four copies, so that equal rows need not wait
constexpr std::int64_t most_cells = 4096; // of which each chunk has a table of its own; with more one thread does it all

template <typename T, typename P>
bool count_chunk(const T *target, const P *predicted, std::int64_t count, std::int64_t classes, std::int64_t *counts) {
  std::uint64_t largest = 0; // of negative numbers, too: without their sign they are large
  for (std::int64_t i = 0; i < count; ++i)
    largest = std::max({largest, static_cast<std::uint64_t>(static_cast<std::int64_t>(target[i])),
                        static_cast<std::uint64_t>(static_cast<std::int64_t>(predicted[i]))});
  if (largest >= static_cast<std::uint64_t>(classes)) return false;
  const auto cell = [&](std::int64_t i) {
    return static_cast<std::size_t>(static_cast<std::int64_t>(target[i]) * classes + static_cast<std::int64_t>(predicted[i]));
  };
  std::int64_t i = 0;
  if (classes * classes <= small_table) {
    std::uint32_t copies[4][small_table] = {}; // a chunk has fewer rows than 2^32
    for (; i + 4 <= count; i += 4)
      for (std::int64_t k = 0; k < 4; ++k) ++copies[k][cell(i + k)];
    for (std::int64_t c = 0; c < classes * classes; ++c)
      for (const auto &copy : copies) counts[c] += copy[c];
  }
  for (; i < count; ++i) ++counts[cell(i)];
  return true;
}

} // namespace

Pairs count_pairs_in_order(const Exec &exec, ColumnData score, ColumnData target, std::int64_t count) {
  return with_type(target.type, [&](auto t) {
    using Target = decltype(t);
    const auto *outcome = static_cast<const Target *>(target.data);
    if (score.type == Column::f32) return pairs_of(exec, static_cast<const float *>(score.data), outcome, count);
    return pairs_of(exec, static_cast<const double *>(score.data), outcome, count);
  });
}

std::int64_t count_classes(const Exec &exec, ColumnData target, ColumnData predicted, std::int64_t count, std::int64_t classes,
                           std::int64_t *counts) {
  return with_whole_type(target.type, [&](auto t) {
    return with_whole_type(predicted.type, [&](auto p) -> std::int64_t {
      const auto *x = static_cast<const decltype(t) *>(target.data);
      const auto *y = static_cast<const decltype(p) *>(predicted.data);
      const std::int64_t cells = classes * classes;
      std::vector<std::int64_t> total(static_cast<std::size_t>(cells));
      std::atomic<std::int64_t> bad{-1};
      std::mutex lock;
      for_chunks(cells <= most_cells ? exec : Exec{}, count, rows_per_chunk,
                 [&](std::int64_t, std::int64_t begin, std::int64_t end) {
                   std::int64_t own[most_cells] = {}, *mine = cells <= most_cells ? own : total.data();
                   if (!count_chunk(x + begin, y + begin, end - begin, classes, mine)) {
                     const auto odd = [&](auto value) { return !(value >= 0 && static_cast<std::int64_t>(value) < classes); };
                     for (std::int64_t i = begin; i < end; ++i)
                       if (odd(x[i]) || odd(y[i])) return keep_first(bad, i);
                   }
                   if (mine != own) return;
                   const std::lock_guard<std::mutex> held(lock);
                   for (std::int64_t c = 0; c < cells; ++c) total[static_cast<std::size_t>(c)] += own[c];
                 });
      if (bad.load() >= 0) return bad.load();
      for (std::int64_t c = 0; c < cells; ++c) counts[c] += total[static_cast<std::size_t>(c)];
      return -1;
    });
  });
}

} // namespace lossmith
