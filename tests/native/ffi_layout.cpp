// Compiles only if our declarations of XLA's interface lie in memory like those of the jaxlib that is installed.
#include "ffi_abi.hpp"
#include "xla/ffi/api/c_api.h"

using namespace lossmith;

#define SAME(ours, field, theirs, their_field) \
  static_assert(offsetof(ffi::ours, field) == offsetof(theirs, their_field) && \
                    sizeof(ffi::ours::field) == sizeof(theirs::their_field), \
                #ours "." #field)

SAME(Extension, type, XLA_FFI_Extension_Base, type);
SAME(Extension, next, XLA_FFI_Extension_Base, next);
SAME(ApiVersion, major_version, XLA_FFI_Api_Version, major_version);
SAME(ApiVersion, minor_version, XLA_FFI_Api_Version, minor_version);
SAME(Metadata, api_version, XLA_FFI_Metadata, api_version);
SAME(Metadata, traits, XLA_FFI_Metadata, traits);
SAME(MetadataExtension, metadata, XLA_FFI_Metadata_Extension, metadata);
SAME(ErrorCreate, message, XLA_FFI_Error_Create_Args, message);
SAME(ErrorCreate, code, XLA_FFI_Error_Create_Args, errc);
SAME(ErrorDestroy, error, XLA_FFI_Error_Destroy_Args, error);
SAME(Buffer, type, XLA_FFI_Buffer, dtype);
SAME(Buffer, data, XLA_FFI_Buffer, data);
SAME(Buffer, rank, XLA_FFI_Buffer, rank);
SAME(Buffer, sizes, XLA_FFI_Buffer, dims);
SAME(Text, data, XLA_FFI_ByteSpan, ptr);
SAME(Text, length, XLA_FFI_ByteSpan, len);
SAME(Scalar, type, XLA_FFI_Scalar, dtype);
SAME(Scalar, value, XLA_FFI_Scalar, value);
SAME(Arrays, count, XLA_FFI_Args, size);
SAME(Arrays, kinds, XLA_FFI_Args, types);
SAME(Arrays, items, XLA_FFI_Args, args);
SAME(Arrays, items, XLA_FFI_Rets, rets);
SAME(Attributes, count, XLA_FFI_Attrs, size);
SAME(Attributes, kinds, XLA_FFI_Attrs, types);
SAME(Attributes, names, XLA_FFI_Attrs, names);
SAME(Attributes, items, XLA_FFI_Attrs, attrs);
SAME(Schedule, context, XLA_FFI_ThreadPool_Schedule_Args, ctx);
SAME(Schedule, task, XLA_FFI_ThreadPool_Schedule_Args, task);
SAME(Schedule, data, XLA_FFI_ThreadPool_Schedule_Args, data);
SAME(NumThreads, context, XLA_FFI_ThreadPool_NumThreads_Args, ctx);
SAME(NumThreads, threads, XLA_FFI_ThreadPool_NumThreads_Args, num_threads);
SAME(Api, version, XLA_FFI_Api, api_version);
SAME(Api, create_error, XLA_FFI_Api, XLA_FFI_Error_Create);
SAME(Api, destroy_error, XLA_FFI_Api, XLA_FFI_Error_Destroy);
SAME(Api, schedule, XLA_FFI_Api, XLA_FFI_ThreadPool_Schedule);
SAME(Api, num_threads, XLA_FFI_Api, XLA_FFI_ThreadPool_NumThreads);
SAME(CallFrame, extensions, XLA_FFI_CallFrame, extension_start);
SAME(CallFrame, api, XLA_FFI_CallFrame, api);
SAME(CallFrame, context, XLA_FFI_CallFrame, ctx);
SAME(CallFrame, stage, XLA_FFI_CallFrame, stage);
SAME(CallFrame, arguments, XLA_FFI_CallFrame, args);
SAME(CallFrame, results, XLA_FFI_CallFrame, rets);
SAME(CallFrame, attributes, XLA_FFI_CallFrame, attrs);

static_assert(ffi::major_version == XLA_FFI_API_MAJOR && ffi::minor_version <= XLA_FFI_API_MINOR, "version");
static_assert(ffi::metadata_extension == XLA_FFI_Extension_Metadata, "extensions");
static_assert(ffi::buffer_kind == XLA_FFI_ArgType_BUFFER && ffi::buffer_kind == XLA_FFI_RetType_BUFFER, "arrays");
static_assert(ffi::scalar_kind == XLA_FFI_AttrType_SCALAR && ffi::text_kind == XLA_FFI_AttrType_STRING, "attributes");
static_assert(static_cast<int>(ffi::DataType::s32) == XLA_FFI_DataType_S32, "types");
static_assert(static_cast<int>(ffi::DataType::s64) == XLA_FFI_DataType_S64, "types");
static_assert(static_cast<int>(ffi::DataType::f16) == XLA_FFI_DataType_F16, "types");
static_assert(static_cast<int>(ffi::DataType::f32) == XLA_FFI_DataType_F32, "types");
static_assert(static_cast<int>(ffi::DataType::f64) == XLA_FFI_DataType_F64, "types");
static_assert(static_cast<int>(ffi::DataType::bf16) == XLA_FFI_DataType_BF16, "types");
static_assert(static_cast<int>(ffi::ErrorCode::invalid_argument) == XLA_FFI_Error_Code_INVALID_ARGUMENT, "errors");
static_assert(static_cast<int>(ffi::ErrorCode::resource_exhausted) == XLA_FFI_Error_Code_RESOURCE_EXHAUSTED, "errors");
static_assert(static_cast<int>(ffi::ErrorCode::internal) == XLA_FFI_Error_Code_INTERNAL, "errors");
