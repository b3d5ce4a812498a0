// Random calls of the losses whose rows compare with each other: sizes, groups, values and threads by chance.
#include <cstdio>

#include "batch_rows.hpp"
#include "fuzz_tools.hpp"

namespace lossmith {
namespace {

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
    groups.get()[k] = chance(50) ? static_cast<std::int64_t>(random_bits()) : between(1, most);
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
  if (!agree)
    std::printf("batch: loss %d, %lld rows, %d bytes\n", static_cast<int>(loss), static_cast<long long>(call.rows),
                static_cast<int>(sizeof(T)));
  return agree;
}

} // namespace

bool batches_once() { return once<float>() && once<double>(); }

} // namespace lossmith
