// Random calls of the kernels, for the sanitizers: shapes, dtypes, values, options, threads and addresses by chance.
//
// Every array lies in memory of its own of exactly its size, so that AddressSanitizer sees one byte too many. What is
// computed is judged by the Python tests; here two executors must agree to the bit and nothing may be touched that is
// not ours. usage: fuzz [seconds] [seed]
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include "exec.hpp"
#include "gradient_memory.hpp"
#include "fuzz_tools.hpp"
#include "row_pairs.hpp"
#include "softmax_cross_entropy.hpp"

using namespace lossmith;

namespace {

template <typename Storage> bool once() {
  using T = Compute<Storage>;
  const std::int64_t sizes[] = {1, 2, 7, 8, 10, 63, 64, 65, 100, 1000, 1024, 2047, 2048, 2500, 5000};
  SoftmaxCrossEntropy<Storage> call;
  call.classes = chance(2) ? sizes[between(0, 14)] : between(1, 300);
  if (chance(60)) call.classes = 262145 + between(0, 100);
  call.rows = between(0, std::max<std::int64_t>(1, any_size() / call.classes));
  const std::int64_t size = call.rows * call.classes;
  const Array<Storage> logits(size), first(size), second(size);
  const Array<std::int64_t> labels(call.rows);
  const Array<std::uint8_t> keep(call.rows);
  const Array<T> scale(call.rows), weights(call.classes), values(call.rows), again(call.rows);
  for (std::int64_t k = 0; k < size; ++k) logits.get()[k] = number<Storage>(any_value());
  for (std::int64_t k = 0; k < call.rows; ++k) {
    labels.get()[k] = chance(20) ? -100 : between(0, call.classes - 1);
    if (chance(5000)) labels.get()[k] = static_cast<std::int64_t>(random_bits());
    keep.get()[k] = !chance(4);
    scale.get()[k] = static_cast<T>(any_value());
  }
  for (std::int64_t c = 0; c < call.classes; ++c) weights.get()[c] = chance(5) ? T(0) : static_cast<T>(between(0, 9));
  call.logits = logits.get();
  call.labels = labels.get();
  call.keep = chance(2) ? keep.get() : nullptr;
  call.ignores = !chance(8);
  call.ignored = -100;
  call.scale = chance(2) ? scale.get() : nullptr;
  call.mean = chance(2);
  call.class_weight = chance(2) ? weights.get() : nullptr;
  call.label_smoothing = chance(2) ? 0.1 : 0.0;
  call.z_loss = chance(3) ? 1e-3 : 0.0;
  if (chance(3)) {
    call.label_smoothing = call.z_loss = 0.0;
    call.focal = static_cast<double>(between(0, 5000)) / 1000.0;
  }
  call.values = values.get();
  call.gradient = chance(4) ? nullptr : first.get();

  const SoftmaxOutcome one = softmax_cross_entropy(call, Exec{});
  call.values = again.get();
  if (call.gradient != nullptr) call.gradient = second.get();
  if (call.gradient != nullptr && chance(2)) { // over the logits
    std::copy_n(logits.get(), size, second.get());
    call.logits = second.get();
  }
  const SoftmaxOutcome two = softmax_cross_entropy(call, exec_from(1));
  if (one.bad_row != two.bad_row) return false;
  if (one.bad_row >= 0) return true;
  const bool agree = same(&one.total, &two.total, 1, "totals") &&
                     same(values.get(), again.get(), call.rows, "values") &&
                     (call.gradient == nullptr || same(first.get(), second.get(), size, "gradients"));
  if (!agree)
    std::printf("%lld rows, %lld classes, %d bytes, weights %d, smoothing %g, focal %g, in place %d\n",
                static_cast<long long>(call.rows), static_cast<long long>(call.classes),
                static_cast<int>(sizeof(Storage)), call.class_weight != nullptr, call.label_smoothing, call.focal,
                call.logits == call.gradient);
  return agree;
}

template <typename Storage> bool pairs_once() {
  using T = Compute<Storage>;
  const std::int64_t sizes[] = {1, 2, 7, 8, 10, 63, 64, 65, 100, 1000, 1024, 2047, 2048, 2500, 5000};
  RowPairs<Storage> call;
  call.classes = chance(2) ? sizes[between(0, 14)] : between(1, 300);
  if (chance(60)) call.classes = 262145 + between(0, 100);
  call.rows = between(0, std::max<std::int64_t>(1, any_size() / call.classes));
  const std::int64_t size = call.rows * call.classes;
  const Array<Storage> prediction(size), target(size), first(size), second(size);
  const Array<T> scale(call.rows), weights(call.classes), values(call.rows), again(call.rows);
  for (std::int64_t k = 0; k < size; ++k) {
    prediction.get()[k] = number<Storage>(any_value());
    target.get()[k] = number<Storage>(any_value());
  }
  for (std::int64_t k = 0; k < call.rows; ++k) scale.get()[k] = static_cast<T>(any_value());
  for (std::int64_t c = 0; c < call.classes; ++c) weights.get()[c] = chance(5) ? T(0) : static_cast<T>(between(0, 9));
  call.prediction = prediction.get();
  call.target = target.get();
  call.scale = chance(2) ? scale.get() : nullptr;
  call.factor = chance(2) ? 1.0 : 1e-3;
  call.class_weight = chance(3) ? weights.get() : nullptr;
  call.label_smoothing = chance(2) ? 0.1 : 0.0;
  call.z_loss = chance(3) ? 1e-3 : 0.0;
  call.temperature = chance(2) ? 1.0 : static_cast<double>(between(1, 9000)) / 1000.0;
  call.beta = static_cast<double>(between(1, 99)) / 100.0;
  call.values = chance(8) ? nullptr : values.get();
  call.gradient = chance(4) ? nullptr : first.get();
  const auto loss = static_cast<PairLoss>(between(0, 3));

  const RowPairsOutcome one = row_pairs(loss, call, Exec{});
  const bool valued = call.values != nullptr, sloped = call.gradient != nullptr;
  if (valued) call.values = again.get();
  if (sloped) call.gradient = second.get();
  const RowPairsOutcome two = row_pairs(loss, call, exec_from(1));
  const bool agree = same(&one.total, &two.total, 1, "totals") &&
                     (!valued || same(values.get(), again.get(), call.rows, "values")) &&
                     (!sloped || same(first.get(), second.get(), size, "gradients"));
  if (!agree)
    std::printf("pairs: loss %d, %lld rows, %lld classes, %d bytes\n", static_cast<int>(loss),
                static_cast<long long>(call.rows), static_cast<long long>(call.classes),
                static_cast<int>(sizeof(Storage)));
  return agree;
}

bool memory_once() {
  GradientBlock *blocks[4] = {};
  for (GradientBlock *&block : blocks) {
    block = take_gradient_block(static_cast<std::size_t>(between(1, chance(4) ? 20 << 20 : 1 << 20)));
    if (block == nullptr) return false;
    std::memset(block->memory, 1, block->bytes);
  }
  for (GradientBlock *block : blocks) give_back(block);
  if (chance(4)) trim_gradient_memory();
  return true;
}

} // namespace

