// What the files that bind kernels to Python share: bind_<kernel>.cpp has one register_<kernel>, called by bindings.cpp.
#pragma once

#include <cstdint>
#include <string>

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include "elementwise.hpp"

namespace lossmith {

void register_batch_rows(nanobind::module_ &module);
void register_ctc(nanobind::module_ &module);
void register_elementwise(nanobind::module_ &module);
void register_evaluation(nanobind::module_ &module);
void register_jax(nanobind::module_ &module);
void register_memory(nanobind::module_ &module);
void register_row_pairs(nanobind::module_ &module);
void register_softmax(nanobind::module_ &module);
void register_tensorflow(nanobind::module_ &module);
void register_tensors(nanobind::module_ &module);

// The parameters of an elementwise loss: None is NaN.
void fill_parameters(double *parameters, const nanobind::tuple &given);

// Limits of the prediction and the target of an elementwise loss, from None or a pair of None or (low, high, *excluded).
class LimitsPair {
public:
  explicit LimitsPair(nanobind::handle given);
  const Limits *prediction() const { return has_[0] ? &limits_[0] : nullptr; }
  const Limits *target() const { return has_[1] ? &limits_[1] : nullptr; }

private:
  Limits limits_[2];
  bool has_[2] = {false, false};
};

// Where an array's elements lie. Python hands over an address, or anything with the buffer protocol (a NumPy array), or
// None for an array that there is not. Only the bytes of a buffer are known, so an address is taken on trust.
struct Pointer {
  void *address = nullptr;
  std::int64_t bytes = -1;

  template <typename T> T *get(const char *name, std::int64_t elements) const {
    const auto wanted = elements * static_cast<std::int64_t>(sizeof(T));
    if (bytes >= 0 && bytes != wanted) {
      const std::string message =
          std::string(name) + " has " + std::to_string(bytes) + " bytes, expected " + std::to_string(wanted);
      throw nanobind::value_error(message.c_str());
    }
    return static_cast<T *>(address);
  }
};

// Arrays from Python: on the CPU and contiguous. A const element type also takes read-only arrays.
template <typename T> using Vector = nanobind::ndarray<T, nanobind::ndim<1>, nanobind::c_contig, nanobind::device::cpu>;
template <typename T> using Matrix = nanobind::ndarray<T, nanobind::ndim<2>, nanobind::c_contig, nanobind::device::cpu>;

template <typename Array>
void expect_length(const char *name, const Array &array, std::size_t expected, const char *meaning) {
  if (array.size() == expected) return;
  const std::string message = std::string(name) + " has " + std::to_string(array.size()) + " elements, expected " +
                              std::to_string(expected) + ": one for each " + meaning;
  throw nanobind::value_error(message.c_str());
}

} // namespace lossmith

template <> struct nanobind::detail::type_caster<lossmith::Pointer> {
  NB_TYPE_CASTER(lossmith::Pointer, const_name("int | Buffer | None"))

  bool from_python(handle source, uint8_t, cleanup_list *) noexcept {
    value = {};
    if (source.is_none()) return true;
    if (PyLong_Check(source.ptr())) {
      value.address = PyLong_AsVoidPtr(source.ptr());
      if (PyErr_Occurred() == nullptr) return true;
      PyErr_Clear();
      return false;
    }
    // The caller holds the array during the call, so its memory stays without the buffer being held, too.
    Py_buffer view;
    if (PyObject_GetBuffer(source.ptr(), &view, PyBUF_SIMPLE) != 0) {
      PyErr_Clear();
      return false;
    }
    value.address = view.buf;
    value.bytes = static_cast<std::int64_t>(view.len);
    PyBuffer_Release(&view);
    return true;
  }
};
