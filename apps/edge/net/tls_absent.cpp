// In the place of tls_openssl.cpp where OpenSSL is not built in.

#include "apps/edge/net/tls.hpp"

namespace edge {

std::string tls_library() { return {}; }

Outcome<std::shared_ptr<TlsContext>> TlsContext::make(const TlsSettings&,
                                                      std::vector<std::string>&) {
    return failure("TLS is not built in; build with -Dtls=enabled");
}

}  // namespace edge
