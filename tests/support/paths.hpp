#pragma once

#include <filesystem>
#include <optional>

/// The root of the source tree that the tests were built from.
std::filesystem::path source_root();

/// The folder with the RFC texts and their torture messages, if this build was given one.
std::optional<std::filesystem::path> standards_folder();

/// Says that the running test case cannot run here, and why; it is counted as skipped. The case has
/// to return right after, without a failed check.
void skip_case(const char* why);
