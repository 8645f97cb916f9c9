#pragma once

#include <cstddef>

#include "tests/sim/simulation.hpp"

namespace sim {

/// The smallest history found that breaks the same invariant as `history` does: parts of it are
/// left out as long as it goes on failing (delta debugging). `runs`: how often it may be tried.
History shrink(const Setup& setup, const History& history, const Failure& failure,
               std::size_t runs);

/// What people read of a failure: the seed, the invariant, the steps, and a ladder of the messages.
std::string report_of(const Setup& setup, const History& history, const Outcome& outcome);

}  // namespace sim
