#include "sip/message/uri.hpp"

#include <algorithm>
#include <array>

#include "sip/base/endpoint.hpp"
#include "sip/base/text.hpp"
#include "sip/message/name_word.hpp"
#include "sip/message/scanner.hpp"

namespace sip {
namespace {

constexpr bool is_reserved(char c) {
    return std::string_view(";/?:@&=+$,").find(c) != std::string_view::npos;
}
constexpr bool is_one_of(char c, std::string_view set) {
    return set.find(c) != std::string_view::npos;
}

/// One character of a URI with its escape undone. A reserved character that was escaped is not
/// the same as the bare one (RFC 3261 19.1.4).
struct Unit {
    char c = 0;
    bool kept_escape = false;
    friend bool operator==(const Unit&, const Unit&) = default;
};
Unit take_unit(std::string_view& text) {
    if (text.front() == '%' && text.size() >= 3 && hex_value(text[1]) >= 0 &&
        hex_value(text[2]) >= 0) {
        const char c = static_cast<char>(hex_value(text[1]) * 16 + hex_value(text[2]));
        text.remove_prefix(3);
        return {c, is_reserved(c)};
    }
    const char c = text.front();
    text.remove_prefix(1);
    return {c, false};
}

enum class Case : std::uint8_t { matters, ignored };
bool same_text(std::string_view a, std::string_view b, Case rule) {
    while (!a.empty() && !b.empty()) {
        Unit x = take_unit(a), y = take_unit(b);
        if (rule == Case::ignored) {
            x.c = to_lower(x.c);
            y.c = to_lower(y.c);
        }
        if (x != y) return false;
    }
    return a.empty() && b.empty();
}

/// The offset of the first byte that is neither of `allowed` nor an escape; npos if none.
std::size_t first_bad(std::string_view text, Class allowed) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (is(c, allowed)) continue;
        if (c == '%') {
            if (i + 2 >= text.size() || hex_value(text[i + 1]) < 0 || hex_value(text[i + 2]) < 0)
                return i;
            i += 2;
        } else {
            return i;
        }
    }
    return std::string_view::npos;
}

std::size_t offset_in(std::string_view whole, std::string_view part) {
    return static_cast<std::size_t>(part.data() - whole.data());
}

tl::unexpected<Error> bad(std::string_view rule, std::size_t offset) {
    return failure(Condition::malformed, rule, offset);
}

Expected<void> check_part(const Uri& uri, std::string_view part, Class allowed,
                          std::string_view rule) {
    const std::size_t at = first_bad(part, allowed);
    if (at != std::string_view::npos) return bad(rule, offset_in(uri.text, part) + at);
    return {};
}

/// As much as may stand in a part of a URI: what is `allowed`, and escapes.
std::string_view take_part(Scanner& scanner, Class allowed) {
    const std::size_t start = scanner.at();
    scanner.take_run(allowed);
    while (scanner.peek() == '%') {
        const std::string_view rest = scanner.rest();
        if (rest.size() < 3 || hex_value(rest[1]) < 0 || hex_value(rest[2]) < 0) break;
        scanner.skip(3);
        scanner.take_run(allowed);
    }
    return scanner.since(start);
}

/// [user [":" password] "@"]
Expected<void> read_userinfo(Uri& uri, Scanner& scanner) {
    const std::size_t start = scanner.at();
    std::string_view user = scanner.take_run(Class::uri_user);
    if (scanner.peek() != '@' || user.empty()) {
        // A host, or a user with escapes, a password, or a fault.
        scanner.go_back(start);
        const std::size_t size = scanner.rest().find('@');
        if (size == std::string_view::npos) return {};
        const Halves userinfo = split_at(scanner.rest().substr(0, size), ':');
        uri.has_user = true;
        uri.user = user = userinfo.before;
        uri.password = userinfo.after;
        if (user.empty()) return bad("URI: user is empty", start);
        if (const auto checked = check_part(uri, user, Class::uri_user, "URI: user is malformed");
            !checked)
            return checked;
        if (userinfo.found)
            if (const auto checked = check_part(uri, uri.password, Class::uri_password,
                                                "URI: password is malformed");
                !checked)
                return checked;
        scanner.skip(size);
    }
    uri.has_user = true;
    uri.user = user;
    scanner.skip(1);
    return {};
}

/// Whether the host, or the port behind it, may end here.
bool ends_hostport(const Scanner& scanner) {
    return scanner.done() || scanner.peek() == ';' || scanner.peek() == '?';
}

