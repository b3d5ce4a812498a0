// Memory that a kernel needs for a moment, kept by each thread for its next call.
#pragma once

#include <cstdint>
#include <memory>
#include <new>

namespace lossmith {

// Room for `count` elements on a cache line's boundary, valid until this thread's next scratch<T>.
// Throws std::bad_alloc.
template <typename T> T *scratch(std::int64_t count) {
  struct Aligned {
    void operator()(T *memory) const { ::operator delete[](memory, std::align_val_t{64}); }
  };
  thread_local std::unique_ptr<T[], Aligned> kept;
  thread_local std::int64_t size = 0;
  if (size < count) {
    kept.reset();
    size = 0;
    kept.reset(static_cast<T *>(::operator new[](static_cast<std::size_t>(count) * sizeof(T), std::align_val_t{64})));
    for (std::int64_t k = 0; k < count; ++k) kept[static_cast<std::size_t>(k)] = T{};
    size = count;
  }
  return kept.get();
}

} // namespace lossmith
