#include "sip/base/system_memory.hpp"

#include <cstdlib>

namespace sip {

void* system_allocate(std::size_t size) { return std::malloc(size); }

void system_release(void* pointer) { std::free(pointer); }

}  // namespace sip
