// The part of XLA's foreign function interface that our handlers touch, declared by us so that no framework is needed
// to build. It is a C interface: what counts is the order and the size of the fields, and a test compares those with
// the headers of the jaxlib at hand (tests/native/ffi_layout.cpp).
//
// We declare version 0.1, the oldest that has all we need: XLA accepts handlers of an older minor version, while one
// that is newer than XLA is refused. New fields are only ever added at the end of a structure.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lossmith {
namespace ffi {

constexpr int major_version = 0, minor_version = 1;

// A chain of structures that extend another one; their type says which they are.
constexpr std::int32_t metadata_extension = 1;
struct Extension {
  std::size_t struct_size;
  std::int32_t type;
  Extension *next;
};

struct ApiVersion {
  std::size_t struct_size;
  Extension *extensions;
  int major_version, minor_version;
};

// What XLA asks a handler when it is registered. Newer versions have more fields, which XLA has filled.
struct Metadata {
  std::size_t struct_size;
  ApiVersion api_version;
  std::uint32_t traits;
};
struct MetadataExtension {
  Extension base;
  Metadata *metadata;
};

struct Error; // XLA's own
enum class ErrorCode : std::int32_t { invalid_argument = 3, resource_exhausted = 8, internal = 13 };
struct ErrorCreate {
  std::size_t struct_size;
  Extension *extensions;
  const char *message;
  ErrorCode code;
};
struct ErrorDestroy {
  std::size_t struct_size;
  Extension *extensions;
  Error *error;
};

enum class DataType : std::int32_t { s32 = 4, s64 = 5, f16 = 10, f32 = 11, f64 = 12, bf16 = 16 };

struct Buffer {
  std::size_t struct_size;
  Extension *extensions;
  DataType type;
  void *data;
  std::int64_t rank;
  std::int64_t *sizes;
};

struct Text {
  const char *data;
  std::size_t length;
};
struct Scalar {
  DataType type;
  void *value;
};

constexpr std::int32_t buffer_kind = 1, scalar_kind = 3, text_kind = 4; // of arguments and results; of attributes
struct Arrays {
  std::size_t struct_size;
  Extension *extensions;
  std::int64_t count;
  std::int32_t *kinds;
  void **items;
};
struct Attributes {
  std::size_t struct_size;
  Extension *extensions;
  std::int64_t count;
  std::int32_t *kinds;
  Text **names;
  void **items;
};

struct Context; // XLA's own
struct Schedule {
  std::size_t struct_size;
  Extension *extensions;
  Context *context;
  void (*task)(void *data);
  void *data;
};
struct NumThreads {
  std::size_t struct_size;
  Extension *extensions;
  Context *context;
  std::int64_t *threads;
};

struct Api {
  std::size_t struct_size;
  Extension *extensions;
  ApiVersion version;
  const void *internal;
  Error *(*create_error)(ErrorCreate *);
  void (*error_message)(void *);
  void (*destroy_error)(ErrorDestroy *);
  void *unused[8]; // registration, streams, types, state and device memory
  Error *(*schedule)(Schedule *);
  Error *(*num_threads)(NumThreads *);
};

struct CallFrame {
  std::size_t struct_size;
  Extension *extensions;
  const Api *api;
  Context *context;
  std::int32_t stage;
  Arrays arguments;
  Arrays results;
  Attributes attributes;
};

} // namespace ffi
} // namespace lossmith
