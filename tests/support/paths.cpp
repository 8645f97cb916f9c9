#include "tests/support/paths.hpp"

#include <doctest/doctest.h>

#include <cstdio>

std::filesystem::path source_root() { return VIGIL_SOURCE_ROOT; }

std::optional<std::filesystem::path> standards_folder() {
    const std::filesystem::path given = VIGIL_STANDARDS;
    if (given.empty() || !std::filesystem::is_directory(given)) return std::nullopt;
    return given;
}

void skip_case(const char* why) {
    const char* name = doctest::getContextOptions()->currentTest->m_name;
    std::printf("SKIPPED: %s: %s\n", name, why);
    std::fflush(stdout);
}
