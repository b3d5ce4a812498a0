#include "ffi_softmax.hpp"

#include <atomic>
#include <cmath>
#include <cstring>
#include <limits>
#include <new>
#include <vector>

#include "ffi_call.hpp"
#include "half.hpp"
#include "huge_pages.hpp"
#include "scratch.hpp"
#include "softmax_cross_entropy.hpp"

namespace lossmith {
namespace {

using ffi::Buffer;
using ffi::CallFrame;
using ffi::DataType;

enum class Pass : std::int64_t { value = 0, both = 1, backward = 2 };

// What the last backward pass met: the cotangent of a row over its share. By a hash of the shape and the site of the
// call; calls that share a place only spoil each other's guesses.
std::atomic<double> &habit(std::int64_t rows, std::int64_t classes, std::int64_t site) {
  static std::atomic<double> habits[1024]; // 0: none yet
  std::uint64_t mixed = 0;
  for (const std::int64_t number : {rows, classes, site})
    mixed = (mixed ^ static_cast<std::uint64_t>(number)) * 0x9E3779B97F4A7C15u;
  return habits[mixed >> 54];
}

template <typename Storage> class SoftmaxCall {
  using T = Compute<Storage>;

public:
  explicit SoftmaxCall(const CallFrame &frame) : frame_(frame) {}

  ffi::Error *run() {
    if (!read()) return ffi::error(frame_, ffi::ErrorCode::invalid_argument, "lossmith: unexpected arguments");
    try {
      switch (pass_) {
      case Pass::value: compute(result<T>(0), nullptr, nullptr); break;
      case Pass::both: both(result<T>(0), result<Storage>(1), result<T>(2)); break;
      case Pass::backward: backward(result<Storage>(0)); break;
      }
    } catch (const std::bad_alloc &) {
      out_of_memory_ = true;
    }
    if (out_of_memory_) return ffi::error(frame_, ffi::ErrorCode::resource_exhausted, "lossmith: out of memory");
    if (bad_weight_) return ffi::error(frame_, ffi::ErrorCode::internal, "lossmith: class weights were not checked");
    return nullptr;
  }

private:
  template <typename U> U *result(std::int64_t index) const {
    return static_cast<U *>(ffi::result(frame_, index)->data);
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

    std::int64_t next = 2;
    const auto rows = [&](const T *&array) {
      const Buffer *const found = ffi::argument(frame_, next++);
      array = found == nullptr ? nullptr : static_cast<const T *>(found->data);
      return found != nullptr && ffi::elements(*found) == call_.rows;
    };
    if (ffi::integer(frame_, "shares", 0) != 0 && !rows(share_)) return false;
    if (ffi::integer(frame_, "weighted", 0) != 0) {
      const Buffer *const weight = ffi::argument(frame_, next++);
      if (weight == nullptr || ffi::elements(*weight) != call_.classes) return false;
      call_.class_weight = static_cast<const T *>(weight->data);
    }
    call_.ignores = hides_ = ffi::integer(frame_, "hides", 0) != 0;
    call_.ignored = hidden;
    pass_ = static_cast<Pass>(ffi::integer(frame_, "pass", -1));
    adapts_ = ffi::integer(frame_, "adapts", 0) != 0;
    site_ = ffi::integer(frame_, "site", 0);
    if (pass_ == Pass::backward) {
      if (ffi::integer(frame_, "reuse", 0) != 0) {
        const Buffer *const gradient = ffi::argument(frame_, next++);
        reused_ = gradient == nullptr ? nullptr : gradient->data;
      }
      if (!rows(guess_) || !rows(cotangent_)) return false;
    }
    const std::int64_t results = pass_ == Pass::both ? 3 : 1;
    return pass_ >= Pass::value && pass_ <= Pass::backward && ffi::result(frame_, results - 1) != nullptr;
  }

  void both(T *values, Storage *gradient, T *guess) {
    const T factor = adapts_ ? static_cast<T>(expected()) : T(1);
    for (std::int64_t row = 0; row < call_.rows; ++row) guess[row] = share_ == nullptr ? factor : factor * share_[row];
    compute(values, gradient, guess);
  }

  double expected() const {
    const double found = habit(call_.rows, call_.classes, site_).load(std::memory_order_relaxed);
    return found == 0.0 ? 1.0 / static_cast<double>(call_.rows) : found;
  }

  void backward(Storage *gradient) {
    const auto bytes = static_cast<std::size_t>(call_.rows) * sizeof(T);
    if (gradient == reused_ && std::memcmp(guess_, cotangent_, bytes) == 0) return;
    if (adapts_) learn();
    compute(nullptr, gradient, cotangent_);
  }

  // Remembers by what a number all shares have been multiplied, if there is one.
  void learn() const {
    T factor = 0;
    for (std::int64_t row = 0; row < call_.rows && factor == T(0); ++row)
      factor = share_ == nullptr ? cotangent_[row] : share_[row] == T(0) ? T(0) : cotangent_[row] / share_[row];
    for (std::int64_t row = 0; row < call_.rows; ++row)
      if (cotangent_[row] != (share_ == nullptr ? factor : factor * share_[row])) return;
    if (std::isfinite(factor)) habit(call_.rows, call_.classes, site_).store(static_cast<double>(factor));
  }

  void compute(T *values, Storage *gradient, const T *scale) {
    if (gradient != nullptr)
      prefer_huge_pages(gradient, static_cast<std::size_t>(call_.rows * call_.classes) * sizeof(Storage));
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

  // A row without a label: its gradient is that with label 0 less that label's own part.
  void poison(std::int64_t row, T *values, Storage *gradient, const T *scale) {
    if (values != nullptr) values[row] = std::numeric_limits<T>::quiet_NaN();
    if (gradient == nullptr) return;
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
  const T *share_ = nullptr, *guess_ = nullptr, *cotangent_ = nullptr;
  const void *reused_ = nullptr;
  Pass pass_ = Pass::value;
  std::int64_t site_ = 0;
  bool hides_ = false, adapts_ = false, out_of_memory_ = false, bad_weight_ = false;
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
