// How a call is cut into pieces of work.
#pragma once

#include <algorithm>
#include <cstdint>

namespace lossmith {

// Calls work(begin, end) for rows [0, rows), `grain` rows at a time. Kernels write each row by itself, so the pieces
// may run in any order and on any thread; they run here one after the other.
template <typename Work> void run_rows(std::int64_t rows, std::int64_t grain, Work &&work) {
  for (std::int64_t begin = 0; begin < rows; begin += grain) work(begin, std::min(rows, begin + grain));
}

} // namespace lossmith
