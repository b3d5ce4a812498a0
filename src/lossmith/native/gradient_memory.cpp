#include "gradient_memory.hpp"

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <new>

#if defined(__unix__) || defined(__APPLE__)
#include <sys/mman.h>
#include <unistd.h>
#define LOSSMITH_HAS_MMAP 1
#endif

namespace lossmith {
namespace {

constexpr std::size_t huge_page = 2 << 20;
constexpr int most_idle = 2;

std::size_t idle_limit() {
#if defined(LOSSMITH_HAS_MMAP)
  const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  if (pages > 0 && page > 0) return static_cast<std::size_t>(pages) * static_cast<std::size_t>(page) / 8;
#endif
  return std::size_t{1} << 30;
}

GradientBlock *map_block(std::size_t bytes) {
  const std::size_t rounded = (bytes + gradient_stagger + huge_page - 1) / huge_page * huge_page;
  if (rounded < bytes || rounded + huge_page < rounded) return nullptr;
  auto *block = new (std::nothrow) GradientBlock;
  if (block == nullptr) return nullptr;
  block->bytes = rounded;
#if defined(LOSSMITH_HAS_MMAP)
  block->mapped = rounded + huge_page;
  block->mapping = mmap(nullptr, block->mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (block->mapping == MAP_FAILED) {
    delete block;
    return nullptr;
  }
  const auto start = (reinterpret_cast<std::uintptr_t>(block->mapping) + huge_page - 1) / huge_page * huge_page;
#if defined(MADV_HUGEPAGE)
  madvise(reinterpret_cast<void *>(start), rounded, MADV_HUGEPAGE);
#endif
  block->memory = reinterpret_cast<void *>(start + gradient_stagger);
#else
  block->mapped = rounded;
  block->mapping = ::operator new(rounded, std::align_val_t{huge_page}, std::nothrow);
  if (block->mapping == nullptr) {
    delete block;
    return nullptr;
  }
  block->memory = static_cast<char *>(block->mapping) + gradient_stagger;
#endif
  return block;
}

void unmap(GradientBlock *block) {
#if defined(LOSSMITH_HAS_MMAP)
  munmap(block->mapping, block->mapped);
#else
  ::operator delete(block->mapping, std::align_val_t{huge_page});
#endif
  delete block;
}

// Never destroyed: gradients may be freed while the process ends.
struct Idle {
  std::mutex mutex;
  GradientBlock *blocks[most_idle] = {};

  std::size_t bytes() const {
    std::size_t sum = 0;
    for (const GradientBlock *block : blocks) sum += block == nullptr ? 0 : block->bytes;
    return sum;
  }
  std::size_t clear() {
    const std::size_t sum = bytes();
    for (GradientBlock *&block : blocks) {
      if (block != nullptr) unmap(block);
      block = nullptr;
    }
    return sum;
  }
};

Idle &idle() {
  static Idle *const all = new Idle;
  return *all;
}

} // namespace

GradientBlock *take_gradient_block(std::size_t bytes) {
  Idle &all = idle();
  const std::lock_guard<std::mutex> guard(all.mutex);
  GradientBlock **best = nullptr;
  for (GradientBlock *&block : all.blocks) {
    // A much larger block would keep memory from the rest of the program.
    const bool large = block != nullptr && block->bytes - gradient_stagger >= bytes;
    const bool fits = large && block->bytes / 2 <= std::max(bytes, huge_page);
    if (fits && (best == nullptr || block->bytes < (*best)->bytes)) best = &block;
  }
  if (best != nullptr) {
    GradientBlock *const found = *best;
    *best = nullptr;
    return found;
  }
  all.clear();
  return map_block(bytes);
}

void give_back(GradientBlock *block) {
  static const std::size_t limit = idle_limit();
  Idle &all = idle();
  const std::lock_guard<std::mutex> guard(all.mutex);
  for (GradientBlock *&place : all.blocks)
    if (place == nullptr && all.bytes() + block->bytes <= limit) {
      place = block;
      return;
    }
  unmap(block);
}

std::size_t trim_gradient_memory() {
  Idle &all = idle();
  const std::lock_guard<std::mutex> guard(all.mutex);
  return all.clear();
}

std::size_t idle_gradient_memory() {
  Idle &all = idle();
  const std::lock_guard<std::mutex> guard(all.mutex);
  return all.bytes();
}

} // namespace lossmith
