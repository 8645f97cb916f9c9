#pragma once

#include <string_view>

namespace vigil {

/// "vigil 0.1.0"
std::string_view version_line();
/// "vigil/0.1.0", as User-Agent and Server fields have it.
std::string_view product();

}  // namespace vigil
