// Random calls of CTC, for the sanitizers, as fuzz.cpp makes them of the other kernels: shapes, counts, tokens, values,
// layouts and threads by chance; two executors must agree to the bit. usage: fuzz_ctc [seconds] [seed]
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>

#include "ctc.hpp"

using namespace lossmith;

namespace {

std::mt19937_64 random_bits;

std::int64_t between(std::int64_t low, std::int64_t high) {
  return low + static_cast<std::int64_t>(random_bits() % static_cast<std::uint64_t>(high - low + 1));
}
bool chance(int of) { return between(1, of) == 1; }

// On the heap and of exactly its size, so that AddressSanitizer sees one element too many.
template <typename T> std::unique_ptr<T[]> array(std::int64_t count) {
  return std::unique_ptr<T[]>(new T[static_cast<std::size_t>(count)]());
}

double any_value() {
  const double special[] = {0.0, -0.0, 1e30, -1e30, 1e-42, -1e9, -INFINITY, -INFINITY, INFINITY, NAN};
  if (chance(300)) return special[between(0, 9)];
  return static_cast<double>(between(-40000, 40000)) / 1000.0;
}

void set(float &element) { element = static_cast<float>(any_value()); }
void set(BFloat16 &element) { element.bits = static_cast<std::uint16_t>(random_bits()); }

// The same bits; of NaN there are many.
bool same(float a, float b) { return std::memcmp(&a, &b, sizeof a) == 0 || (a != a && b != b); }
bool same(BFloat16 a, BFloat16 b) { return a.bits == b.bits || ((a.bits & b.bits & 0x7fff) > 0x7f80); }

template <typename Storage> bool once() {
  using T = Compute<Storage>;
  Ctc<Storage> call;
  call.samples = between(0, 9);
  call.steps = chance(20) ? between(200, 400) : between(1, 40);
  call.classes = chance(6) ? between(65, 1500) : between(1, 20);
  call.most_tokens = chance(3) ? between(0, 50) : between(0, 9);
  call.steps_first = chance(2);
  const std::int64_t size = call.samples * call.steps * call.classes;
  const auto logits = array<Storage>(size), first = array<Storage>(size), second = array<Storage>(size);
  const auto tokens = array<std::int64_t>(call.samples * call.most_tokens);
  const auto step_counts = array<std::int64_t>(call.samples), token_counts = array<std::int64_t>(call.samples);
  const auto scale = array<T>(call.samples), values = array<T>(call.samples), again = array<T>(call.samples);
  call.blank = between(0, call.classes - 1);
  for (std::int64_t k = 0; k < size; ++k) set(logits[k]);
  for (std::int64_t k = 0; k < call.samples * call.most_tokens; ++k) {
    do {
      tokens[k] = between(0, call.classes - 1);
    } while (call.classes > 1 && tokens[k] == call.blank);
    if (chance(400)) tokens[k] = static_cast<std::int64_t>(random_bits());
  }
  for (std::int64_t k = 0; k < call.samples; ++k) {
    step_counts[k] = chance(50) ? static_cast<std::int64_t>(random_bits()) : between(0, call.steps);
    token_counts[k] = chance(50) ? static_cast<std::int64_t>(random_bits()) : between(0, call.most_tokens);
    scale[k] = static_cast<T>(any_value());
  }
  call.logits = logits.get();
  call.tokens = tokens.get();
  call.step_counts = chance(2) ? step_counts.get() : nullptr;
  call.token_counts = chance(2) ? token_counts.get() : nullptr;
  call.impossible_is_zero = chance(2);
  call.scale = chance(2) ? scale.get() : nullptr;
  call.values = chance(4) ? nullptr : values.get();
  call.gradient = chance(4) ? nullptr : first.get();
  if (ctc(call, Exec{}) != CtcStatus::done) return false;
  const bool valued = call.values != nullptr, sloped = call.gradient != nullptr;
  if (valued) call.values = again.get();
  if (sloped) call.gradient = second.get();
  if (ctc(call, exec_from(1)) != CtcStatus::done) return false;
  for (std::int64_t k = 0; valued && k < call.samples; ++k)
    if (!same(static_cast<float>(values[k]), static_cast<float>(again[k]))) return false;
  for (std::int64_t k = 0; sloped && k < size; ++k)
    if (!same(first[k], second[k])) return false;
  return true;
}

} // namespace

int main(int count, char **arguments) {
  const double seconds = count > 1 ? std::atof(arguments[1]) : 10.0;
  const std::uint64_t seed = count > 2 ? std::strtoull(arguments[2], nullptr, 10) : 1;
  random_bits.seed(seed);
  const auto start = std::chrono::steady_clock::now();
  bool good = true;
  long done = 0;
  for (; good && std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() < seconds; ++done)
    good = once<float>() && once<BFloat16>();
  std::printf("%s after %ld rounds of CTC, seed %llu\n", good ? "no difference" : "A DIFFERENCE", done,
              static_cast<unsigned long long>(seed));
  return good ? 0 : 1;
}
