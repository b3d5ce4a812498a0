#include "ffi_ctc.hpp"

#include <new>

#include "ctc.hpp"
#include "ctc_targets.hpp"
#include "ffi_passes.hpp"

namespace lossmith {
namespace {

using ffi::Buffer;
using ffi::CallFrame;
using ffi::DataType;
using ffi::ErrorCode;

template <typename Storage> ffi::Error *run(const CallFrame &frame, const Buffer &logits, const Buffer &target) {
  using T = Compute<Storage>;
  const auto unexpected = [&] {
    return ffi::error(frame, ErrorCode::invalid_argument, "lossmith: unexpected arguments");
  };
  if (logits.rank < 2 || target.rank != logits.rank - 1 || target.sizes[target.rank - 1] < 2) return unexpected();
  Ctc<Storage> call;
  call.steps = logits.sizes[logits.rank - 2];
  call.classes = logits.sizes[logits.rank - 1];
  const std::int64_t columns = target.sizes[target.rank - 1], each = call.steps * call.classes;
  call.samples = ffi::elements(target) / columns;
  if (call.samples * each != ffi::elements(logits)) return unexpected();
  call.logits = static_cast<const Storage *>(logits.data);
  call.blank = ffi::integer(frame, "blank", -1);
  call.impossible_is_zero = ffi::integer(frame, "impossible_is_zero", 0) != 0;
  ffi::Passes<Storage> passes(frame, call.samples, each, call.samples);
  if (!passes.read(0)) return unexpected();
  CtcStatus status = CtcStatus::done;
  try {
    const CtcTargets targets = target.type == DataType::s64
                                   ? CtcTargets(static_cast<const std::int64_t *>(target.data), call.samples, columns)
                                   : CtcTargets(static_cast<const std::int32_t *>(target.data), call.samples, columns);
    targets.give_to(call);
    passes.run([&](T *values, Storage *gradient, const T *scale) {
      call.values = values;
      call.gradient = gradient;
      call.scale = scale;
      status = ctc(call, ffi::threads_of(frame));
    });
  } catch (const std::bad_alloc &) {
    status = CtcStatus::out_of_memory;
  }
  if (status == CtcStatus::bad_blank) return unexpected();
  if (status == CtcStatus::out_of_memory)
    return ffi::error(frame, ErrorCode::resource_exhausted, "lossmith: out of memory");
  return nullptr;
}

} // namespace

ffi::Error *ctc_ffi(CallFrame *frame) {
  if (ffi::answer_metadata(*frame)) return nullptr;
  const Buffer *const logits = ffi::argument(*frame, 0), *const target = ffi::argument(*frame, 1);
  if (logits != nullptr && target != nullptr && (target->type == DataType::s32 || target->type == DataType::s64))
    switch (logits->type) {
    case DataType::f32: return run<float>(*frame, *logits, *target);
    case DataType::f64: return run<double>(*frame, *logits, *target);
    case DataType::bf16: return run<BFloat16>(*frame, *logits, *target);
    case DataType::f16: return run<Float16>(*frame, *logits, *target);
    default: break;
    }
  return ffi::error(*frame, ErrorCode::invalid_argument, "lossmith: arrays of a type without a kernel");
}

} // namespace lossmith
