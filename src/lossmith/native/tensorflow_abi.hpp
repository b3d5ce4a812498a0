// The part of TensorFlow's C API that our operations need, declared here and looked up by name in the TensorFlow that
// the process has loaded: no header of TensorFlow at build time, no link, one binary for many versions.
//
// Types are opaque and are handled by pointer alone. Functions that take a status write into it and return nothing;
// what a status, tensor or shape is made with must be released with its own function.
#pragma once

#include <dlfcn.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace lossmith::tf {

struct Status;
struct Tensor;
struct OpDefinition;
struct Shape;
struct ShapeContext;
struct KernelBuilder;
struct Construction; // what a kernel is made from: its attributes
struct Context;      // one call of a kernel: inputs and outputs

// The numbers are part of the ABI: those of element types are in every saved model.
enum Code : int { ok = 0, invalid_argument = 3, failed_precondition = 9, resource_exhausted = 8 };
enum Type : int { float32 = 1, float64 = 2, int64 = 9, bfloat16 = 14, float16 = 19 };

using InferShape = void (*)(ShapeContext *, Status *);
using Create = void *(*)(Construction *);
using Compute = void (*)(void *kernel, Context *);
using Delete = void (*)(void *kernel);
using Release = void (*)(void *memory, std::size_t bytes, void *owner);

struct Api {
  Status *(*new_status)();
  void (*delete_status)(Status *);
  void (*set_status)(Status *, Code, const char *message);
  Code (*code)(const Status *);

  Tensor *(*new_tensor)(Type, const std::int64_t *sizes, int rank, void *memory, std::size_t bytes, Release, void *owner);
  void (*delete_tensor)(Tensor *);
  int (*rank)(const Tensor *);
  std::int64_t (*size)(const Tensor *, int axis);
  void *(*data)(const Tensor *);

  OpDefinition *(*new_op)(const char *name);
  void (*add_attribute)(OpDefinition *, const char *specification);
  void (*add_input)(OpDefinition *, const char *specification);
  void (*add_output)(OpDefinition *, const char *specification);
  void (*set_shape_function)(OpDefinition *, InferShape);
  void (*register_op)(OpDefinition *, Status *);

  Shape *(*new_shape)();
  void (*delete_shape)(Shape *);
  void (*input_shape)(ShapeContext *, int input, Shape *, Status *);
  void (*set_output_shape)(ShapeContext *, int output, Shape *, Status *);
  void (*with_rank_at_least)(ShapeContext *, Shape *, std::int64_t rank, Shape *result, Status *);
  void (*subshape)(ShapeContext *, Shape *, std::int64_t begin, std::int64_t end, Shape *result, Status *);

  KernelBuilder *(*new_kernel)(const char *op, const char *device, Create, Compute, Delete);
  void (*constrain)(KernelBuilder *, const char *attribute, Type, Status *);
  void (*register_kernel)(const char *name, KernelBuilder *, Status *);
  void (*int64_attribute)(Construction *, const char *name, std::int64_t *value, Status *);
  void (*attribute_size)(Construction *, const char *name, std::int32_t *count, std::int32_t *bytes, Status *);
  void (*string_attribute)(Construction *, const char *name, char *value, std::size_t room, Status *);
  void (*fail_construction)(Construction *, Status *);

  void (*input)(Context *, int index, Tensor **, Status *);
  Tensor *(*allocate_output)(Context *, int index, Type, const std::int64_t *sizes, int rank, std::size_t bytes, Status *);
  // The buffer of one of the inputs if nothing else needs it (its index goes to *taken), else a new one (-1).
  Tensor *(*reuse_input)(Context *, const int *inputs, int count, int index, const std::int64_t *sizes, int rank, int *taken,
                         Status *);
  void (*set_output)(Context *, int index, const Tensor *, Status *);
  void (*fail)(Context *, Status *);
};

// A handle of the library that has the API if this process has loaded one, or null; it is never loaded from here.
inline void *loaded_library() {
#if defined(__APPLE__)
  constexpr const char *names[] = {"libtensorflow_framework.2.dylib", "libtensorflow_cc.2.dylib"};
#else
  constexpr const char *names[] = {"libtensorflow_framework.so.2", "libtensorflow_cc.so.2"};
#endif
  for (const char *name : names)
    if (void *found = dlopen(name, RTLD_NOLOAD | RTLD_LAZY)) return found;
  return nullptr;
}

// Whether every function was found; the API cannot be used otherwise.
inline bool find(Api &api) {
  void *const library = loaded_library();
  if (library == nullptr) return false;
  bool complete = true;
  const auto look_up = [&](const char *name, auto &function) {
    void *const address = dlsym(library, name);
    static_assert(sizeof function == sizeof address, "a function's address must fit a pointer");
    std::memcpy(&function, &address, sizeof address);
    complete = complete && address != nullptr;
  };
  look_up("TF_NewStatus", api.new_status);
  look_up("TF_DeleteStatus", api.delete_status);
  look_up("TF_SetStatus", api.set_status);
  look_up("TF_GetCode", api.code);
  look_up("TF_NewTensor", api.new_tensor);
  look_up("TF_DeleteTensor", api.delete_tensor);
  look_up("TF_NumDims", api.rank);
  look_up("TF_Dim", api.size);
  look_up("TF_TensorData", api.data);
  look_up("TF_NewOpDefinitionBuilder", api.new_op);
  look_up("TF_OpDefinitionBuilderAddAttr", api.add_attribute);
  look_up("TF_OpDefinitionBuilderAddInput", api.add_input);
  look_up("TF_OpDefinitionBuilderAddOutput", api.add_output);
  look_up("TF_OpDefinitionBuilderSetShapeInferenceFunction", api.set_shape_function);
  look_up("TF_RegisterOpDefinition", api.register_op);
  look_up("TF_NewShapeHandle", api.new_shape);
  look_up("TF_DeleteShapeHandle", api.delete_shape);
  look_up("TF_ShapeInferenceContextGetInput", api.input_shape);
  look_up("TF_ShapeInferenceContextSetOutput", api.set_output_shape);
  look_up("TF_ShapeInferenceContextWithRankAtLeast", api.with_rank_at_least);
  look_up("TF_ShapeInferenceContextSubshape", api.subshape);
  look_up("TF_NewKernelBuilder", api.new_kernel);
  look_up("TF_KernelBuilder_TypeConstraint", api.constrain);
  look_up("TF_RegisterKernelBuilder", api.register_kernel);
  look_up("TF_OpKernelConstruction_GetAttrInt64", api.int64_attribute);
  look_up("TF_OpKernelConstruction_GetAttrSize", api.attribute_size);
  look_up("TF_OpKernelConstruction_GetAttrString", api.string_attribute);
  look_up("TF_OpKernelConstruction_Failure", api.fail_construction);
  look_up("TF_GetInput", api.input);
  look_up("TF_AllocateOutput", api.allocate_output);
  look_up("TF_ForwardInputOrAllocateOutput", api.reuse_input);
  look_up("TF_SetOutput", api.set_output);
  look_up("TF_OpKernelContext_Failure", api.fail);
  return complete;
}

} // namespace lossmith::tf
