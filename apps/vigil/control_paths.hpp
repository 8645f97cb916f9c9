#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "apps/edge/net/descriptor.hpp"
#include "apps/edge/net/outcome.hpp"

namespace vigil {

/// Where a server puts its control socket that was told no path: named by its first listener
/// ("udp:127.0.0.1:5060"), which no two servers share, in a folder of this user's own. Makes the
/// folder if need be; or says why there is none.
edge::Outcome<std::string> default_control_path(std::string_view listener);

/// A connection to a server of this machine.
struct ControlConnection {
    std::string path;
    edge::Descriptor socket;
};
/// To the one at `path`; with an empty one to the only one that is where servers put theirs.
edge::Outcome<ControlConnection> connect_control(const std::string& path);

}  // namespace vigil
