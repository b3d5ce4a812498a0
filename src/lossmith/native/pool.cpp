// Our own threads, for callers that bring none (NumPy), and the Exec of a caller that brings its own.
#include "pool.hpp"

#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>

#if defined(__linux__)
#include <sched.h>
#endif
#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#include <signal.h>
#define LOSSMITH_HAS_FORK 1
#endif

namespace lossmith {
namespace {

// The CPUs this process may use; LOSSMITH_NUM_THREADS can only lower the number.
int wanted_threads() {
  int cpus = static_cast<int>(std::thread::hardware_concurrency());
#if defined(__linux__)
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) cpus = CPU_COUNT(&allowed);
#endif
  if (cpus < 1) cpus = 1;
  const char *text = std::getenv("LOSSMITH_NUM_THREADS");
  const long limit = text == nullptr ? 0 : std::strtol(text, nullptr, 10);
  return limit >= 1 && limit < cpus ? static_cast<int>(limit) : cpus;
}

// Signals are for the threads that Python knows: those started while one of these lives get none.
class NoSignals {
#if defined(LOSSMITH_HAS_FORK)
public:
  NoSignals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~NoSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
  sigset_t before_;
#endif
};

// One job at a time. The caller works, too, and in the end waits only for helpers that have begun: it never waits for
// a thread to wake up.
class Pool {
public:
  explicit Pool(int threads) {
    [[maybe_unused]] const NoSignals quiet;
    for (; helpers_ < threads - 1; ++helpers_) {
      try {
        std::thread([this] { serve(); }).detach();
      } catch (const std::system_error &) {
        break; // the system gives no more threads; the ones we have do the work
      }
    }
  }

  int helpers() const { return helpers_; }

  // False if another caller has the pool.
  bool run(std::int64_t helpers, Exec::Body body, void *context) {
    std::unique_lock<std::mutex> job(job_, std::try_to_lock);
    if (!job.owns_lock()) return false;
    {
      std::lock_guard<std::mutex> guard(mutex_);
      body_ = body;
      context_ = context;
      open_ = helpers < helpers_ ? static_cast<int>(helpers) : helpers_;
    }
    if (helpers == 1)
      wake_.notify_one();
    else
      wake_.notify_all();
    body(context);
    std::unique_lock<std::mutex> lock(mutex_);
    open_ = 0;
    done_.wait(lock, [this] { return working_ == 0; });
    return true;
  }

private:
  [[noreturn]] void serve() {
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      wake_.wait(lock, [this] { return open_ > 0; });
      --open_;
      ++working_;
      const Exec::Body body = body_;
      void *const context = context_;
      lock.unlock();
      body(context);
      lock.lock();
      if (--working_ == 0) done_.notify_one();
    }
  }

  std::mutex job_;   // held by the caller whose work this is
  std::mutex mutex_; // guards what follows
  std::condition_variable wake_, done_;
  Exec::Body body_ = nullptr;
  void *context_ = nullptr;
  int open_ = 0;    // helpers that may still join
  int working_ = 0; // helpers that have joined
  int helpers_ = 0;
};

// The pool is made by the first call that can use it and is never destroyed: at exit its threads sleep, and are gone
// with the process. A forked child has none of them, so it forgets the pool and makes its own when it needs one.
std::atomic<Pool *> the_pool{nullptr};
std::atomic<bool> making{false};

#if defined(LOSSMITH_HAS_FORK)
void forget_pool() {
  the_pool.store(nullptr);
  making.store(false);
}
#endif

Pool *pool() {
  if (Pool *found = the_pool.load(std::memory_order_acquire)) return found;
  if (making.exchange(true)) return nullptr; // another thread is at it; this call does without
  if (Pool *found = the_pool.load(std::memory_order_acquire)) {
    making.store(false);
    return found;
  }
#if defined(LOSSMITH_HAS_FORK)
  static const int registered = pthread_atfork(nullptr, nullptr, forget_pool);
  static_cast<void>(registered);
#endif
  Pool *made = new (std::nothrow) Pool(wanted_threads());
  the_pool.store(made, std::memory_order_release);
  making.store(false);
  return made;
}

void run_on_pool(void *, std::int64_t helpers, Exec::Body body, void *context) {
  Pool *const found = pool();
  if (found == nullptr || found->helpers() == 0 || !found->run(helpers, body, context)) body(context);
}

// torch_parallel_for calls its function once per thread, each with a part of the range; the range itself is of no use.
struct Call {
  Exec::Body body;
  void *context;
};

using ParallelFor = std::int32_t (*)(std::int64_t begin, std::int64_t end, std::int64_t grain,
                                     void (*body)(std::int64_t, std::int64_t, void *), void *context);

void run_on_torch(void *address, std::int64_t helpers, Exec::Body body, void *context) {
  ParallelFor parallel_for;
  static_assert(sizeof parallel_for == sizeof address, "a function's address must fit a pointer");
  std::memcpy(&parallel_for, &address, sizeof parallel_for);
  Call call{body, context};
  const auto each = [](std::int64_t, std::int64_t, void *it) {
    static_cast<Call *>(it)->body(static_cast<Call *>(it)->context);
  };
  // Should it fail before it called us, the work is still to be done; the chunks that are done are not done twice.
  if (parallel_for(0, helpers + 1, 1, each, &call) != 0) body(context);
}

} // namespace

Exec exec_from(std::uint64_t handle) {
  if (handle == 0) return {};
  if (handle == 1) return {run_on_pool, nullptr};
  return {run_on_torch, reinterpret_cast<void *>(static_cast<std::uintptr_t>(handle))};
}

int pool_threads() {
  Pool *const found = pool();
  return found == nullptr ? 1 : found->helpers() + 1;
}

} // namespace lossmith
