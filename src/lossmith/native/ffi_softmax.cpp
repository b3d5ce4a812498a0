#include "ffi_softmax.hpp"

#include <limits>
#include <new>
#include <vector>

#include "ffi_passes.hpp"
#include "half.hpp"
#include "scratch.hpp"
#include "softmax_cross_entropy.hpp"

namespace lossmith {
namespace {

using ffi::Buffer;
using ffi::CallFrame;
using ffi::DataType;

template <typename Storage> class SoftmaxCall {
  using T = Compute<Storage>;

public:
  explicit SoftmaxCall(const CallFrame &frame) : frame_(frame) {}

  ffi::Error *run() {
    if (!read()) return unexpected();
    try {
      ffi::Passes<Storage> passes(frame_, call_.rows, call_.classes, call_.rows);
      if (!passes.read(call_.classes)) return unexpected();
      call_.class_weight = passes.weight();
      passes.run([&](T *values, Storage *gradient, const T *scale) { compute(values, gradient, scale); });
    } catch (const std::bad_alloc &) {
      out_of_memory_ = true;
    }
    if (out_of_memory_) return ffi::error(frame_, ffi::ErrorCode::resource_exhausted, "lossmith: out of memory");
    if (bad_weight_) return ffi::error(frame_, ffi::ErrorCode::internal, "lossmith: class weights were not checked");
    return nullptr;
  }

private:
  ffi::Error *unexpected() const {
    return ffi::error(frame_, ffi::ErrorCode::invalid_argument, "lossmith: unexpected arguments");
  }

  bool read() {
    const Buffer *const logits = ffi::argument(frame_, 0);
    labels_ = ffi::argument(frame_, 1);
    if (logits == nullptr || labels_ == nullptr || logits->rank < 1) return false;
    call_.classes = logits->sizes[logits->rank - 1];
    call_.rows = ffi::elements(*labels_);
    call_.logits = static_cast<const Storage *>(logits->data);
    if (call_.rows * call_.classes != ffi::elements(*logits)) return false;
    if (labels_->type != DataType::s32 && labels_->type != DataType::s64) return false;
    call_.label_smoothing = ffi::number(frame_, "label_smoothing", 0.0);
    call_.z_loss = ffi::number(frame_, "z_loss", 0.0);
    call_.focal = ffi::number(frame_, "focal", 0.0);
    call_.ignores = hides_ = ffi::integer(frame_, "hides", 0) != 0;
    call_.ignored = hidden;
    return true;
  }

  void compute(T *values, Storage *gradient, const T *scale) {
    call_.values = values;
    call_.gradient = gradient;
    call_.scale = scale;
    call_.labels = labels();
    const Exec threads = ffi::threads_of(frame_);
    SoftmaxOutcome outcome = softmax_cross_entropy(call_, threads);
    if (outcome.bad_row >= 0) {
      const std::int64_t *const given = call_.labels;
      std::vector<std::int64_t> safe(given, given + call_.rows);
      for (std::int64_t &label : safe)
        if (label < 0 || label >= call_.classes) label = hidden;
      call_.labels = safe.data();
      call_.ignores = true;
      outcome = softmax_cross_entropy(call_, threads);
      for (std::int64_t row = 0; row < call_.rows; ++row)
        if (safe[static_cast<std::size_t>(row)] == hidden && !(hides_ && given[row] == hidden))
          poison(row, values, gradient, scale);
    }
    out_of_memory_ = out_of_memory_ || outcome.out_of_memory;
    bad_weight_ = outcome.bad_weight;
  }

  const std::int64_t *labels() const {
    if (labels_->type == DataType::s64) return static_cast<const std::int64_t *>(labels_->data);
    auto *const wide = scratch<std::int64_t>(call_.rows);
    const auto *const given = static_cast<const std::int32_t *>(labels_->data);
    for (std::int64_t row = 0; row < call_.rows; ++row) wide[row] = given[row];
    return wide;
  }

  // A row without a label: its gradient is that with label 0 less that label's own part; of the focal loss, 0.
  void poison(std::int64_t row, T *values, Storage *gradient, const T *scale) {
    if (values != nullptr) values[row] = std::numeric_limits<T>::quiet_NaN();
    if (gradient == nullptr || call_.focal != 0.0) return;
    const std::int64_t label = 0;
    std::vector<Storage> own(static_cast<std::size_t>(call_.classes));
    SoftmaxCrossEntropy<Storage> one = call_;
    one.rows = 1;
    one.logits += row * call_.classes;
    one.labels = &label;
    one.ignores = false;
    one.values = nullptr;
    one.scale = scale == nullptr ? nullptr : scale + row;
    one.gradient = gradient + row * call_.classes;
    SoftmaxOutcome outcome = softmax_cross_entropy(one, {});
    Storage *const whole = one.gradient;
    one.gradient = own.data();
    one.label_smoothing = one.z_loss = 0.0;
    out_of_memory_ = out_of_memory_ || outcome.out_of_memory || softmax_cross_entropy(one, {}).out_of_memory;
    const T part = static_cast<T>(1.0 - call_.label_smoothing);
    for (std::int64_t c = 0; c < call_.classes; ++c)
      whole[c] = element_of<Storage>(value_of(whole[c]) - part * value_of(own[static_cast<std::size_t>(c)]));
  }

  static constexpr std::int64_t hidden = -(std::int64_t{1} << 31);

  const CallFrame &frame_;
  SoftmaxCrossEntropy<Storage> call_;
  const Buffer *labels_ = nullptr;
  bool hides_ = false, out_of_memory_ = false, bad_weight_ = false;
};

} // namespace

ffi::Error *softmax_cross_entropy_ffi(CallFrame *frame) {
  if (ffi::answer_metadata(*frame)) return nullptr;
  const Buffer *const logits = ffi::argument(*frame, 0);
  if (logits != nullptr) switch (logits->type) {
    case DataType::f32: return SoftmaxCall<float>(*frame).run();
    case DataType::f64: return SoftmaxCall<double>(*frame).run();
    case DataType::bf16: return SoftmaxCall<BFloat16>(*frame).run();
    case DataType::f16: return SoftmaxCall<Float16>(*frame).run();
    default: break;
    }
  return ffi::error(*frame, ffi::ErrorCode::invalid_argument, "lossmith: logits of a type without a kernel");
}

} // namespace lossmith
