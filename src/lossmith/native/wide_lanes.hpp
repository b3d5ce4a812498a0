// Lanes of T as lanes of double and back, in registers: a load of lanes whose numbers were stored one by one just
// before waits until all of these have reached the cache.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "lanes.hpp"
#include "turn.hpp"

namespace lossmith {

// Lanes of T as lanes of double, of which it takes wide_parts<T>.
template <typename T> constexpr std::int64_t wide_parts = lane_count<T> / lane_count<double>;
template <typename T> struct Wide {
  Lanes<double> part[wide_parts<T>];
};

#if defined(LOSSMITH_SHUFFLES)
typedef float HalfLanes __attribute__((vector_size(LOSSMITH_LANE_BYTES / 2)));
template <std::size_t... k> LOSSMITH_INLINE Wide<float> halves(Lanes<float> x, std::index_sequence<k...>) {
  constexpr int half = sizeof...(k);
  return {__builtin_convertvector(__builtin_shufflevector(x, x, int(k)...), Lanes<double>),
          __builtin_convertvector(__builtin_shufflevector(x, x, (int(k) + half)...), Lanes<double>)};
}
template <std::size_t... k> LOSSMITH_INLINE Lanes<float> joined(const Wide<float> &x, std::index_sequence<k...>) {
  return __builtin_shufflevector(__builtin_convertvector(x.part[0], HalfLanes),
                                 __builtin_convertvector(x.part[1], HalfLanes), int(k)...);
}
#endif

template <typename T> LOSSMITH_INLINE Wide<T> wide(Lanes<T> x) {
  if constexpr (std::is_same_v<T, double>) {
    return {{x}};
  } else {
#if defined(LOSSMITH_SHUFFLES)
    return halves(x, std::make_index_sequence<lane_count<double>>());
#else
    T each[lane_count<T>];
    store<T>(each, x);
    double numbers[lane_count<T>];
    std::copy_n(each, lane_count<T>, numbers);
    Wide<T> result;
    for (std::int64_t k = 0; k < wide_parts<T>; ++k) result.part[k] = load(numbers + k * lane_count<double>);
    return result;
#endif
  }
}

// Each number rounded to T.
template <typename T> LOSSMITH_INLINE Lanes<T> rounded(const Wide<T> &x) {
  if constexpr (std::is_same_v<T, double>) {
    return x.part[0];
  } else {
#if defined(LOSSMITH_SHUFFLES)
    return joined(x, std::make_index_sequence<lane_count<T>>());
#else
    T each[lane_count<T>];
    for (std::int64_t k = 0; k < wide_parts<T>; ++k) store_rounded(each + k * lane_count<double>, x.part[k]);
    return load(each);
#endif
  }
}

template <typename T> LOSSMITH_INLINE void store_wide(double *to, const Wide<T> &x) {
  for (std::int64_t k = 0; k < wide_parts<T>; ++k) store<double>(to + k * lane_count<double>, x.part[k]);
}

} // namespace lossmith