/// hostport = host [":" port]
Expected<void> read_hostport(Uri& uri, Scanner& scanner, const Leniency& leniency) {
    const std::size_t start = scanner.at();
    if (scanner.peek() == '[') {
        const std::string_view address =
            scanner.take_while([](char c) { return c != ']' && c != ';' && c != '?'; });
        if (!scanner.take(']')) return bad("URI: IPv6 address has no end", start);
        const std::string_view inside = address.substr(1);
        if (!parse_ipv6(inside) ||
            (!leniency.ipv6_spellings && inside.find(":::") != std::string_view::npos))
            return bad("URI: IPv6 address is malformed", start);
        uri.host = scanner.since(start);
    } else {
        uri.host = scanner.take_run(Class::host);
        if (uri.host.empty() && (ends_hostport(scanner) || scanner.peek() == ':'))
            return bad("URI: host is missing", start);
    }
    if (ends_hostport(scanner)) return {};
    if (!scanner.take(':')) return bad("URI: host is malformed", scanner.at());
    const std::size_t port_at = scanner.at();
    const auto port = scanner.take_decimal(65'535);
    if (!port || *port == 0 || !ends_hostport(scanner))
        return bad("URI: port is malformed", port_at);
    uri.port = static_cast<std::uint16_t>(*port);
    return {};
}

/// `one`, a parameter, is malformed: at its byte `at`, unless a half of it is missing.
Expected<void> bad_parameter(const Uri& uri, std::string_view one, std::size_t at) {
    const Halves halves = split_at(one, '=');
    const bool halved = halves.before.empty() || (halves.found && halves.after.empty());
    return bad("URI: parameter is malformed", halved ? offset_in(uri.text, one) : at);
}

/// uri-parameters: no white space, no quotes, no empty names, none twice (RFC 3261 19.1.1).
/// `end` is what may stand behind them, but for the end of the text.
Expected<void> read_parameters(Uri& uri, Scanner& scanner, char end) {
    const std::size_t start = scanner.at();
    std::uint32_t first_letters = 0;  // of the names before this one
    for (std::size_t count = 1; scanner.peek() == ';'; ++count) {
        const std::size_t before = scanner.at();
        scanner.skip(1);
        const std::string_view rest = scanner.rest();
        const std::string_view name = take_part(scanner, Class::uri_parameter);
        const bool has_value = scanner.take('=');
        const std::string_view value =
            has_value ? take_part(scanner, Class::uri_parameter) : std::string_view{};
        if (name.empty() || (has_value && value.empty()) ||
            !(scanner.done() || scanner.peek() == ';' || scanner.peek() == end))
            return bad_parameter(uri, rest.substr(0, std::min(rest.find(';'), rest.find(end))),
                                 scanner.at());
        if (count > Limits::uri_parts) return bad(too_many_uri_parameters, before + 1);
        // An escape may stand for any letter, so it counts as all.
        const std::uint32_t letter =
            name.find('%') == std::string_view::npos ? 1U << (name.front() & 31) : ~0U;
        if ((first_letters & letter) != 0 &&
            UriParameters(scanner.between(start, before)).has(name))
            return bad("URI: parameter stands twice", before + 1);
        first_letters |= letter;
    }
    uri.parameters = UriParameters(scanner.since(start));
    return {};
}

Expected<void> check_headers(const Uri& uri, std::string_view text) {
    for (std::size_t count = 1;; ++count) {
        const Halves one = split_at(text, '&');
        const Halves pair = split_at(one.before, '=');
        if (!pair.found || pair.before.empty())
            return bad("URI: header is malformed", offset_in(uri.text, one.before));
        for (std::string_view part : {pair.before, pair.after})
            if (const auto checked =
                    check_part(uri, part, Class::uri_header, "URI: header is malformed");
                !checked)
                return checked;
        if (count > Limits::uri_parts)
            return bad(too_many_uri_headers, offset_in(uri.text, one.before));
        if (!one.found) return {};
        text = one.after;
    }
}

/// sip, sips, pres and im: [user [":" password] "@"] hostport parameters headers.
Expected<void> read_hierarchical(Uri& uri, Scanner& scanner, const Leniency& leniency) {
    if (const auto userinfo = read_userinfo(uri, scanner); !userinfo) return userinfo;
    if (const auto host = read_hostport(uri, scanner, leniency); !host) return host;
    if (const auto parameters = read_parameters(uri, scanner, '?'); !parameters) return parameters;
    if (!scanner.take('?')) return {};
    uri.headers = scanner.rest();
    return check_headers(uri, uri.headers);
}

/// RFC 3966 3.
Expected<void> read_telephone(Uri& uri, Scanner& scanner) {
    uri.user = scanner.take_while([](char c) { return c != ';'; });
    bool digit = false;
    for (std::size_t i = 0; i < uri.user.size(); ++i) {
        const char c = uri.user[i];
        const bool number = hex_value(c) >= 0 || c == '*' || c == '#';
        digit |= number;
        if (!number && !is_one_of(c, "-.()") && !(c == '+' && i == 0))
            return bad("URI: telephone number is malformed", offset_in(uri.text, uri.user) + i);
    }
    if (!digit) return bad("URI: telephone number is missing", uri.text.size());
    return read_parameters(uri, scanner, ';');
}

}  // namespace

