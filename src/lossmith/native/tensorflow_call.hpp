// TensorFlow's C API as C++ has it: what is made is released, and a kernel says by exception what went wrong.
#pragma once

#include <cstdint>
#include <new>
#include <vector>

#include "tensorflow_abi.hpp"

namespace lossmith::tf {

inline Api api; // filled when the library is loaded

class OwnStatus {
public:
  OwnStatus() : status_(api.new_status()) {}
  ~OwnStatus() { api.delete_status(status_); }
  OwnStatus(const OwnStatus &) = delete;
  OwnStatus &operator=(const OwnStatus &) = delete;

  operator Status *() const { return status_; }
  bool good() const { return api.code(status_) == ok; }
  void set(Code code, const char *message) { api.set_status(status_, code, message); }

private:
  Status *status_;
};

class OwnTensor {
public:
  explicit OwnTensor(Tensor *tensor) : tensor_(tensor) {}
  ~OwnTensor() {
    if (tensor_ != nullptr) api.delete_tensor(tensor_);
  }
  OwnTensor(OwnTensor &&other) noexcept : tensor_(other.tensor_) { other.tensor_ = nullptr; }
  OwnTensor &operator=(OwnTensor &&) = delete;

  operator Tensor *() const { return tensor_; }
  template <typename T> T *data() const { return static_cast<T *>(api.data(tensor_)); }
  std::vector<std::int64_t> sizes() const {
    std::vector<std::int64_t> all;
    for (int axis = 0; axis < api.rank(tensor_); ++axis) all.push_back(api.size(tensor_, axis));
    return all;
  }

private:
  Tensor *tensor_;
};

// What is thrown inside of a kernel and becomes the status of its call.
struct Failure {
  Code code;
  const char *message;
};
struct StatusSaysIt {};

// One call of a kernel.
class Call {
public:
  using Sizes = std::vector<std::int64_t>;

  explicit Call(Context *context) : context_(context) {}

  OwnTensor input(int index) {
    Tensor *found = nullptr;
    api.input(context_, index, &found, status_);
    OwnTensor owned(found);
    check();
    return owned;
  }

  OwnTensor output(int index, Type type, const Sizes &sizes, std::int64_t bytes) {
    OwnTensor made(
        api.allocate_output(context_, index, type, sizes.data(), rank(sizes), static_cast<std::size_t>(bytes), status_));
    check();
    return made;
  }

  // The memory of an input, which must not be held by anyone, or new memory; `taken` says which.
  OwnTensor output_over(int input, int index, const Sizes &sizes, bool &taken) {
    int from = -1;
    OwnTensor made(api.reuse_input(context_, &input, 1, index, sizes.data(), rank(sizes), &from, status_));
    check();
    taken = from == input;
    return made;
  }

  // A tensor as an output; they share the memory.
  void set_output(int index, const OwnTensor &tensor) {
    api.set_output(context_, index, tensor, status_);
    check();
  }

  // Calls work(*this); what it throws becomes the status.
  template <typename Work> void run(Work &&work) {
    try {
      work(*this);
      return;
    } catch (const Failure &failure) {
      status_.set(failure.code, failure.message);
    } catch (const StatusSaysIt &) {
    } catch (const std::bad_alloc &) {
      status_.set(resource_exhausted, "no memory for the loss");
    }
    api.fail(context_, status_);
  }

  static int rank(const Sizes &sizes) { return static_cast<int>(sizes.size()); }

private:
  void check() const {
    if (!status_.good()) throw StatusSaysIt{};
  }

  Context *context_;
  OwnStatus status_;
};

} // namespace lossmith::tf
