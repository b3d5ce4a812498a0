// Who does the work: kernels cut a call into chunks and are handed an Exec, which brings the threads.
//
// The chunks of a call depend on its shape alone, never on the number of threads, and a kernel that adds up keeps one
// partial sum per chunk and adds those in order. So the result is the same, bit for bit, whatever the Exec is.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace lossmith {

// Calls body(context) at least once and at most `helpers` times more, at the same time, on threads of its own; returns
// when all these calls have returned. With run == nullptr everything happens on the calling thread.
struct Exec {
  using Body = void (*)(void *context);
  void (*run)(void *pool, std::int64_t helpers, Body body, void *context) = nullptr;
  void *pool = nullptr;
};

// The Exec behind the number that Python passes down: 0 is the calling thread, 1 our own pool (pool.cpp), and anything
// else the address of a function with the signature of libtorch's torch_parallel_for.
Exec exec_from(std::uint64_t handle);

// Calls work(chunk, begin, end) for each chunk of `grain` items of [0, count), in any order, on any of the threads. One
// chunk runs where it is: below some 32 thousand elements waking a thread costs more than it saves, so choose the
// grain accordingly. `work` must not throw.
template <typename Work> void for_chunks(const Exec &exec, std::int64_t count, std::int64_t grain, Work &&work) {
  const std::int64_t chunks = (count + grain - 1) / grain;
  const auto run_chunk = [&](std::int64_t chunk) {
    work(chunk, chunk * grain, std::min(count, (chunk + 1) * grain));
  };
  if (exec.run == nullptr || chunks <= 1) {
    for (std::int64_t chunk = 0; chunk < chunks; ++chunk) run_chunk(chunk);
    return;
  }
  // Every thread takes the next chunk that nobody has: a thread that the system stops for a while, or that wakes up
  // late, leaves its share to the others.
  std::atomic<std::int64_t> next{0};
  const auto drain = [&] {
    for (std::int64_t chunk; (chunk = next.fetch_add(1, std::memory_order_relaxed)) < chunks;) run_chunk(chunk);
  };
  exec.run(
      exec.pool, chunks - 1, [](void *context) { (*static_cast<decltype(&drain)>(context))(); },
      const_cast<void *>(static_cast<const void *>(&drain)));
}

} // namespace lossmith
