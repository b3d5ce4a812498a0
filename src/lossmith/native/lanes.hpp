// Lanes: a few numbers handled by one instruction.
//
// Kernels are written once, over Lanes<T>. With GCC and clang a Lanes<T> is a vector that fits a register; elsewhere,
// or with LOSSMITH_ONE_LANE, it is a single number, and the same expressions (+ - * < ?:) compile to plain scalar code.
// Lanes are loaded and stored by memcpy, so no address needs more alignment than its element type, and no result
// depends on where an array starts.
#pragma once

#include <cstdint>
#include <cstring>
#include <limits>

// Everything below must be inlined into the function that carries LOSSMITH_EVERY_CPU, or it would be compiled for the
// oldest CPU only.
#if defined(_MSC_VER) && !defined(__clang__)
#define LOSSMITH_INLINE inline __forceinline
#define LOSSMITH_INLINED
#else
#define LOSSMITH_INLINE inline __attribute__((always_inline))
#define LOSSMITH_INLINED __attribute__((always_inline)) // the same for a lambda, behind its parameters
#endif

// One function compiled for AVX-512, AVX2 and any x86-64; the loader keeps the one that the CPU can run. It needs the
// indirect functions of glibc and GCC's names for the CPU levels; without them there is one version, for the baseline.
// The lanes are an AVX register wide where there is such a choice, and as wide as SSE2 and NEON have them where not.
// Sanitizers cannot work inside the choice itself: for them LOSSMITH_ONE_CPU leaves the CPU to the compiler's options.
#if defined(LOSSMITH_ONE_CPU)
#define LOSSMITH_EVERY_CPU
#define LOSSMITH_LANE_BYTES 32
#elif defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12
#define LOSSMITH_EVERY_CPU __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#define LOSSMITH_USUAL_LANE_BYTES 32
#else
#define LOSSMITH_EVERY_CPU
#define LOSSMITH_USUAL_LANE_BYTES 16
#endif

// A file that is compiled for one kind of CPU alone says beforehand how wide its lanes are.
#ifndef LOSSMITH_LANE_BYTES
#define LOSSMITH_LANE_BYTES LOSSMITH_USUAL_LANE_BYTES
#endif

namespace lossmith {

template <typename T> struct LaneTypes;

#if (defined(__GNUC__) || defined(__clang__)) && !defined(LOSSMITH_ONE_LANE)
template <> struct LaneTypes<float> {
  using Word = std::uint32_t;
  typedef float Values __attribute__((vector_size(LOSSMITH_LANE_BYTES)));
  typedef Word Bits __attribute__((vector_size(LOSSMITH_LANE_BYTES)));
};
template <> struct LaneTypes<double> {
  using Word = std::uint64_t;
  typedef double Values __attribute__((vector_size(LOSSMITH_LANE_BYTES)));
  typedef Word Bits __attribute__((vector_size(LOSSMITH_LANE_BYTES)));
};
#else
template <> struct LaneTypes<float> {
  using Word = std::uint32_t;
  using Values = float;
  using Bits = Word;
};
template <> struct LaneTypes<double> {
  using Word = std::uint64_t;
  using Values = double;
  using Bits = Word;
};
#endif

template <typename T> using Lanes = typename LaneTypes<T>::Values;

template <typename T> constexpr std::int64_t lane_count = sizeof(Lanes<T>) / sizeof(T);

template <typename T> constexpr T infinity = std::numeric_limits<T>::infinity();

template <typename T> LOSSMITH_INLINE Lanes<T> broadcast(T value) { return Lanes<T>{} + value; }

template <typename T> LOSSMITH_INLINE Lanes<T> load(const T *from) {
  Lanes<T> lanes;
  std::memcpy(&lanes, from, sizeof lanes);
  return lanes;
}

template <typename T> LOSSMITH_INLINE void store(T *to, Lanes<T> lanes) { std::memcpy(to, &lanes, sizeof lanes); }

// Makes a product a number of its own: where a * b - c * d stands in several places, the compiler would otherwise be free
// to round the one product here and the other there.
template <typename T> LOSSMITH_INLINE void hide([[maybe_unused]] T &value) {
#if defined(__GNUC__) || defined(__clang__)
  asm("" : "+m"(value));
#endif
}

// The last `count` lanes, and 0 for those before them.
template <typename T> LOSSMITH_INLINE Lanes<T> keep_last(Lanes<T> lanes, std::int64_t count) {
  T place[lane_count<T>];
  for (std::int64_t k = 0; k < lane_count<T>; ++k) place[k] = static_cast<T>(lane_count<T> - k);
  return load(place) <= static_cast<T>(count) ? lanes : Lanes<T>{};
}

// Lanes of double, each rounded to T.
template <typename T> LOSSMITH_INLINE void store_rounded(T *to, Lanes<double> lanes) {
  double each[lane_count<double>];
  store<double>(each, lanes);
  for (std::int64_t k = 0; k < lane_count<double>; ++k) to[k] = static_cast<T>(each[k]);
}

// Where one is NaN, which of the two comes out is left open.
template <typename T> LOSSMITH_INLINE Lanes<T> larger(Lanes<T> a, Lanes<T> b) { return b > a ? b : a; }

// Sum and maximum across the lanes, as a tree: few steps that wait for each other, in an order that never changes.
template <typename T> LOSSMITH_INLINE double sum_across(Lanes<T> lanes) {
  T each[lane_count<T>];
  store<T>(each, lanes);
  double sums[lane_count<T>];
  for (std::int64_t k = 0; k < lane_count<T>; ++k) sums[k] = static_cast<double>(each[k]);
  for (std::int64_t half = lane_count<T> / 2; half > 0; half /= 2)
    for (std::int64_t k = 0; k < half; ++k) sums[k] += sums[k + half];
  return sums[0];
}

template <typename T> LOSSMITH_INLINE T max_across(Lanes<T> lanes) {
  T each[lane_count<T>];
  store<T>(each, lanes);
  for (std::int64_t half = lane_count<T> / 2; half > 0; half /= 2)
    for (std::int64_t k = 0; k < half; ++k) each[k] = each[k + half] > each[k] ? each[k + half] : each[k];
  return each[0];
}

// Asks for the cache line at `address` ahead of its use; the address may lie outside the array.
LOSSMITH_INLINE void prefetch(const void *address) {
#if defined(__GNUC__) || defined(__clang__)
  __builtin_prefetch(address);
#else
  static_cast<void>(address);
#endif
}

} // namespace lossmith
