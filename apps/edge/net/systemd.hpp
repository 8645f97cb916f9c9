#pragma once

#include <string_view>

namespace edge {

/// Tells systemd `state` ("READY=1", "STOPPING=1", "RELOADING=1") when it started this process and
/// wants to know (NOTIFY_SOCKET is set). False: it does not, or cannot be reached; never an error.
bool notify_systemd(std::string_view state);

}  // namespace edge
