// The Python face of CTC: takes addresses, lets go of the GIL, calls. Whoever calls has checked dtypes, shapes and layout.
#include <cstdint>
#include <new>

#include "bindings.hpp"
#include "ctc.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace lossmith {
namespace {

struct Arguments {
  std::uint64_t exec;
  Pointer logits, tokens;
  std::int64_t samples, steps, classes, most_tokens;
  bool steps_first;
  Pointer step_counts, token_counts;
  std::int64_t blank;
  bool impossible_is_zero;
  Pointer values, gradient, scale;
  double factor;
};

template <typename Storage> CtcStatus run(const Arguments &from) {
  using T = Compute<Storage>;
  const std::int64_t size = from.samples * from.steps * from.classes;
  Ctc<Storage> call;
  call.samples = from.samples;
  call.steps = from.steps;
  call.classes = from.classes;
  call.most_tokens = from.most_tokens;
  call.steps_first = from.steps_first;
  call.logits = from.logits.get<const Storage>("logits", size);
  call.tokens = from.tokens.get<const std::int64_t>("tokens", from.samples * from.most_tokens);
  call.step_counts = from.step_counts.get<const std::int64_t>("step_counts", from.samples);
  call.token_counts = from.token_counts.get<const std::int64_t>("token_counts", from.samples);
  call.blank = from.blank;
  call.impossible_is_zero = from.impossible_is_zero;
  call.values = from.values.get<T>("values", from.samples);
  call.gradient = from.gradient.get<Storage>("gradient", size);
  call.scale = from.scale.get<const T>("scale", from.samples);
  call.factor = from.factor;
  nb::gil_scoped_release released;
  return ctc(call, exec_from(from.exec));
}

void ctc_call(std::uint64_t exec, int dtype, const Pointer &logits, const Pointer &tokens, std::int64_t samples,
              std::int64_t steps, std::int64_t classes, std::int64_t most_tokens, bool steps_first,
              const Pointer &step_counts, const Pointer &token_counts, std::int64_t blank, bool impossible_is_zero,
              const Pointer &values, const Pointer &gradient, const Pointer &scale, double factor) {
  const Arguments all{exec,        logits,      tokens,       samples, steps,  classes, most_tokens,
                      steps_first, step_counts, token_counts, blank,   impossible_is_zero,
                      values,      gradient,    scale,        factor};
  CtcStatus status;
  switch (static_cast<DType>(dtype)) {
  case DType::float32: status = run<float>(all); break;
  case DType::float64: status = run<double>(all); break;
  case DType::bfloat16: status = run<BFloat16>(all); break;
  case DType::float16: status = run<Float16>(all); break;
  default: throw nb::value_error("dtype is none of the codes that the kernels know");
  }
  if (status == CtcStatus::out_of_memory) throw std::bad_alloc();
  if (status == CtcStatus::bad_blank) throw nb::value_error("blank is no class; expected 0 <= blank < classes");
}

} // namespace

void register_ctc(nb::module_ &module) {
  module.def("ctc", &ctc_call, "exec"_a, "dtype"_a, "logits"_a, "tokens"_a, "samples"_a, "steps"_a, "classes"_a,
             "most_tokens"_a, "steps_first"_a, "step_counts"_a.none(), "token_counts"_a.none(), "blank"_a,
             "impossible_is_zero"_a, "values"_a.none(), "gradient"_a.none(), "scale"_a.none() = nb::none(),
             "factor"_a = 1.0, "Fill values and gradient, those that are not None.");
}

} // namespace lossmith