int main(int count, char **arguments) {
  const double seconds = count > 1 ? std::atof(arguments[1]) : 10.0;
  const std::uint64_t seed = count > 2 ? std::strtoull(arguments[2], nullptr, 10) : 1;
  random_bits.seed(seed);
  const auto start = std::chrono::steady_clock::now();
  long done = 0;
  // A second caller, so that the pool is asked for while it is busy.
  std::atomic<bool> over{false};
  std::thread beside([&] {
    std::vector<float> logits(300 * 200, 1.0f), gradient(300 * 200);
    std::vector<std::int64_t> labels(300, 3);
    while (!over) {
      SoftmaxCrossEntropy<float> call;
      call.rows = 300;
      call.classes = 200;
      call.logits = logits.data();
      call.labels = labels.data();
      call.gradient = gradient.data();
      softmax_cross_entropy(call, exec_from(1));
      if (GradientBlock *block = take_gradient_block(5 << 20)) give_back(block);
    }
  });
  bool good = true;
  while (good && std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() < seconds) {
    good = elements_once() && handlers_once() && batches_once() && evaluation_once();
    good = good && once<float>() && once<BFloat16>() && memory_once();
    good = good && pairs_once<float>() && pairs_once<BFloat16>();
#if defined(LOSSMITH_FUZZ_ALL)
    good = good && once<double>() && once<Float16>() && pairs_once<double>() && pairs_once<Float16>();
#endif
    ++done;
  }
  over = true;
  beside.join();
  std::printf("%s after %ld rounds, seed %llu\n", good ? "no difference" : "A DIFFERENCE", done,
              static_cast<unsigned long long>(seed));
  return good ? 0 : 1;
}
