#include "sip/message/digest_header.hpp"

#include <array>

#include "sip/message/scanner.hpp"

namespace sip {
namespace {

constexpr std::array<std::string_view, 7> algorithm_names{
    "MD5", "MD5-sess", "SHA-256", "SHA-256-sess", "SHA-512-256", "SHA-512-256-sess", ""};

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

/// Reads all pairs of `scanner` into the fields that `field(name)` gives (null: not known).
/// A known name that stands twice is an error.
template <class Field>
Expected<void> read_pairs(Scanner& scanner, Field field, std::string_view rule) {
    std::uint32_t seen = 0;
    for (;;) {
        Pair pair;
        const Step step = take_pair(scanner, pair);
        if (step == Step::end) return {};
        if (step == Step::broken) return failure(Condition::malformed, rule, scanner.at());
        const int index = field(pair);
        if (index < 0) continue;
        if ((seen & (1U << index)) != 0)
            return failure(Condition::repeated_header, "Digest: parameter stands twice",
                           scanner.at());
        seen |= 1U << index;
    }
}

template <std::size_t N>
int index_of(const std::array<std::string_view, N>& names, std::string_view name) {
    for (std::size_t i = 0; i < N; ++i)
        if (equal_ignoring_case(names[i], name)) return static_cast<int>(i);
    return -1;
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
    DigestChallenge c;
    const auto is_digest = take_scheme(scanner, c.scheme);
    if (!is_digest) return tl::unexpected(is_digest.error());
    c.is_digest = *is_digest;
    if (!c.is_digest) return c;
    static constexpr std::array<std::string_view, 8> names{
        "realm", "domain", "nonce", "opaque", "stale", "algorithm", "qop", "userhash"};
    const auto read = read_pairs(
        scanner,
        [&](const Pair& pair) {
            const int index = index_of(names, pair.name);
            switch (index) {
                case 0: c.realm = pair.value; break;
                case 1: c.domain = pair.value; break;
                case 2: c.nonce = pair.value; break;
                case 3: c.opaque = pair.value; break;
                case 4: c.stale = equal_ignoring_case(pair.value, "true"); break;
                case 5:
                    c.algorithm = algorithm_of(pair.value);
                    c.has_algorithm = true;
                    break;
                case 6: c.qop = qop_of(pair.value); break;
                case 7: c.userhash = equal_ignoring_case(pair.value, "true"); break;
                default: break;
            }
            return index;
        },
        "Challenge: parameter is malformed");
    if (!read) return tl::unexpected(read.error());
    return c;
}

Expected<DigestCredentials> parse_credentials(std::string_view value) {
    Scanner scanner(value);
    DigestCredentials c;
    const auto is_digest = take_scheme(scanner, c.scheme);
    if (!is_digest) return tl::unexpected(is_digest.error());
    c.is_digest = *is_digest;
    if (!c.is_digest) return c;
    static constexpr std::array<std::string_view, 11> names{
        "username", "realm", "nonce", "uri",       "response", "cnonce",
        "opaque",   "nc",    "qop",   "algorithm", "userhash"};
    const auto read = read_pairs(
        scanner,
        [&](const Pair& pair) {
            const int index = index_of(names, pair.name);
            switch (index) {
                case 0: c.username = pair.value; break;
                case 1: c.realm = pair.value; break;
                case 2: c.nonce = pair.value; break;
                case 3: c.uri = pair.value; break;
                case 4: c.response = pair.value; break;
                case 5: c.cnonce = pair.value; break;
                case 6: c.opaque = pair.value; break;
                case 7:
                    c.nc_text = pair.value;
                    c.nc = nc_of(pair.value);
                    break;
                case 8: c.qop = pair.value; break;
                case 9:
                    c.algorithm = algorithm_of(pair.value);
                    c.has_algorithm = true;
                    break;
                case 10: c.userhash = equal_ignoring_case(pair.value, "true"); break;
                default: break;
            }
            return index;
        },
        "Credentials: parameter is malformed");
    if (!read) return tl::unexpected(read.error());
    return c;
}

Expected<AuthenticationInfo> parse_authentication_info(std::string_view value) {
    Scanner scanner(value);
    AuthenticationInfo info;
    static constexpr std::array<std::string_view, 5> names{"nextnonce", "rspauth", "cnonce", "qop",
                                                           "nc"};
    const auto read = read_pairs(
        scanner,
        [&](const Pair& pair) {
            const int index = index_of(names, pair.name);
            switch (index) {
                case 0: info.nextnonce = pair.value; break;
                case 1: info.rspauth = pair.value; break;
                case 2: info.cnonce = pair.value; break;
                case 3: info.qop = pair.value; break;
                case 4: info.nc = nc_of(pair.value); break;
                default: break;
            }
            return index;
        },
        "Authentication-Info: parameter is malformed");
    if (!read) return tl::unexpected(read.error());
    return info;
}

}  // namespace sip
