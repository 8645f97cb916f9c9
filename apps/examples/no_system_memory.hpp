// For programs in which the core lives in an arena: nothing of it asks the C library for memory,
// and so the heap is not linked on its account.
#pragma once

#include "sip/base/system_memory.hpp"

void* sip::system_allocate(std::size_t) { return nullptr; }
void sip::system_release(void*) {}
