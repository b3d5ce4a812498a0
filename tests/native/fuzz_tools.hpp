// What the random calls of the kernels are made of: numbers, arrays of exactly their size, comparison to the bit.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <random>

#include "storage.hpp"

namespace lossmith {

inline std::mt19937_64 random_bits;

inline std::int64_t between(std::int64_t low, std::int64_t high) {
  return low + static_cast<std::int64_t>(random_bits() % static_cast<std::uint64_t>(high - low + 1));
}
inline bool chance(int of) { return between(1, of) == 1; }
// About how many elements a call has: mostly few, so that there are many calls, and now and then enough for threads.
inline std::int64_t any_size() { return chance(6) ? 60000 : 4000; }

// An array on the heap that may begin anywhere an element may.
template <typename T> struct Array {
  explicit Array(std::int64_t count) : skipped(between(0, 15)), memory(new T[static_cast<std::size_t>(count + skipped)]) {}
  T *get() const { return memory.get() + skipped; }
  std::int64_t skipped;
  std::unique_ptr<T[]> memory;
};

template <typename T> T number(double value) {
  T result{};
  if constexpr (sizeof(T) == 2) {
    result.bits = static_cast<std::uint16_t>(random_bits());
    static_cast<void>(value);
  } else {
    result = static_cast<T>(value);
  }
  return result;
}

inline double any_value() {
  const double special[] = {0.0, -0.0, 1e30, -1e30, 1e-42, INFINITY, -INFINITY, NAN};
  if (chance(200)) return special[between(0, 7)];
  return static_cast<double>(between(-40000, 40000)) / 1000.0;
}

// The same bits; of NaN there are many, and which one comes out is left open.
inline bool is_nan(float x) { return x != x; }
inline bool is_nan(double x) { return x != x; }
inline bool is_nan(BFloat16 x) { return (x.bits & 0x7fff) > 0x7f80; }
inline bool is_nan(Float16 x) { return (x.bits & 0x7fff) > 0x7c00; }
template <typename T> bool same(const T *a, const T *b, std::int64_t count, const char *what) {
  for (std::int64_t k = 0; k < count; ++k)
    if (std::memcmp(a + k, b + k, sizeof(T)) != 0 && !(is_nan(a[k]) && is_nan(b[k]))) {
      std::printf("%s differ at %lld of %lld\n", what, static_cast<long long>(k), static_cast<long long>(count));
      return false;
    }
  return true;
}

// Elementwise losses and XLA's handlers (fuzz_calls.cpp), losses of batches (fuzz_batches.cpp) and streamed evaluation
// (fuzz_evaluation.cpp), once each; whether all agreed.
bool elements_once();
bool handlers_once();
bool batches_once();
bool evaluation_once();

} // namespace lossmith
