#pragma once

#include <functional>
#include <string>
#include <vector>

#include "apps/edge/net/outcome.hpp"
#include "apps/vigil/exit_code.hpp"
#include "apps/vigil/json_output.hpp"
#include "apps/vigil/options.hpp"

namespace vigil {

/// The canonical address-of-record that `text` names (sip:alice@example.com, or without scheme);
/// the error says what it wants.
edge::Outcome<std::string> address_argument(const std::string& text);

/// What the server at the control socket `path` (empty: the only one there is) answers to
/// `request`; the error is one line.
edge::Outcome<std::vector<Record>> answer_of_server(const std::string& path,
                                                    const std::string& request);

/// Puts `request` to the server. With --json each line is printed as it comes; else `take` gets
/// each. What fails is told, as `command` tells it.
ExitCode ask_server(const ControlOptions& options, const std::string& command,
                    const std::string& request, const std::function<void(Record)>& take);

}  // namespace vigil
