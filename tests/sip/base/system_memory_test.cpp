#include "sip/base/system_memory.hpp"

#include <doctest/doctest.h>

#include <cstring>

TEST_CASE("the system's memory can be written to, and is given back") {
    void* const room = sip::system_allocate(4'096);
    REQUIRE(room != nullptr);
    std::memset(room, 0xa5, 4'096);
    sip::system_release(room);
    sip::system_release(nullptr);
}