std::optional<UriParameter> UriParameters::next(std::string_view& rest) {
    if (rest.empty()) return {};
    rest.remove_prefix(1);  // the semicolon
    const std::string_view one = rest.substr(0, rest.find(';'));
    rest.remove_prefix(one.size());
    const Halves halves = split_at(one, '=');
    return UriParameter{halves.before, halves.after};
}

std::optional<UriParameter> UriParameters::find(std::string_view name) const {
    std::string_view rest = text_;
    while (const auto parameter = next(rest))
        if (same_text(parameter->name, name, Case::ignored)) return parameter;
    return {};
}

std::string_view UriParameters::value_of(std::string_view name) const {
    const auto parameter = find(name);
    return parameter ? parameter->value : std::string_view{};
}

namespace {

Scheme scheme_of(std::string_view name) {
    switch (name_word(name)) {
        case name_word("sip"): return Scheme::sip;
        case name_word("sips"): return Scheme::sips;
        case name_word("tel"): return Scheme::tel;
        case name_word("pres"): return Scheme::pres;
        case name_word("im"): return Scheme::im;
        default: return Scheme::other;
    }
}

Expected<void> read_scheme(Uri& uri, Scanner& scanner) {
    uri.scheme_name = scanner.take_while([](char c) { return is(c, Class::scheme); });
    const std::size_t end = scanner.at();
    if (end > 0 && is_alpha(uri.text.front()) && scanner.take(':')) {
        uri.scheme = scheme_of(uri.scheme_name);
        uri.opaque = scanner.rest();
        return {};
    }
    const std::string_view name = uri.text.substr(0, uri.text.find(':'));
    if (name.size() == uri.text.size() || name.empty() || !is_alpha(name.front()))
        return bad("URI: scheme is missing", 0);
    return bad("URI: scheme is malformed", end);
}

}  // namespace

Expected<void> read_uri(Uri& uri, std::string_view text, const Leniency& leniency) {
    uri = {};
    uri.text = text;
    Scanner scanner(text);
    if (const auto scheme = read_scheme(uri, scanner); !scheme) return scheme;
    if (uri.scheme == Scheme::tel) return read_telephone(uri, scanner);
    if (uri.scheme != Scheme::other) return read_hierarchical(uri, scanner, leniency);
    if (uri.opaque.empty()) return bad("URI: nothing behind the scheme", text.size());
    for (std::size_t i = 0; i < text.size(); ++i)
        if (static_cast<unsigned char>(text[i]) <= 0x20 ||
            static_cast<unsigned char>(text[i]) >= 0x7f || is_one_of(text[i], "<>\""))
            return bad("URI: character is not allowed", i);
    return {};
}

Expected<Uri> parse_uri(std::string_view text, const Leniency& leniency) {
    Expected<Uri> uri;
    if (const auto read = read_uri(*uri, text, leniency); !read) uri = tl::unexpected(read.error());
    return uri;
}

namespace {

bool same_host(std::string_view a, std::string_view b) {
    const auto x = parse_numeric_host(a), y = parse_numeric_host(b);
    if (x && y) return *x == *y;
    return equal_ignoring_case(a, b);
}

/// RFC 3261 19.1.4: a parameter in both must be the same; in one alone, it matters for some.
bool parameters_agree(const UriParameters& a, const UriParameters& b) {
    std::string_view rest = a.text();
    while (const auto one = UriParameters::next(rest)) {
        if (const auto other = b.find(one->name)) {
            if (!same_text(one->value, other->value, Case::ignored)) return false;
            continue;
        }
        for (std::string_view name : {"user", "ttl", "method", "maddr", "transport"})
            if (same_text(one->name, name, Case::ignored)) return false;
    }
    return true;
}

struct UriHeaders {
    std::array<Halves, Limits::uri_parts> values;
    std::size_t count = 0;

