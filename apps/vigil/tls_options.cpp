#include "apps/vigil/tls_options.hpp"

namespace vigil {

edge::Outcome<std::vector<edge::TlsSettings::Pair>> pair_certificates(
    const std::vector<std::string>& certificates, const std::vector<std::string>& keys) {
    if (certificates.size() > keys.size())
        return edge::failure("--cert " + certificates[keys.size()] +
                             " has no key; give --key FILE for each --cert, in the same order");
    if (certificates.size() < keys.size())
        return edge::failure("--key " + keys[certificates.size()] +
                             " has no certificate; give --cert FILE for each --key, in the same "
                             "order");
    std::vector<edge::TlsSettings::Pair> pairs;
    for (std::size_t i = 0; i < keys.size(); ++i) pairs.push_back({certificates[i], keys[i]});
    return pairs;
}

std::string why_no_tls() {
    if (!edge::tls_library().empty()) return {};
    return "TLS is not built in; install OpenSSL's development files and build again with "
           "-Dtls=enabled";
}

}  // namespace vigil
