#include "sip/message/digest_header.hpp"

#include <array>

#include "sip/message/name_word.hpp"
#include "sip/message/scanner.hpp"

namespace sip {
namespace {

constexpr std::array<std::string_view, 7> algorithm_names{
    "MD5", "MD5-sess", "SHA-256", "SHA-256-sess", "SHA-512-256", "SHA-512-256-sess", ""};

enum class Name : std::uint8_t {
    other,
    username,
    realm,
    nonce,
    uri,
    response,
    cnonce,
    opaque,
    nc,
    qop,
    algorithm,
    userhash,
    domain,
    stale,
    nextnonce,
    rspauth,
};

Name name_of(std::string_view text) {
    using enum Name;
    switch (name_word(text)) {
        case name_word("username"): return username;
        case name_word("realm"): return realm;
        case name_word("nonce"): return nonce;
        case name_word("uri"): return uri;
        case name_word("response"): return response;
        case name_word("cnonce"): return cnonce;
        case name_word("opaque"): return opaque;
        case name_word("nc"): return nc;
        case name_word("qop"): return qop;
        case name_word("userhash"): return userhash;
        case name_word("domain"): return domain;
        case name_word("stale"): return stale;
        case name_word("rspauth"): return rspauth;
        default: break;
    }
    if (equal_ignoring_case(text, "algorithm")) return algorithm;
    return equal_ignoring_case(text, "nextnonce") ? nextnonce : other;
}

/// One name=value of an auth-param list; values quoted or bare, as clients send either.
struct Pair {
    std::string_view name, value;
};

enum class Step : std::uint8_t { pair, end, broken };
Step take_pair(Scanner& scanner, Pair& pair) {
    scanner.skip_lws();
    while (scanner.take(',')) scanner.skip_lws();
    if (scanner.done()) return Step::end;
    pair.name = scanner.take_token();
    if (pair.name.empty() || !scanner.take_separator('=')) return Step::broken;
    if (scanner.peek() == '"') {
        const auto quoted = scanner.take_quoted();
        if (!quoted) return Step::broken;
        pair.value = *quoted;
    } else {
        pair.value = scanner.take_while(
            [](char c) { return c != ' ' && c != ',' && c != '"' && !is_control(c); });
    }
    if (scanner.peek() == ',') return Step::pair;
    scanner.skip_lws();
    return scanner.done() || scanner.peek() == ',' ? Step::pair : Step::broken;
}

DigestAlgorithm algorithm_of(std::string_view name) {
    for (std::size_t i = 0; i + 1 < algorithm_names.size(); ++i)
        if (equal_ignoring_case(name, algorithm_names[i])) return static_cast<DigestAlgorithm>(i);
    return DigestAlgorithm::other;
}

std::optional<std::uint32_t> nc_of(std::string_view text) {
    if (text.size() != 8) return {};
    std::uint32_t value = 0;
    for (char c : text) {
        const int digit = hex_value(c);
        if (digit < 0) return {};
        value = value << 4 | static_cast<std::uint32_t>(digit);
    }
    return value;
}

/// Reads all pairs of `scanner`: `field(name, value)` keeps one, and says whether its name is one
/// of this header field. Such a name that stands twice is an error.
template <class Field>
Expected<void> read_pairs(Scanner& scanner, Field field, StaticText rule) {
    std::uint32_t seen = 0;
    Pair pair;
    for (;;) {
        const Step step = take_pair(scanner, pair);
        if (step == Step::end) return {};
        if (step == Step::broken) return failure(Condition::malformed, rule, scanner.at());
        const Name name = name_of(pair.name);
        if (name == Name::other || !field(name, pair.value)) continue;
        const std::uint32_t bit = 1U << static_cast<unsigned>(name);
        if ((seen & bit) != 0)
            return failure(Condition::repeated_header, "Digest: parameter stands twice",
                           scanner.at());
        seen |= bit;
    }
}

QopSet qop_of(std::string_view text) {
    QopSet set;
    set.present = true;
    while (!trim(text).empty()) {
        const ListElement element = take_element(text);
        set.auth |= equal_ignoring_case(element.text, "auth");
        set.auth_int |= equal_ignoring_case(element.text, "auth-int");
    }
    return set;
}

/// The scheme in front; false when it is not Digest and the rest need not be read.
Expected<bool> take_scheme(Scanner& scanner, std::string_view& scheme) {
    scanner.skip_lws();
    scheme = scanner.take_token();
    if (scheme.empty() || !(is_lws(scanner.peek()) || scanner.done()))
        return failure(Condition::malformed, "Digest: scheme is malformed", scanner.at());
    return equal_ignoring_case(scheme, "Digest");
}

}  // namespace

std::string_view name_of(DigestAlgorithm algorithm) {
    return algorithm_names[static_cast<std::size_t>(algorithm)];
}

Expected<DigestChallenge> parse_challenge(std::string_view value) {
    Scanner scanner(value);
    Expected<DigestChallenge> result;
    DigestChallenge& c = *result;
    const auto is_digest = take_scheme(scanner, c.scheme);
    if (!is_digest) return tl::unexpected(is_digest.error());
    c.is_digest = *is_digest;
    if (!c.is_digest) return result;
    const auto field = [&c](Name name, std::string_view text) {
        switch (name) {
            case Name::realm: c.realm = text; break;
            case Name::domain: c.domain = text; break;
            case Name::nonce: c.nonce = text; break;
            case Name::opaque: c.opaque = text; break;
            case Name::stale: c.stale = equal_ignoring_case(text, "true"); break;
            case Name::algorithm:
                c.algorithm = algorithm_of(text);
                c.has_algorithm = true;
                break;
            case Name::qop: c.qop = qop_of(text); break;
            case Name::userhash: c.userhash = equal_ignoring_case(text, "true"); break;
            default: return false;
        }
        return true;
    };
    const auto read = read_pairs(scanner, field, "Challenge: parameter is malformed");
    if (!read) result = tl::unexpected(read.error());
    return result;
}

Expected<DigestCredentials> parse_credentials(std::string_view value) {
    Scanner scanner(value);
    Expected<DigestCredentials> result;
    DigestCredentials& c = *result;
    const auto is_digest = take_scheme(scanner, c.scheme);
    if (!is_digest) return tl::unexpected(is_digest.error());
    c.is_digest = *is_digest;
    if (!c.is_digest) return result;
    const auto field = [&c](Name name, std::string_view text) {
        switch (name) {
            case Name::username: c.username = text; break;
            case Name::realm: c.realm = text; break;
            case Name::nonce: c.nonce = text; break;
            case Name::uri: c.uri = text; break;
            case Name::response: c.response = text; break;
            case Name::cnonce: c.cnonce = text; break;
            case Name::opaque: c.opaque = text; break;
            case Name::nc:
                c.nc_text = text;
                c.nc = nc_of(text);
                break;
            case Name::qop: c.qop = text; break;
            case Name::algorithm:
                c.algorithm = algorithm_of(text);
                c.has_algorithm = true;
                break;
            case Name::userhash: c.userhash = equal_ignoring_case(text, "true"); break;
            default: return false;
        }
        return true;
    };
    const auto read = read_pairs(scanner, field, "Credentials: parameter is malformed");
    if (!read) result = tl::unexpected(read.error());
    return result;
}

Expected<AuthenticationInfo> parse_authentication_info(std::string_view value) {
    Scanner scanner(value);
    AuthenticationInfo info;
    const auto field = [&info](Name name, std::string_view text) {
        switch (name) {
            case Name::nextnonce: info.nextnonce = text; break;
            case Name::rspauth: info.rspauth = text; break;
            case Name::cnonce: info.cnonce = text; break;
            case Name::qop: info.qop = text; break;
            case Name::nc: info.nc = nc_of(text); break;
            default: return false;
        }
        return true;
    };
    const auto read = read_pairs(scanner, field, "Authentication-Info: parameter is malformed");
    if (!read) return tl::unexpected(read.error());
    return info;
}

}  // namespace sip