    explicit UriHeaders(std::string_view text) {
        while (!text.empty() && count < values.size()) {
            const Halves one = split_at(text, '&');
            values[count++] = split_at(one.before, '=');
            text = one.after;
        }
    }
};

/// RFC 3261 19.1.4: the same headers, in any order.
bool headers_agree(std::string_view a, std::string_view b) {
    if (a.empty() || b.empty()) return a.empty() && b.empty();
    const UriHeaders ours(a), theirs(b);
    if (ours.count != theirs.count) return false;
    std::array<bool, Limits::uri_parts> paired{};
    for (std::size_t i = 0; i < ours.count; ++i) {
        std::size_t k = 0;
        while (k < theirs.count &&
               (paired[k] ||
                !same_text(ours.values[i].before, theirs.values[k].before, Case::ignored) ||
                !same_text(ours.values[i].after, theirs.values[k].after, Case::ignored)))
            ++k;
        if (k == theirs.count) return false;
        paired[k] = true;
    }
    return true;
}

/// RFC 3966 4: digits compare without visual separators.
bool same_number(std::string_view a, std::string_view b) {
    const auto next = [](std::string_view& text) -> char {
        while (!text.empty() && is_one_of(text.front(), "-.()")) text.remove_prefix(1);
        if (text.empty()) return 0;
        const char c = to_lower(text.front());
        text.remove_prefix(1);
        return c;
    };
    for (;;) {
        const char x = next(a), y = next(b);
        if (x != y) return false;
        if (x == 0) return true;
    }
}
bool same_telephone(const Uri& a, const Uri& b) {
    if (!same_number(a.user, b.user)) return false;
    for (const auto& [one, other] : {std::pair{&a, &b}, std::pair{&b, &a}}) {
        std::string_view rest = one->parameters.text();
        while (const auto parameter = UriParameters::next(rest)) {
            const auto found = other->parameters.find(parameter->name);
            if (!found) return false;
            const bool digits = same_text(parameter->name, "ext", Case::ignored);
            if (digits ? !same_number(parameter->value, found->value)
                       : !same_text(parameter->value, found->value, Case::ignored))
                return false;
        }
    }
    return true;
}

}  // namespace

bool equivalent(const Uri& a, const Uri& b) {
    if (a.scheme != b.scheme) return false;
    switch (a.scheme) {
        case Scheme::other:
            return equal_ignoring_case(a.scheme_name, b.scheme_name) && a.opaque == b.opaque;
        case Scheme::tel: return same_telephone(a, b);
        default: break;
    }
    return a.has_user == b.has_user && a.port == b.port &&
           same_text(a.user, b.user, Case::matters) &&
           same_text(a.password, b.password, Case::matters) && same_host(a.host, b.host) &&
           parameters_agree(a.parameters, b.parameters) &&
           parameters_agree(b.parameters, a.parameters) && headers_agree(a.headers, b.headers);
}

std::uint64_t hash_of(const HashKey& key, const Uri& uri) {
    std::array<char, 512> room{};
    Appender out(room);
    out.decimal(static_cast<std::uint64_t>(uri.scheme));
    if (uri.scheme == Scheme::other) {
        // Names of schemes compare in any case; all behind them byte by byte.
        return mix(siphash(key, out.view()), siphash(key, uri.opaque));
    }
    if (uri.scheme == Scheme::tel) {
        for (char c : uri.user)
            if (!is_one_of(c, "-.()")) out << to_lower(c);
        return siphash(key, out.view());
    }
    write_address_of_record(out, uri);
    return mix(siphash(key, out.view()), uri.port);
}

void write_address_of_record(Appender& out, const Uri& uri) {
    if (uri.scheme == Scheme::other || uri.scheme == Scheme::tel) {
        out << uri.text;
        return;
    }
    if (uri.has_user) {
        write_plain(out, uri.user, Class::uri_user);
        out << '@';
    }
    if (const auto numeric = parse_numeric_host(uri.host)) {
        write_address(out, *numeric, Brackets::ipv6);
        return;
    }
    for (char c : uri.host) out << to_lower(c);
}

bool same_unescaped(std::string_view a, std::string_view b) {
    return same_text(a, b, Case::ignored);
}

void write_plain(Appender& out, std::string_view text, Class allowed) {
    while (!text.empty()) {
        const Unit unit = take_unit(text);
        if (!unit.kept_escape && is(unit.c, allowed))
            out << unit.c;
        else
            (out << '%').hex(static_cast<unsigned char>(unit.c), 2);
    }
}

void write_unescaped(Appender& out, std::string_view text) {
    while (!text.empty()) out << take_unit(text).c;
}

void write_escaped_user(Appender& out, std::string_view text) {
    for (char c : text) {
        if (is(c, Class::uri_user))
            out << c;
        else
            (out << '%').hex(static_cast<unsigned char>(c), 2);
    }
}

}  // namespace sip
