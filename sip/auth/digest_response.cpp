#include "sip/auth/digest_response.hpp"

namespace sip {

HexDigest session_key(const Ha1& ha1, DigestAlgorithm algorithm, std::string_view nonce,
                      std::string_view cnonce) {
    if (!is_session(algorithm)) return ha1.hex;
    return hash_joined(algorithm, {ha1.hex.view(), nonce, cnonce});
}

HexDigest digest_response(const HexDigest& key, const DigestInput& input) {
    HexDigest ha2;
    if (input.qop == "auth-int") {
        const HexDigest body = hash_joined(input.algorithm, {input.body});
        ha2 = hash_joined(input.algorithm, {input.method, input.uri, body.view()});
    } else {
        ha2 = hash_joined(input.algorithm, {input.method, input.uri});
    }
    if (input.qop.empty())
        return hash_joined(input.algorithm, {key.view(), input.nonce, ha2.view()});
    return hash_joined(input.algorithm,
                       {key.view(), input.nonce, input.nc, input.cnonce, input.qop, ha2.view()});
}

}  // namespace sip
