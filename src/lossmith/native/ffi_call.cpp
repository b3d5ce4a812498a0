#include "ffi_call.hpp"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <new>

namespace lossmith {
namespace ffi {
namespace {

// The attribute of that name and kind, or null.
const void *attribute(const CallFrame &frame, const char *name, std::int32_t kind) {
  const Attributes &all = frame.attributes;
  for (std::int64_t k = 0; k < all.count; ++k) {
    const Text &found = *all.names[k];
    if (found.length == std::strlen(name) && std::memcmp(found.data, name, found.length) == 0)
      return all.kinds[k] == kind ? all.items[k] : nullptr;
  }
  return nullptr;
}

const Scalar *scalar(const CallFrame &frame, const char *name, DataType type) {
  const auto *const value = static_cast<const Scalar *>(attribute(frame, name, scalar_kind));
  return value != nullptr && value->type == type ? value : nullptr;
}

const Buffer *buffer(const Arrays &all, std::int64_t index) {
  return index < all.count && all.kinds[index] == buffer_kind ? static_cast<const Buffer *>(all.items[index]) : nullptr;
}

void destroy(const CallFrame &frame, Error *error) {
  ErrorDestroy call{sizeof(ErrorDestroy), nullptr, error};
  frame.api->destroy_error(&call);
}

// A piece of work that tasks of the pool may join until it is closed. It lives until the last task has looked at it,
// which may be long after the call has returned.
class Work {
public:
  Work(Exec::Body body, void *context) : body_(body), context_(context) {}

  void hold() {
    const std::lock_guard<std::mutex> guard(mutex_);
    ++holders_;
  }

  void release() {
    bool last = false;
    {
      const std::lock_guard<std::mutex> guard(mutex_);
      last = --holders_ == 0;
    }
    if (last) delete this;
  }

  void join() {
    {
      const std::lock_guard<std::mutex> guard(mutex_);
      if (closed_) return;
      ++working_;
    }
    body_(context_);
    const std::lock_guard<std::mutex> guard(mutex_);
    if (--working_ == 0) done_.notify_one();
  }

  // Returns when no task works any more; none will begin.
  void close() {
    std::unique_lock<std::mutex> lock(mutex_);
    closed_ = true;
    done_.wait(lock, [this] { return working_ == 0; });
  }

private:
  ~Work() = default;

  const Exec::Body body_;
  void *const context_;
  std::mutex mutex_;
  std::condition_variable done_;
  int holders_ = 1, working_ = 0;
  bool closed_ = false;
};

void join_and_release(void *data) {
  auto *work = static_cast<Work *>(data);
  work->join();
  work->release();
}

std::int64_t thread_count(const CallFrame &frame) {
  std::int64_t threads = 1;
  NumThreads call{sizeof(NumThreads), nullptr, frame.context, &threads};
  if (Error *const failed = frame.api->num_threads(&call)) {
    destroy(frame, failed);
    return 1;
  }
  return threads;
}

void run_on_xla(void *pool, std::int64_t helpers, Exec::Body body, void *context) {
  const CallFrame &frame = *static_cast<const CallFrame *>(pool);
  // The calling thread is a further one where it is not the pool's, and there are not more CPUs for that.
  helpers = std::min(helpers, thread_count(frame) - 1);
  Work *const work = helpers > 0 ? new (std::nothrow) Work(body, context) : nullptr;
  if (work == nullptr) return body(context);
  for (; helpers > 0; --helpers) {
    work->hold();
    Schedule call{sizeof(Schedule), nullptr, frame.context, join_and_release, work};
    if (Error *const failed = frame.api->schedule(&call)) {
      destroy(frame, failed);
      work->release();
      break;
    }
  }
  body(context);
  work->close();
  work->release();
}

} // namespace

bool answer_metadata(const CallFrame &frame) {
  for (Extension *each = frame.extensions; each != nullptr; each = each->next) {
    if (each->type != metadata_extension) continue;
    Metadata &answer = *reinterpret_cast<MetadataExtension *>(each)->metadata;
    answer.api_version = {sizeof(ApiVersion), nullptr, major_version, minor_version};
    answer.traits = 0;
    return true;
  }
  return false;
}

Error *error(const CallFrame &frame, ErrorCode code, const char *message) {
  ErrorCreate call{sizeof(ErrorCreate), nullptr, message, code};
  return frame.api->create_error(&call);
}

std::int64_t integer(const CallFrame &frame, const char *name, std::int64_t otherwise) {
  const Scalar *const found = scalar(frame, name, DataType::s64);
  return found == nullptr ? otherwise : *static_cast<const std::int64_t *>(found->value);
}

double number(const CallFrame &frame, const char *name, double otherwise) {
  const Scalar *const found = scalar(frame, name, DataType::f64);
  return found == nullptr ? otherwise : *static_cast<const double *>(found->value);
}

Text text(const CallFrame &frame, const char *name) {
  const auto *const found = static_cast<const Text *>(attribute(frame, name, text_kind));
  return found == nullptr ? Text{"", 0} : *found;
}

const Buffer *argument(const CallFrame &frame, std::int64_t index) { return buffer(frame.arguments, index); }
const Buffer *result(const CallFrame &frame, std::int64_t index) { return buffer(frame.results, index); }

std::int64_t elements(const Buffer &buffer) {
  std::int64_t count = 1;
  for (std::int64_t k = 0; k < buffer.rank; ++k) count *= buffer.sizes[k];
  return count;
}

Exec threads_of(const CallFrame &frame) {
  const bool lends = frame.api->struct_size >= offsetof(Api, num_threads) + sizeof frame.api->num_threads &&
                     frame.api->schedule != nullptr && frame.api->num_threads != nullptr;
  if (!lends) return {};
  return {run_on_xla, const_cast<CallFrame *>(&frame)};
}

} // namespace ffi
} // namespace lossmith
