#include "sip/message/digest_header.hpp"

#include <array>

#include "sip/message/name_word.hpp"
#include "sip/message/scanner.hpp"
#include "sip/message/usual.hpp"

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

constexpr std::size_t name_count = static_cast<std::size_t>(Name::rspauth) + 1;

// In the order of `Name`.
constexpr std::array<std::string_view, name_count> names{
    "",   "username", "realm",     "nonce",    "uri",    "response", "cnonce",    "opaque",
    "nc", "qop",      "algorithm", "userhash", "domain", "stale",    "nextnonce", "rspauth"};

/// Names found by their first bytes: `multiplier` was searched so that no two share a slot.
struct NameTable {
    static constexpr std::uint64_t multiplier = 0x24d53c11c42975ff;
    static constexpr std::size_t slot_of(std::uint64_t word) {
        return static_cast<std::size_t>(word * multiplier >> 59);
    }
    /// The first eight bytes at most, as `name_word` has them.
    static constexpr std::uint64_t word_of_first(std::string_view name) {
        return name.size() < 8 ? name_word(name)
                               : load_word<std::uint64_t>(name.data()) | small_letters;
    }

    std::array<Name, 32> slots{};
    std::array<std::uint64_t, name_count> words{};
    bool perfect = true;

    constexpr NameTable() {
        for (std::size_t i = 1; i < name_count; ++i) {
            words[i] = word_of_first(names[i]);
            Name& slot = slots[slot_of(words[i])];
            perfect = perfect && slot == Name::other;
            slot = static_cast<Name>(i);
        }
    }
};
constexpr NameTable name_table;
static_assert(name_table.perfect);

Name name_of(std::string_view text) {
    const std::uint64_t word = NameTable::word_of_first(text);
    const Name name = name_table.slots[NameTable::slot_of(word)];
    const auto at = static_cast<std::size_t>(name);
    if (name_table.words[at] != word || names[at].size() != text.size()) return Name::other;
    return text.size() <= 8 || to_lower(text[8]) == names[at][8] ? name : Name::other;
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
    const auto value = parse_hexadecimal(text, 8);
    return value ? std::optional(static_cast<std::uint32_t>(*value)) : std::nullopt;
}

/// The same of a pair as nearly all write them, `at` being where it starts: the comma behind it, or
/// the end; null: it is another.
SIP_ALWAYS_INLINE const char* take_usual_pair(usual::TextEnds& ends, const char* at, Pair& pair) {
    const char* found = ends.take();
    while (found == at && ends.at(found) == ' ') {
        ++at;
        found = ends.take();
    }
    if (found == at || ends.at(found) != '=') return nullptr;
    pair.name = usual::between(at, found);
    const char* value = found + 1;
    found = ends.take();
    char c = ends.at(found);
    if (found == value && c == '"') {
        found = usual::take_quoted(ends);
        if (found == nullptr) return nullptr;
        pair.value = usual::between(++value, found);
        value = found + 1;
        found = ends.take();
        if (found != value) return nullptr;
        c = ends.at(found);
    } else {
        while (c != ' ' && c != ',' && c != '"' && !is_control(c)) {
            found = ends.take();
            c = ends.at(found);
        }
        pair.value = usual::between(value, found);
    }
    return c == ',' || found == ends.end() ? found : nullptr;
}

/// Which names of a header field were met.
class Met {
public:
    /// False: it was before.
    bool add(Name name) {
        const std::uint32_t bit = 1U << static_cast<unsigned>(name);
        const bool is_new = (bits_ & bit) == 0;
        bits_ |= bit;
        return is_new;
    }

private:
    std::uint32_t bits_ = 0;
};

/// Reads all pairs of `scanner`: `field(name, value)` keeps one, and says whether its name is one
/// of this header field. Such a name that stands twice is an error.
template <class Field>
Expected<void> read_pairs(Scanner& scanner, Field field, StaticText rule) {
    constexpr StaticText twice = "Digest: parameter stands twice";
    Met met;
    Pair pair;
    if (!built_for_size) {
        const char* at = scanner.mark();
        usual::TextEnds ends(scanner.rest());
        while (const char* const next = take_usual_pair(ends, at, pair)) {
            const Name name = name_of(pair.name);
            if (name != Name::other && field(name, pair.value) && !met.add(name))
                return failure(Condition::repeated_header, twice, scanner.at(next));
            if (next == ends.end()) return {};
            at = next + 1;
        }
        scanner.go_back(at);
    }
    for (;;) {
        const Step step = take_pair(scanner, pair);
        if (step == Step::end) return {};
        if (step == Step::broken) return failure(Condition::malformed, rule, scanner.at());
        const Name name = name_of(pair.name);
        if (name != Name::other && field(name, pair.value) && !met.add(name))
            return failure(Condition::repeated_header, twice, scanner.at());
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

namespace {

using Member = std::string_view DigestCredentials::*;
/// The texts that are kept as they come, by `Name`.
constexpr std::array<Member, name_count> members = [] {
    std::array<Member, name_count> made{};
    const auto set = [&made](Name name, Member member) {
        made[static_cast<std::size_t>(name)] = member;
    };
    set(Name::username, &DigestCredentials::username);
    set(Name::realm, &DigestCredentials::realm);
    set(Name::nonce, &DigestCredentials::nonce);
    set(Name::uri, &DigestCredentials::uri);
    set(Name::response, &DigestCredentials::response);
    set(Name::cnonce, &DigestCredentials::cnonce);
    set(Name::opaque, &DigestCredentials::opaque);
    set(Name::nc, &DigestCredentials::nc_text);
    set(Name::qop, &DigestCredentials::qop);
    return made;
}();

}  // namespace

Expected<DigestCredentials> parse_credentials(std::string_view value) {
    Scanner scanner(value);
    Expected<DigestCredentials> result;
    DigestCredentials& c = *result;
    const auto is_digest = take_scheme(scanner, c.scheme);
    if (!is_digest) return tl::unexpected(is_digest.error());
    c.is_digest = *is_digest;
    if (!c.is_digest) return result;
    const auto field = [&c](Name name, std::string_view text) {
        if (const Member member = members[static_cast<std::size_t>(name)]; member != nullptr) {
            c.*member = text;
            return true;
        }
        switch (name) {
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
    c.nc = nc_of(c.nc_text);
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
