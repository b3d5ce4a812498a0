#include "elementwise_rows.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <iterator>
#include <limits>
#include <new>

#include "elementwise_losses.hpp"
#include "scratch.hpp"

namespace lossmith {
namespace {

constexpr std::int64_t few_elements = 1 << 13;   // of rows that are computed together: their values stay in the cache
constexpr std::int64_t many_elements = 1 << 18;  // of one row, which is then shared out among the threads
constexpr std::int64_t chunk_elements = 1 << 15; // for one thread at a time

constexpr std::int64_t bytes_of[] = {4, 8, 2, 2, 8, 4, 1}; // by ElementType

void *advanced(void *data, ElementType type, std::int64_t by) {
  return data == nullptr ? nullptr : static_cast<char *>(data) + by * bytes_of[static_cast<int>(type)];
}
ElementInput advanced(const ElementInput &input, std::int64_t by) {
  return {advanced(const_cast<void *>(input.data), input.type, by), input.type};
}

// The elements [begin, begin + count) of a call, which leaves no total, on the calling thread.
Elementwise part(const Elementwise &whole, std::int64_t begin, std::int64_t count) {
  Elementwise some = whole;
  some.whole = whole.count;
  some.count = count;
  some.prediction = advanced(whole.prediction, begin);
  some.target = advanced(whole.target, begin);
  some.extra = advanced(whole.extra, begin);
  some.weight = advanced(whole.weight, begin);
  some.gradient = advanced(whole.gradient, whole.prediction.type, begin);
  some.exec = {};
  return some;
}

template <typename T> double sum(const T *values, std::int64_t count) {
  double total = 0.0;
  for (std::int64_t k = 0; k < count; ++k) total += static_cast<double>(values[k]);
  return total;
}

template <typename T> class Rows {
public:
  explicit Rows(const ElementwiseRows &call)
      : call_(call), each_(call.each), scale_(static_cast<const T *>(call.scale)), values_(static_cast<T *>(call.values)) {
    each_.count = call.rows * call.columns;
    each_.values = nullptr;
    each_.scale *= call.factor;
    if (scale_ == nullptr || call.rows == 0 || !std::equal(scale_ + 1, scale_ + call.rows, scale_)) return;
    each_.scale *= static_cast<double>(scale_[0]);
    scale_ = nullptr;
  }

  ElementwiseStatus run() {
    if (call_.columns == 0) {
      if (values_ != nullptr) std::fill_n(values_, call_.rows, T(0));
      return ElementwiseStatus::done;
    }
    if (scale_ == nullptr) return forward(each_);
    // The kernels' weights weigh the values, too: with a factor for each row there are two passes.
    const ElementwiseStatus status = each_.gradient == nullptr ? ElementwiseStatus::done : weighed_gradient();
    if (status != ElementwiseStatus::done || values_ == nullptr) return status;
    Elementwise alone = each_;
    alone.gradient = nullptr;
    return forward(alone);
  }

private:
  ElementwiseStatus forward(Elementwise &each) {
    if (call_.columns == 1) {
      each.values = values_;
      const ElementwiseStatus status = run_all(each);
      for (std::int64_t row = 0; values_ != nullptr && call_.factor != 1.0 && row < call_.rows; ++row)
        values_[row] *= static_cast<T>(call_.factor);
      return status;
    }
    if (values_ == nullptr) return run_all(each);
    if (call_.columns >= many_elements || call_.rows == 1) {
      for (std::int64_t row = 0; row < call_.rows; ++row) {
        Elementwise some = part(each, row * call_.columns, call_.columns);
        some.exec = each.exec;
        run_row(some, row);
      }
      return status_;
    }
    const std::int64_t grain = std::max<std::int64_t>(chunk_elements / call_.columns, 1);
    for_chunks(each.exec, call_.rows, grain, [&](std::int64_t, std::int64_t begin, std::int64_t end) {
      if (call_.columns > few_elements)
        for (; begin < end; ++begin) run_row(part(each, begin * call_.columns, call_.columns), begin);
      else
        guarded([&] { run_rows(each, begin, end); });
    });
    return status_;
  }

  ElementwiseStatus run_all(const Elementwise &each) {
    double total = 0.0;
    return elementwise(each, total);
  }

  void run_row(const Elementwise &some, std::int64_t row) {
    double total = 0.0;
    note(elementwise(some, total));
    values_[row] = static_cast<T>(total * call_.factor);
  }

  // Short rows, a few at a time.
  void run_rows(const Elementwise &each, std::int64_t begin, std::int64_t end) {
    const std::int64_t step = std::max<std::int64_t>(few_elements / call_.columns, 1);
    T *const values = scratch<T>(step * call_.columns);
    for (; begin < end; begin += step) {
      const std::int64_t last = std::min(begin + step, end);
      Elementwise some = part(each, begin * call_.columns, (last - begin) * call_.columns);
      some.values = values;
      note(run_all(some));
      for (std::int64_t row = begin; row < last; ++row)
        values_[row] = static_cast<T>(sum(values + (row - begin) * call_.columns, call_.columns) * call_.factor);
    }
  }

  ElementwiseStatus weighed_gradient() {
    if (call_.columns == 1 && each_.weight.data == nullptr) {
      Elementwise all = each_;
      all.weight = {scale_, computed_in()};
      return run_all(all);
    }
    const std::int64_t columns = call_.columns;
    const std::int64_t length = std::min(columns, few_elements), pieces = (columns + length - 1) / length;
    const std::int64_t together = few_elements / length; // rows, if they are short
    const std::int64_t groups = columns <= few_elements ? (call_.rows + together - 1) / together : call_.rows * pieces;
    const std::int64_t grain = std::max<std::int64_t>(chunk_elements / (together * length), 1);
    for_chunks(each_.exec, groups, grain, [&](std::int64_t, std::int64_t begin, std::int64_t end) {
      guarded([&] {
        T *const weights = scratch<T>(together * length);
        for (; begin < end; ++begin) {
          if (columns > few_elements)
            weigh(begin / pieces * columns + begin % pieces * length,
                  std::min(length, columns - begin % pieces * length), weights);
          else
            weigh(begin * together * columns, std::min(together, call_.rows - begin * together) * columns, weights);
        }
      });
    });
    return status_;
  }

  // The gradient of the elements [at, at + count), which are a part of one row or whole rows.
  void weigh(std::int64_t at, std::int64_t count, T *weights) {
    Elementwise some = part(each_, at, count);
    const T *const given = static_cast<const T *>(each_.weight.data);
    std::int64_t row = at / call_.columns, next = (row + 1) * call_.columns;
    for (std::int64_t k = 0; k < count; ++k) {
      if (at + k == next) {
        ++row;
        next += call_.columns;
      }
      weights[k] = given == nullptr ? scale_[row] : scale_[row] * given[at + k];
    }
    some.weight = {weights, computed_in()};
    note(run_all(some));
  }

  static constexpr ElementType computed_in() { return sizeof(T) == 8 ? ElementType::f64 : ElementType::f32; }

  template <typename Work> void guarded(Work &&work) {
    try {
      work();
    } catch (const std::bad_alloc &) {
      note(ElementwiseStatus::no_memory);
    }
  }
  void note(ElementwiseStatus status) {
    if (status != ElementwiseStatus::done) status_ = status;
  }

  const ElementwiseRows &call_;
  Elementwise each_;
  const T *scale_;
  T *values_;
  std::atomic<ElementwiseStatus> status_{ElementwiseStatus::done};
};

} // namespace

ElementwiseStatus elementwise_rows(const ElementwiseRows &call) {
  const bool wide = call.each.prediction.type == ElementType::f64;
  const bool both = call.scale != nullptr && call.each.weight.data != nullptr;
  if (both && call.each.weight.type != (wide ? ElementType::f64 : ElementType::f32))
    return ElementwiseStatus::unsupported;
  return wide ? Rows<double>(call).run() : Rows<float>(call).run();
}

int elementwise_number(const char *name, std::size_t length) {
  for (std::size_t k = 0; k < std::size(elementwise_losses); ++k)
    if (std::strlen(elementwise_losses[k].name) == length && std::memcmp(elementwise_losses[k].name, name, length) == 0)
      return static_cast<int>(k);
  return -1;
}

} // namespace lossmith
