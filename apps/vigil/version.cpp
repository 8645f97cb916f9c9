#include "apps/vigil/version.hpp"

namespace vigil {

std::string_view version_line() { return "vigil " VIGIL_VERSION; }
std::string_view product() { return "vigil/" VIGIL_VERSION; }

}  // namespace vigil
