// Turning a few rows into columns: lanes along the rows become lanes across them, without a detour over single numbers.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "lanes.hpp"

#if defined(__has_builtin) && !defined(LOSSMITH_ONE_LANE)
#if __has_builtin(__builtin_shufflevector)
#define LOSSMITH_SHUFFLES
#endif
#endif

namespace lossmith {

#if defined(LOSSMITH_SHUFFLES)
// Of two rows that are `distance` apart, the lanes whose numbers have that bit change places: the upper lanes of the
// first with the lower ones of the second. After this was done for all distances below the width, rows are columns.
template <typename T, std::size_t distance, std::size_t... k>
LOSSMITH_INLINE void exchange(Lanes<T> &a, Lanes<T> &b, std::index_sequence<k...>) {
  constexpr int width = sizeof...(k), step = static_cast<int>(distance);
  const Lanes<T> first = __builtin_shufflevector(a, b, ((k & distance) == 0 ? int(k) : width + int(k) - step)...);
  b = __builtin_shufflevector(a, b, ((k & distance) == 0 ? int(k) + step : width + int(k))...);
  a = first;
}

template <typename T, std::size_t distance> LOSSMITH_INLINE void turn_square(Lanes<T> *rows) {
  constexpr std::size_t width = lane_count<T>;
  for (std::size_t k = 0; k < width; ++k)
    if ((k & distance) == 0) exchange<T, distance>(rows[k], rows[k + distance], std::make_index_sequence<width>());
  if constexpr (distance > 1) turn_square<T, distance / 2>(rows);
}
#endif

// to[c * to_stride + r] = from[r * from_stride + c] for `rows` and `columns`; quick where both are at least
// lane_count<T>.
template <typename T>
LOSSMITH_INLINE void turn(const T *from, std::int64_t from_stride, std::int64_t rows, std::int64_t columns, T *to,
                          std::int64_t to_stride) {
#if defined(LOSSMITH_SHUFFLES)
  constexpr std::int64_t width = lane_count<T>;
  if (rows >= width && columns >= width) {
    // The last square reaches back, and writes some numbers a second time.
    for (std::int64_t r = 0; r < rows; r += width)
      for (std::int64_t c = 0; c < columns; c += width) {
        const std::int64_t row = std::min(r, rows - width), column = std::min(c, columns - width);
        Lanes<T> square[width];
        for (std::int64_t k = 0; k < width; ++k) square[k] = load(from + (row + k) * from_stride + column);
        turn_square<T, width / 2>(square);
        for (std::int64_t k = 0; k < width; ++k) store<T>(to + (column + k) * to_stride + row, square[k]);
      }
    return;
  }
#endif
  for (std::int64_t c = 0; c < columns; ++c)
    for (std::int64_t r = 0; r < rows; ++r) to[c * to_stride + r] = from[r * from_stride + c];
}

} // namespace lossmith
