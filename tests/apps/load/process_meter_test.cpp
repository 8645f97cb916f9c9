#include "apps/load/process_meter.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

TEST_CASE("This process has used a processor and memory; no process has used none") {
    std::uint64_t x = 1;
    for (int i = 0; i < 1'000'000; ++i) x = x * 31 + static_cast<std::uint64_t>(i);
    CHECK(x != 0);
    CHECK(load::own_cpu_ns() > 0);
    const load::ProcessUse use = load::use_of(getpid(), true);
    CHECK(use.found);
    CHECK(use.pss_bytes > 0);
    CHECK_FALSE(load::use_of(0x7FFFFFF0, true).found);
}
