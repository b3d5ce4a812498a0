// Losses of batches as JAX and TensorFlow hand them over: any number of matrices one after the other (…, N, N), and one
// array (…, N, 2) of the group of each row and whether it is present.
#pragma once

#include <cstdint>
#include <new>
#include <vector>

#include "batch_rows.hpp"

namespace lossmith {

// `call` is that of the first matrix, without groups and `present`; its arrays are followed by those of the others.
template <typename T, typename Integer>
BatchStatus batch_rows_of_each(BatchLoss loss, BatchRows<T> call, std::int64_t matrices, const Integer *packed,
                               const Exec &exec) {
  const std::int64_t rows = call.rows;
  std::vector<std::int64_t> groups;
  std::vector<std::uint8_t> present;
  try {
    groups.resize(static_cast<std::size_t>(rows));
    present.resize(static_cast<std::size_t>(rows));
  } catch (const std::bad_alloc &) {
    return BatchStatus::out_of_memory;
  }
  call.groups = groups.data();
  call.present = present.data();
  const auto advance = [](auto *&array, std::int64_t count) {
    if (array != nullptr) array += count;
  };
  BatchStatus status = BatchStatus::done;
  for (; matrices > 0 && status == BatchStatus::done; --matrices) {
    for (std::size_t row = 0; row < groups.size(); ++row) {
      groups[row] = *packed++;
      present[row] = *packed++ != 0;
    }
    status = batch_rows(loss, call, exec);
    call.matrix += rows * rows;
    advance(call.scale, rows);
    advance(call.values, rows);
    advance(call.gradient, rows * rows);
  }
  return status;
}

} // namespace lossmith
