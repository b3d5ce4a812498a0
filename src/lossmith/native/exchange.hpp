// DLPack's C exchange interface, version 1: how a framework lets compiled code look at its tensors, and takes tensors
// from it, without a Python call per question. PyTorch offers it since 2.10, as the capsule
// torch.Tensor.__dlpack_c_exchange_api__. The declarations follow the public specification (dmlc.github.io/dlpack).
#pragma once

#include <cstdint>

#include <nanobind/ndarray.h>

namespace lossmith {

struct ManagedTensor {
  std::uint32_t major = 1, minor = 0; // the version of the interface
  void *context = nullptr;
  void (*deleter)(ManagedTensor *self) = nullptr;
  std::uint64_t flags = 0;
  nanobind::dlpack::dltensor tensor;
};

using SetError = void (*)(void *context, const char *kind, const char *message);

// Every function returns 0, or -1 with a Python exception set.
struct ExchangeInterface {
  std::uint32_t major, minor;
  ExchangeInterface *previous;
  int (*allocate)(nanobind::dlpack::dltensor *prototype, ManagedTensor **result, void *error_context, SetError error);
  int (*manage_object)(void *object, ManagedTensor **result);
  int (*make_object)(ManagedTensor *tensor, void **object); // takes the tensor over
  int (*view_object)(void *object, nanobind::dlpack::dltensor *result);
  int (*current_stream)(std::int32_t device_type, std::int32_t device, void **stream);
};

} // namespace lossmith
