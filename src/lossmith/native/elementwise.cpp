#include "elementwise.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <limits>
#include <memory>
#include <new>

#include "elementwise_blocks.hpp"
#include "elementwise_losses.hpp"
#include "half.hpp"
#include "lanes.hpp"
#include "stream.hpp"

namespace lossmith {
namespace {

// What one thread takes at a time. Of few elements it is little, or one of two threads would wait for the other.
constexpr std::int64_t elements_per_chunk = 1 << 15, elements_per_small_chunk = 1 << 13, few_elements = 1 << 20;
constexpr std::int64_t partials_on_stack = 256;

// What a call takes on one thread is about this many nanoseconds per element, in float. Other threads are woken when
// there are 80 microseconds to share: at best that saves 40, and waking them and waiting for the last one takes 5 to 20.
constexpr double element_cost = 0.35, function_cost = 0.4, worth_sharing = 80e3;

// A call, resolved: the formula and what its blocks share.
template <typename T> struct Job {
  const Elementwise &call;
  BlockFunctions<T> formula;
  T shared[most_shared_numbers];
  T scale;
  bool streaming; // the gradient is written around the caches
};

// A block's own arrays, for inputs that are converted and outputs that are not in their final form yet.
template <typename T> struct Scratch {
  alignas(64) T prediction[elements_per_block];
  alignas(64) T target[elements_per_block];
  alignas(64) T other[elements_per_block]; // the extra array, then the weight
  alignas(64) T values[elements_per_block];
  alignas(64) T gradient[elements_per_block];
};

template <typename From> LOSSMITH_INLINE const From *at(const void *data, std::int64_t begin) {
  return static_cast<const From *>(data) + begin;
}

template <typename From, typename T>
LOSSMITH_INLINE const T *converted(const void *data, std::int64_t begin, std::int64_t count, T *place) {
  const From *from = at<From>(data, begin);
  for (std::int64_t k = 0; k < count; ++k) {
    From element;
    std::memcpy(&element, from + k, sizeof element);
    place[k] = static_cast<T>(element);
  }
  return place;
}

template <typename Half, typename T>
LOSSMITH_INLINE const T *converted_half(const void *data, std::int64_t begin, std::int64_t count, T *place) {
  constexpr std::int64_t step = lane_count<float>;
  const Half *from = at<Half>(data, begin);
  float values[step];
  for (std::int64_t k = 0; k < count; k += step) {
    const std::int64_t some = std::min(step, count - k);
    if (some == step) {
      store<float>(values, load_from(from + k));
    } else {
      Half last[step] = {};
      std::memcpy(last, from + k, static_cast<std::size_t>(some) * sizeof(Half));
      store<float>(values, load_from(last));
    }
    for (std::int64_t j = 0; j < some; ++j) place[k + j] = static_cast<T>(values[j]);
  }
  return place;
}

// `count` elements of an input as T: where they lie, or converted into `place`.
template <typename T>
LOSSMITH_INLINE const T *elements(const ElementInput &input, std::int64_t begin, std::int64_t count, T *place) {
  switch (input.type) {
  case ElementType::f32:
    if constexpr (sizeof(T) == 4) return at<T>(input.data, begin);
    return converted<float>(input.data, begin, count, place);
  case ElementType::f64: return at<T>(input.data, begin); // only beside a double prediction
  case ElementType::bf16: return converted_half<BFloat16>(input.data, begin, count, place);
  case ElementType::f16: return converted_half<Float16>(input.data, begin, count, place);
  case ElementType::i64: return converted<std::int64_t>(input.data, begin, count, place);
  case ElementType::i32: return converted<std::int32_t>(input.data, begin, count, place);
  case ElementType::u8: break;
  }
  return converted<std::uint8_t>(input.data, begin, count, place);
}

// `count` elements, followed by zeros up to `filled`, in `place`.
template <typename T>
LOSSMITH_INLINE const T *filled_up(const T *from, std::int64_t count, std::int64_t filled, T *place) {
  if (from != place) std::copy_n(from, count, place);
  std::fill(place + count, place + filled, T(0));
  return place;
}

// Sum in double, in sixteen strands that are joined as a tree.
template <typename T> LOSSMITH_INLINE double sum(const T *values, std::int64_t count) {
  double strands[16] = {};
  std::int64_t k = 0;
  for (; k + 16 <= count; k += 16)
    for (int j = 0; j < 16; ++j) strands[j] += static_cast<double>(values[k + j]);
  for (int j = 0; k + j < count; ++j) strands[j] += static_cast<double>(values[k + j]);
  for (int half = 8; half > 0; half /= 2)
    for (int j = 0; j < half; ++j) strands[j] += strands[j + half];
  return strands[0];
}

// Whether an element lies outside of what is allowed.
template <typename T> LOSSMITH_INLINE bool outside(const Limits &limits, const T *elements, std::int64_t count) {
  const T low = static_cast<T>(limits.low), high = static_cast<T>(limits.high);
  int found = 0;
  for (std::int64_t k = 0; k < count; ++k) found |= (elements[k] < low) | (elements[k] > high);
  for (int n = 0; n < limits.excluded_count; ++n) {
    const T excluded = static_cast<T>(limits.excluded[n]);
    for (std::int64_t k = 0; k < count; ++k) found |= elements[k] == excluded;
  }
  return found != 0;
}

// Writes elements to where they belong, whole cache lines around the caches.
template <typename Storage>
LOSSMITH_INLINE void write_out(Storage *to, const Storage *from, std::int64_t count, bool streaming) {
  std::int64_t k = 0;
  if (streaming) {
    const auto past = static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(to) % line_bytes);
    k = std::min(count, (line_bytes - past) % line_bytes / static_cast<std::int64_t>(sizeof(Storage)));
    std::copy_n(from, k, to);
    for (; k + line_size<Storage> <= count; k += line_size<Storage>) write_line(to + k, from + k, true);
  }
  std::copy_n(from + k, count - k, to + k);
}

template <typename Half>
LOSSMITH_INLINE void write_half(void *to, std::int64_t begin, const float *from, std::int64_t count, bool streaming) {
  constexpr std::int64_t step = lane_count<float>;
  alignas(64) Half halves[elements_per_block];
  std::int64_t k = 0;
  for (; k + step <= count; k += step) store_to(halves + k, load(from + k));
  for (; k < count; ++k) halves[k] = element_of<Half>(from[k]);
  write_out(static_cast<Half *>(to) + begin, halves, count, streaming);
}

template <typename T>
LOSSMITH_INLINE double run_one_block(const Job<T> &job, Scratch<T> &scratch, std::int64_t begin, std::int64_t count) {
  const Elementwise &call = job.call;
  const ElementType type = call.prediction.type;
  const bool half = type == ElementType::bf16 || type == ElementType::f16;
  const bool direct = call.gradient && !half && !job.streaming; // the gradient lies where it belongs
  Block<T> block;
  block.count = (count + block_step - 1) / block_step * block_step;
  block.prediction = elements(call.prediction, begin, count, scratch.prediction);
  block.target = elements(call.target, begin, count, scratch.target);
  const bool bad = (call.prediction_limits && outside(*call.prediction_limits, block.prediction, count)) ||
                   (call.target_limits && outside(*call.target_limits, block.target, count));
  if (call.extra.data) block.extra = elements(call.extra, begin, count, scratch.other);
  block.shared = job.shared;
  block.scale = call.weight.data ? T(1) : job.scale;
  block.values = call.values ? static_cast<T *>(call.values) + begin : scratch.values;
  block.gradient = direct ? static_cast<T *>(call.gradient) + begin : scratch.gradient;
  const bool whole = block.count == count;
  if (!whole) { // the last block: its vectors must not reach beyond the arrays
    block.prediction = filled_up(block.prediction, count, block.count, scratch.prediction);
    block.target = filled_up(block.target, count, block.count, scratch.target);
    if (call.extra.data) block.extra = filled_up(block.extra, count, block.count, scratch.other);
    block.values = scratch.values;
    block.gradient = scratch.gradient;
  }
  if (!call.extra.data) block.extra = block.prediction;
  (call.gradient ? job.formula.both : job.formula.value)(block);

  if (call.weight.data) {
    const T *weight = elements(call.weight, begin, count, scratch.other);
    for (std::int64_t k = 0; k < count; ++k) block.values[k] *= weight[k];
    if (call.gradient)
      for (std::int64_t k = 0; k < count; ++k) block.gradient[k] *= weight[k] * job.scale;
  }
  if (call.keep) {
    const std::uint8_t *keep = call.keep + begin;
    for (std::int64_t k = 0; k < count; ++k) block.values[k] = keep[k] ? block.values[k] : T(0);
    if (call.gradient)
      for (std::int64_t k = 0; k < count; ++k) block.gradient[k] = keep[k] ? block.gradient[k] : T(0);
  }
  if constexpr (sizeof(T) == 4) {
    if (call.gradient && type == ElementType::bf16)
      write_half<BFloat16>(call.gradient, begin, block.gradient, count, job.streaming);
    if (call.gradient && type == ElementType::f16)
      write_half<Float16>(call.gradient, begin, block.gradient, count, job.streaming);
  }
  if (call.gradient && !half && !(direct && whole))
    write_out(static_cast<T *>(call.gradient) + begin, block.gradient, count, job.streaming);
  if (call.values && !whole) std::copy_n(block.values, count, static_cast<T *>(call.values) + begin);
  return bad ? std::numeric_limits<double>::quiet_NaN() : sum(block.values, count);
}

template <typename T> LOSSMITH_INLINE double run_blocks(const Job<T> &job, std::int64_t begin, std::int64_t end) {
  Scratch<T> scratch;
  double total = 0.0;
  for (std::int64_t at = begin; at < end; at += elements_per_block)
    total += run_one_block(job, scratch, at, std::min(end - at, elements_per_block));
  if (job.streaming) finish_streaming();
  return total;
}

LOSSMITH_EVERY_CPU double run_chunk_f32(const Job<float> &job, std::int64_t begin, std::int64_t end) {
  return run_blocks(job, begin, end);
}
LOSSMITH_EVERY_CPU double run_chunk_f64(const Job<double> &job, std::int64_t begin, std::int64_t end) {
  return run_blocks(job, begin, end);
}
double run_chunk(const Job<float> &job, std::int64_t begin, std::int64_t end) {
  return run_chunk_f32(job, begin, end);
}
double run_chunk(const Job<double> &job, std::int64_t begin, std::int64_t end) {
  return run_chunk_f64(job, begin, end);
}

FormulaTables tables_for_this_cpu() {
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12
  const char *wanted = std::getenv("LOSSMITH_CPU");
  const auto limited_to = [&](const char *level) { return wanted != nullptr && std::strcmp(wanted, level) == 0; };
  const bool baseline_alone = limited_to("baseline");
  __builtin_cpu_init();
  if (__builtin_cpu_supports("x86-64-v4") && !baseline_alone && !limited_to("avx2")) return avx512::formula_tables();
  if (__builtin_cpu_supports("x86-64-v3") && !baseline_alone) return avx2::formula_tables();
#endif
  return baseline::formula_tables();
}

const BlockFunctions<float> &formula_of(int number, float) { return formula_tables().f32[number]; }
const BlockFunctions<double> &formula_of(int number, double) { return formula_tables().f64[number]; }

template <typename T> ElementwiseStatus run(const Elementwise &call, double &total) {
  double shared[most_shared_numbers] = {};
  const int number = elementwise_losses[call.loss].formula(call.parameters, shared);
  const bool half = call.prediction.type == ElementType::bf16 || call.prediction.type == ElementType::f16;
  const auto gradient_bytes = std::max(call.count, call.whole) * static_cast<std::int64_t>(half ? 2 : sizeof(T));
  Job<T> job{call, formula_of(number, T()), {}, static_cast<T>(call.scale), gradient_bytes >= streaming_bytes};
  job.streaming = job.streaming && call.gradient;
  std::transform(shared, shared + most_shared_numbers, job.shared, [](double x) { return static_cast<T>(x); });

  const std::int64_t grain = call.count < few_elements ? elements_per_small_chunk : elements_per_chunk;
  const std::int64_t chunks = (call.count + grain - 1) / grain;
  double few[partials_on_stack];
  std::unique_ptr<double[]> many;
  if (chunks > partials_on_stack) {
    many.reset(new (std::nothrow) double[static_cast<std::size_t>(chunks)]);
    if (!many) return ElementwiseStatus::no_memory;
  }
  double *partials = many ? many.get() : few;
  const auto work = [&](std::int64_t chunk, std::int64_t begin, std::int64_t end) {
    partials[chunk] = run_chunk(job, begin, end);
  };
  const double cost = element_cost + function_cost * job.formula.functions;
  const bool alone = static_cast<double>(call.count) * cost * (sizeof(T) / 4) < worth_sharing;
  for_chunks(alone ? Exec() : call.exec, call.count, grain, work);
  total = 0.0;
  for (std::int64_t chunk = 0; chunk < chunks; ++chunk) total += partials[chunk];
  return ElementwiseStatus::done;
}

bool supported(const Elementwise &call) {
  const auto known = [](const ElementInput &input) {
    return input.data == nullptr || (input.type >= ElementType::f32 && input.type <= ElementType::u8);
  };
  const bool wide = call.prediction.type == ElementType::f64;
  const auto fits = [&](const ElementInput &input) {
    return known(input) && (wide || input.data == nullptr || input.type != ElementType::f64);
  };
  return call.loss >= 0 && call.loss < static_cast<int>(std::size(elementwise_losses)) && call.count >= 0 &&
         known(call.prediction) && call.prediction.type <= ElementType::f16 && fits(call.target) && fits(call.extra) &&
         fits(call.weight);
}

} // namespace

const FormulaTables &formula_tables() {
  static const FormulaTables chosen = tables_for_this_cpu();
  return chosen;
}

ElementwiseStatus elementwise(const Elementwise &call, double &total) {
  if (!supported(call)) return ElementwiseStatus::unsupported;
  return call.prediction.type == ElementType::f64 ? run<double>(call, total) : run<float>(call, total);
}

} // namespace lossmith
