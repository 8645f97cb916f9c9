#pragma once

#include <string>
#include <string_view>

#include "sip/auth/digest_response.hpp"
#include "tests/support/raw_peer.hpp"

/// The Authorization line that answers `challenge` (the value of a WWW-Authenticate with MD5) with
/// qop=auth, for a request as `request` has it.
inline std::string authorization_for(const std::string& challenge, const RawRequest& request,
                                     const std::string& user, const std::string& password) {
    const auto parameter = [&](std::string_view name) {
        const std::string start = std::string(name) + "=\"";
        const auto at = challenge.find(start);
        if (at == std::string::npos) return std::string{};
        return challenge.substr(at + start.size(),
                                challenge.find('"', at + start.size()) - at - start.size());
    };
    const std::string realm = parameter("realm"), nonce = parameter("nonce");
    const sip::Ha1 ha1 = sip::make_ha1(sip::DigestAlgorithm::md5, user, realm, password);
    sip::DigestInput input;
    input.nonce = nonce;
    input.qop = "auth";
    input.cnonce = "0a4f113b";
    input.nc = "00000001";
    input.method = request.method;
    input.uri = request.uri;
    const std::string response{sip::digest_response(ha1.hex, input).view()};
    return "Authorization: Digest username=\"" + user + "\", realm=\"" + realm + "\", nonce=\"" +
           nonce + "\", uri=\"" + request.uri + "\", response=\"" + response +
           "\", algorithm=MD5, cnonce=\"0a4f113b\", qop=auth, nc=00000001";
}
