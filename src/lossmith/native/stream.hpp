// Writing rows, one after the other, as whole cache lines.
//
// A big gradient is written once and not read again soon. Stores that pass the caches by ("non-temporal") then save
// the memory half of the work, but only as whole lines: where a row ends inside a line, its last elements are carried
// over and written together with the first ones of the next row.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "half.hpp"
#include "lanes.hpp"

#if defined(__SSE2__) || defined(_M_X64)
#include <emmintrin.h>
#define LOSSMITH_STREAMS 1
#endif

namespace lossmith {

constexpr std::int64_t line_bytes = 64;

// Below this many bytes an array may still lie in a cache when it is read next.
constexpr std::int64_t streaming_bytes = 4 << 20;

// Elements of a line, and lanes of a line.
template <typename Storage> constexpr std::int64_t line_size = line_bytes / sizeof(Storage);
template <typename Storage>
constexpr std::int64_t line_lanes = line_size<Storage> / lane_count<Compute<Storage>>;

// Stores a line at an address that is a multiple of its size.
LOSSMITH_INLINE void write_line(void *to, const void *from, [[maybe_unused]] bool streaming) {
#if defined(LOSSMITH_STREAMS)
  if (streaming) {
    const auto *source = static_cast<const float *>(from);
    auto *target = static_cast<float *>(to);
    for (int k = 0; k < 16; k += 4) _mm_stream_ps(target + k, _mm_loadu_ps(source + k));
    return;
  }
#endif
  std::memcpy(to, from, line_bytes);
}

// Stores the lanes of `Storage` elements at an aligned address. `numbers`: none is NaN.
template <bool numbers, typename Storage>
LOSSMITH_INLINE void write_lanes(Storage *to, Lanes<Compute<Storage>> value, [[maybe_unused]] bool streaming) {
#if defined(LOSSMITH_STREAMS)
  constexpr int bytes = lane_count<Compute<Storage>> * sizeof(Storage);
  if constexpr (bytes % 16 == 0) {
    if (streaming) {
      alignas(bytes) Storage elements[lane_count<Compute<Storage>>];
      store_to<numbers>(elements, value);
      const auto *from = reinterpret_cast<const float *>(elements);
      for (int k = 0; k < bytes / 16; ++k) _mm_stream_ps(reinterpret_cast<float *>(to) + 4 * k, _mm_load_ps(from + 4 * k));
      return;
    }
  }
#endif
  store_to<numbers>(to, value);
}

// Other threads see streamed stores only after this.
LOSSMITH_INLINE void finish_streaming() {
#if defined(LOSSMITH_STREAMS)
  _mm_sfence();
#endif
}

// Writes consecutive rows of `size` elements that start at `to`. A row is a `source`:
//   source.piece(begin, count, elements)  puts `count` <= line_size elements, from column `begin` on, into `elements`
//   source.start(column)                  says that the next line begins at this column
//   source.plain_until                    a line that begins before this column is
//   source.lanes(column)                  lanes, one after the other; other lines are a piece
//   source.numbers                        whether lanes are never NaN
template <typename Storage> class RowStream {
public:
  static constexpr std::int64_t line = line_size<Storage>;

  LOSSMITH_INLINE RowStream(Storage *to, bool streaming) : streaming_(streaming) {
    const auto misplaced = reinterpret_cast<std::uintptr_t>(to) % line_bytes / sizeof(Storage);
    carried_ = skipped_ = static_cast<std::int64_t>(misplaced);
    to_ = to - carried_;
  }

  // Takes what comes before the first whole line and after the last. After this the source's columns are read once
  // each, in ascending order, by `next`; none before the column that `next` has reached.
  template <typename Source> LOSSMITH_INLINE void begin_row(Source &source, std::int64_t size) {
    const std::int64_t head = std::min(size, (line - carried_) % line);
    Storage tail[line];
    lines_ = (size - head) / line;
    const std::int64_t rest = size - head - lines_ * line;
    if (rest > 0) source.piece(size - rest, rest, tail);
    if (head > 0) {
      source.piece(0, head, carry_ + carried_);
      carried_ += head;
      if (carried_ == line) flush();
    }
    begin_ = head;
    next_ = 0;
    if (rest > 0 || lines_ > 0) {
      std::copy_n(tail, rest, carry_);
      after_carry_ = rest;
    } else {
      after_carry_ = carried_;
    }
    source.start(begin_);
  }

  LOSSMITH_INLINE bool more() const { return next_ < lines_; }

  template <typename Source> LOSSMITH_INLINE void next(Source &source) {
    const std::int64_t column = begin_ + next_ * line;
    if (column < source.plain_until) {
      constexpr std::int64_t width = lane_count<Compute<Storage>>;
      for (int k = 0; k < line_lanes<Storage>; ++k)
        write_lanes<Source::numbers>(to_ + k * width, source.lanes(column + k * width), streaming_);
    } else {
      Storage elements[line];
      source.piece(column, line, elements);
      write_line(to_, elements, streaming_);
      source.start(column + line);
    }
    to_ += line;
    ++next_;
  }

  LOSSMITH_INLINE void end_row() { carried_ = after_carry_; }

  // Writes what is carried; the other elements of that line are not ours.
  LOSSMITH_INLINE void end() {
    for (std::int64_t k = skipped_; k < carried_; ++k) to_[k] = carry_[k];
    if (streaming_) finish_streaming();
  }

private:
  LOSSMITH_INLINE void flush() {
    if (skipped_ == 0)
      write_line(to_, carry_, streaming_);
    else
      for (std::int64_t k = skipped_; k < line; ++k) to_[k] = carry_[k];
    to_ += line;
    carried_ = skipped_ = 0;
  }

  bool streaming_;
  Storage *to_;           // the line that is written next
  Storage carry_[line];   // its first elements, which belong to rows before
  std::int64_t carried_;  // how many
  std::int64_t skipped_;  // of these, how many lie before the first row
  std::int64_t begin_ = 0, next_ = 0, lines_ = 0, after_carry_ = 0;
};

} // namespace lossmith
