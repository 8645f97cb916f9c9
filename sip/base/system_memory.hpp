#pragma once

#include <cstddef>

namespace sip {

/// Where a Memory without an arena takes from: the heap of the C library. They stand in an object
/// of their own, which a program that gives arenas alone can leave out by defining both itself.
void* system_allocate(std::size_t size);
void system_release(void* pointer);

}  // namespace sip
