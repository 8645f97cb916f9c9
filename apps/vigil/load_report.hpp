#pragma once

#include <string>
#include <vector>

#include "apps/load/plan.hpp"
#include "apps/load/process_meter.hpp"
#include "apps/vigil/json_output.hpp"

namespace vigil {

/// A phase of `vigil load`, and the server's process before and after it.
struct LoadPhase {
    load::PhaseResult result;
    load::ProcessUse before, after;  ///< not `found`: there is no --pid
};

/// The object of --json: times in nanoseconds, sizes in bytes.
Record record_of(const LoadPhase& phase);
/// A phase that mixes several kinds tells of each, too.
std::vector<Record> records_of_kinds(const LoadPhase& phase);
/// The same for people.
std::vector<std::string> lines_of(const LoadPhase& phase);

}  // namespace vigil
