// What the handlers of all losses share: the three passes that XLA asks for, and guesses of the cotangent.
//
// A loss takes the operand `prediction` (…, C) and gives one value per row (…); C stands for all axes that it consumes.
// See lossmith/jax/primitives.py for who builds the calls. The attribute `pass` says what is asked for:
//
// - 0, value: result (…), the loss of each row.
// - 1, both: results value, gradient (…, C) and guess (…). The gradient of row i has been multiplied with guess[i]: what
//   the loss's cotangent is expected to be. With `adapts` = 0 the guess is the share, 1 without; with 1 it is the share
//   times the number that the last backward pass of this `site` and shape has met, at first that of a mean.
// - 2, backward: further operands gradient and guess, as above, and cotangent (…); result the gradient multiplied with
//   the cotangent. If the cotangent is the guess, bit for bit, that gradient is the result; otherwise it is computed
//   again. Either way the result is the same, bit for bit: guesses cost or save time and nothing else. With `reuse` = 1
//   XLA has given both gradients the same memory; with 0 the operand gradient is absent.
//
// Operands come in the order: prediction, target, share (…) if the attribute `shares` is 1, weights if `weighted` is 1,
// and those of the pass. Share, weights, guess, cotangent and values are of the type computed in.
#pragma once

#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "ffi_call.hpp"
#include "huge_pages.hpp"
#include "storage.hpp"

namespace lossmith {
namespace ffi {

// What the last backward pass met: the cotangent of a row over its share; 0 for none yet. By a hash of the shape and
// the site of the call; calls that share a place only spoil each other's guesses.
inline std::atomic<double> &habit(std::int64_t rows, std::int64_t columns, std::int64_t site) {
  static std::atomic<double> habits[1024];
  std::uint64_t mixed = 0;
  for (const std::int64_t number : {rows, columns, site})
    mixed = (mixed ^ static_cast<std::uint64_t>(number)) * 0x9E3779B97F4A7C15u;
  return habits[mixed >> 54];
}

template <typename Storage> class Passes {
  using T = Compute<Storage>;
  enum class Pass : std::int64_t { value = 0, both = 1, backward = 2 };

public:
  // `summed` elements make one mean that gradients are expected of: the rows, or all elements of one row.
  Passes(const CallFrame &frame, std::int64_t rows, std::int64_t columns, std::int64_t summed)
      : frame_(frame), rows_(rows), columns_(columns), summed_(summed) {}

  const T *share() const { return share_; }
  const T *weight() const { return weight_; }

  // Reads everything after prediction and target; whether it is what was expected.
  bool read(std::int64_t weights) {
    std::int64_t next = 2;
    const auto array = [&](const T *&to, std::int64_t count) {
      const Buffer *const found = argument(frame_, next++);
      to = found == nullptr ? nullptr : static_cast<const T *>(found->data);
      return found != nullptr && elements(*found) == count;
    };
    if (integer(frame_, "shares", 0) != 0 && !array(share_, rows_)) return false;
    if (integer(frame_, "weighted", 0) != 0 && !array(weight_, weights)) return false;
    pass_ = static_cast<Pass>(integer(frame_, "pass", -1));
    adapts_ = integer(frame_, "adapts", 0) != 0;
    site_ = integer(frame_, "site", 0);
    if (pass_ == Pass::backward) {
      if (integer(frame_, "reuse", 0) != 0) {
        const Buffer *const gradient = argument(frame_, next++);
        reused_ = gradient == nullptr ? nullptr : gradient->data;
      }
      if (!array(guess_, rows_) || !array(cotangent_, rows_)) return false;
    }
    if (pass_ < Pass::value || pass_ > Pass::backward) return false;
    const std::int64_t whole = rows_ * columns_;
    if (pass_ == Pass::backward) return fits(0, whole);
    return fits(0, rows_) && (pass_ == Pass::value || (fits(1, whole) && fits(2, rows_)));
  }

  // Calls compute(values, gradient, scale) for what the pass needs; absent outputs, and a scale of 1, are null.
  template <typename Function> void run(Function &&compute) {
    switch (pass_) {
    case Pass::value: return compute(out<T>(0), static_cast<Storage *>(nullptr), static_cast<const T *>(nullptr));
    case Pass::both: {
      T *const guess = out<T>(2);
      const T factor = adapts_ ? static_cast<T>(expected()) : T(1);
      for (std::int64_t row = 0; row < rows_; ++row) guess[row] = share_ == nullptr ? factor : factor * share_[row];
      return compute(out<T>(0), fresh(1), static_cast<const T *>(guess));
    }
    case Pass::backward: {
      Storage *const gradient = out<Storage>(0);
      const auto bytes = static_cast<std::size_t>(rows_) * sizeof(T);
      if (gradient == reused_ && std::memcmp(guess_, cotangent_, bytes) == 0) return;
      if (adapts_) learn();
      return compute(static_cast<T *>(nullptr), fresh(0), cotangent_);
    }
    }
  }

private:
  template <typename U> U *out(std::int64_t index) const { return static_cast<U *>(result(frame_, index)->data); }
  Storage *fresh(std::int64_t index) const {
    Storage *const gradient = out<Storage>(index);
    prefer_huge_pages(gradient, static_cast<std::size_t>(rows_ * columns_) * sizeof(Storage));
    return gradient;
  }
  bool fits(std::int64_t index, std::int64_t count) const {
    const Buffer *const found = result(frame_, index);
    return found != nullptr && elements(*found) == count;
  }

  double expected() const {
    const double found = habit(rows_, columns_, site_).load(std::memory_order_relaxed);
    return found == 0.0 ? 1.0 / static_cast<double>(summed_) : found;
  }

  // Remembers by what a number all shares have been multiplied, if there is one.
  void learn() const {
    T factor = 0;
    for (std::int64_t row = 0; row < rows_ && factor == T(0); ++row)
      factor = share_ == nullptr ? cotangent_[row] : share_[row] == T(0) ? T(0) : cotangent_[row] / share_[row];
    for (std::int64_t row = 0; row < rows_; ++row)
      if (cotangent_[row] != (share_ == nullptr ? factor : factor * share_[row])) return;
    if (std::isfinite(factor)) habit(rows_, columns_, site_).store(static_cast<double>(factor));
  }

  const CallFrame &frame_;
  const std::int64_t rows_, columns_, summed_;
  const T *share_ = nullptr, *weight_ = nullptr, *guess_ = nullptr, *cotangent_ = nullptr;
  const void *reused_ = nullptr;
  Pass pass_ = Pass::value;
  std::int64_t site_ = 0;
  bool adapts_ = false;
};

} // namespace ffi
} // namespace lossmith
