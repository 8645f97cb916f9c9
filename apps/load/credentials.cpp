#include "apps/load/credentials.hpp"

#include <array>

#include "apps/load/template.hpp"

namespace load {

namespace {

constexpr std::string_view cnonce = "76696c6c6f6164";

}  // namespace

std::string_view Credentials::take(std::string_view challenge, bool proxy) {
    const auto read = sip::parse_challenge(challenge);
    if (!read || !read->is_digest || read->algorithm == sip::DigestAlgorithm::other) return {};
    if (read->qop.present && !read->qop.auth) return {};
    if (realm_ != read->realm) realm_ = read->realm;
    if (opaque_ != read->opaque) opaque_ = read->opaque;
    algorithm_ = read->algorithm;
    has_algorithm_ = read->has_algorithm;
    has_qop_ = read->qop.present;
    proxy_ = proxy;
    return read->nonce;
}

void Credentials::write(std::string& out, std::string_view user, std::string_view method,
                        std::string_view uri, std::string_view nonce, std::uint32_t count) const {
    std::array<char, 8> digits{};
    write_fixed(count, digits.data(), digits.size(), 16);
    const std::string_view nc(digits.data(), digits.size());
    const sip::Ha1 ha1 = sip::make_ha1(algorithm_, user, realm_, password_);
    sip::DigestInput input;
    input.algorithm = algorithm_;
    input.nonce = nonce;
    input.qop = has_qop_ ? "auth" : "";
    input.cnonce = cnonce;
    input.nc = nc;
    input.method = method;
    input.uri = uri;
    const sip::HexDigest response =
        sip::digest_response(sip::session_key(ha1, algorithm_, nonce, cnonce), input);
    out.append(proxy_ ? "Proxy-Authorization" : "Authorization").append(": Digest username=\"");
    out.append(user).append("\", realm=\"").append(realm_).append("\", nonce=\"").append(nonce);
    out.append("\", uri=\"").append(uri).append("\", response=\"").append(response.view());
    out.append("\"");
    if (has_algorithm_) out.append(", algorithm=").append(sip::name_of(algorithm_));
    if (!opaque_.empty()) out.append(", opaque=\"").append(opaque_).append("\"");
    if (has_qop_)
        out.append(", qop=auth, nc=").append(nc).append(", cnonce=\"").append(cnonce).append("\"");
    out.append("\r\n");
}

}  // namespace load
