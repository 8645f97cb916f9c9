#pragma once

#include <memory>
#include <string>
#include <vector>

#include "apps/edge/net/outcome.hpp"
#include "apps/edge/net/tls.hpp"

namespace vigil {

/// Puts each certificate beside its key: --cert and --key come in the same order.
edge::Outcome<std::vector<edge::TlsSettings::Pair>> pair_certificates(
    const std::vector<std::string>& certificates, const std::vector<std::string>& keys);

/// "": this program speaks TLS; else why not, and what to do.
std::string why_no_tls();

}  // namespace vigil
