// Random calls of the losses whose rows compare with each other: sizes, groups, values and threads by chance.
#include <algorithm>
#include <cstdio>

#include "batch_matrix.hpp"
#include "batch_targets.hpp"
#include "fuzz_tools.hpp"

namespace lossmith {
namespace {

// Two matrices as JAX and TensorFlow hand them over, both `call`'s: each must give what it gave alone.
template <typename T> bool packed_once(BatchLoss loss, BatchRows<T> call, const T *gradient, const T *values) {
  const std::int64_t rows = call.rows, size = rows * rows;
  const Array<std::int32_t> target(4 * rows);
  const Array<T> matrices(2 * size), scales(2 * rows), slopes(2 * size), found(2 * rows);
  for (std::int64_t k = 0; k < 2 * rows; ++k) {
    const auto group = call.groups == nullptr ? 0 : static_cast<std::int32_t>(call.groups[k % rows]);
    target.get()[2 * k] = group;
    target.get()[2 * k + 1] = call.present == nullptr || call.present[k % rows] != 0;
    if (call.scale != nullptr) scales.get()[k] = call.scale[k % rows];
  }
  std::copy_n(call.matrix, size, matrices.get());
  std::copy_n(call.matrix, size, matrices.get() + size);
  call.matrix = matrices.get();
  call.scale = call.scale == nullptr ? nullptr : scales.get();
  call.values = call.values == nullptr ? nullptr : found.get();
  call.gradient = call.gradient == nullptr ? nullptr : slopes.get();
  if (batch_rows_of_each(loss, call, 2, target.get(), exec_from(1)) != BatchStatus::done) return false;
  for (std::int64_t k = 0; k < 2; ++k) {
    if (call.values != nullptr && !same(found.get() + k * rows, values, rows, "values")) return false;
    if (call.gradient != nullptr && !same(slopes.get() + k * size, gradient, size, "gradients")) return false;
  }
  return true;
}

template <typename T> bool once() {
  BatchRows<T> call;
  call.rows = chance(20) ? between(200, 400) : between(0, 70);
  const std::int64_t size = call.rows * call.rows, most = chance(3) ? 2 : between(1, 20);
  const Array<T> matrix(size), first(size), second(size), scale(call.rows), values(call.rows), again(call.rows);
  const Array<std::int64_t> groups(call.rows);
  const Array<std::uint8_t> present(call.rows);
  const bool whole = chance(2), distances = chance(2); // whole numbers tie
  for (std::int64_t k = 0; k < size; ++k) {
    const double value = whole ? static_cast<double>(between(-9, 9)) : any_value();
    matrix.get()[k] = static_cast<T>(distances && value < 0.0 ? -value : value);
  }
  for (std::int64_t k = 0; k < call.rows; ++k) {
    groups.get()[k] = chance(50) ? static_cast<std::int32_t>(random_bits()) : between(1, most);
    present.get()[k] = !chance(5);
    scale.get()[k] = static_cast<T>(any_value());
  }
  const auto loss = static_cast<BatchLoss>(between(0, 4));
  call.matrix = matrix.get();
  call.groups = loss == BatchLoss::siglip && chance(2) ? nullptr : groups.get();
  call.present = chance(2) ? present.get() : nullptr;
  call.margin = static_cast<double>(between(0, 2));
  call.soft = chance(2);
  call.scale = chance(2) ? scale.get() : nullptr;
  call.factor = chance(2) ? 1.0 : 1e-3;
  call.values = chance(8) ? nullptr : values.get();
  call.gradient = chance(4) ? nullptr : first.get();
  const bool valued = call.values != nullptr, sloped = call.gradient != nullptr;
  const BatchStatus one = batch_rows(loss, call, Exec{});
  if (valued) call.values = again.get();
  if (sloped) call.gradient = second.get();
  const bool agree = one == BatchStatus::done && batch_rows(loss, call, exec_from(1)) == one &&
                     (!valued || same(values.get(), again.get(), call.rows, "values")) &&
                     (!sloped || same(first.get(), second.get(), size, "gradients"));
  if (agree && packed_once(loss, call, first.get(), values.get())) return true;
  if (agree) std::printf("packed, ");
  std::printf("batch: loss %d, %lld rows, %d bytes\n", static_cast<int>(loss), static_cast<long long>(call.rows),
              static_cast<int>(sizeof(T)));
  return false;
}

// Matrices of any size, turned, as distances and as what pulls vectors apart: the same by one thread and by several.
template <typename T> bool matrix_once() {
  const std::int64_t rows = chance(20) ? between(200, 400) : between(0, 70), size = rows * rows;
  const std::int64_t features = between(1, 40);
  const Array<T> from(size), first(size), second(size), vectors(rows * features), pulled(rows * features);
  const Array<T> again(rows * features), lengths(rows);
  for (std::int64_t k = 0; k < size; ++k) from.get()[k] = static_cast<T>(chance(30) ? any_value() : 0.0);
  for (std::int64_t k = 0; k < rows * features; ++k) vectors.get()[k] = static_cast<T>(any_value());
  for (std::int64_t k = 0; k < rows; ++k) lengths.get()[k] = static_cast<T>(any_value());

  const auto what = static_cast<Turned>(between(0, 2));
  const bool alone = what == Turned::mirror || (what == Turned::add && chance(2)), squared = chance(2);
  for (const bool threads : {false, true}) {
    const Exec exec = threads ? exec_from(1) : Exec{};
    T *to = (threads ? second : first).get();
    std::copy_n(from.get(), size, to);
    turn_matrix(what, rows, to, alone ? to : from.get(), exec);
    pair_distances(rows, to, lengths.get(), 2.0, squared, exec);
    PairPulls<T> call;
    call.rows = rows;
    call.features = features;
    call.slopes = from.get();
    call.lengths = squared ? nullptr : to;
    call.vectors = vectors.get();
    call.gradient = (threads ? again : pulled).get();
    if (!pull_pairs(call, exec)) std::fill_n(call.gradient, rows * features, T(0));
  }
  if (same(first.get(), second.get(), size, "matrices") &&
      same(pulled.get(), again.get(), rows * features, "what is pulled apart"))
    return true;
  std::printf("matrix: turned %d, %lld rows, %d bytes\n", static_cast<int>(what), static_cast<long long>(rows),
              static_cast<int>(sizeof(T)));
  return false;
}

} // namespace

bool batches_once() { return once<float>() && once<double>() && matrix_once<float>() && matrix_once<double>(); }

} // namespace lossmith
