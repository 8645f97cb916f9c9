#include "sip/message/uri.hpp"

#include <algorithm>
#include <array>

#include "sip/base/endpoint.hpp"
#include "sip/base/text.hpp"
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

Expected<void> parse_host(Uri& uri, std::string_view hostport, const Leniency& leniency) {
    const std::size_t offset = offset_in(uri.text, hostport);
    std::string_view port;
    bool has_port = false;
    if (hostport.starts_with('[')) {
        const auto end = hostport.find(']');
        if (end == std::string_view::npos) return bad("URI: IPv6 address has no end", offset);
        uri.host = hostport.substr(0, end + 1);
        const std::string_view inside = uri.host.substr(1, end - 1);
        if (!parse_ipv6(inside) ||
            (!leniency.ipv6_spellings && inside.find(":::") != std::string_view::npos))
            return bad("URI: IPv6 address is malformed", offset);
        const std::string_view rest = hostport.substr(end + 1);
        has_port = rest.starts_with(':');
        if (!rest.empty() && !has_port) return bad("URI: host is malformed", offset + end + 1);
        port = has_port ? rest.substr(1) : rest;
    } else {
        const Halves halves = split_at(hostport, ':');
        uri.host = halves.before;
        port = halves.after;
        has_port = halves.found;
        if (uri.host.empty()) return bad("URI: host is missing", offset);
        for (std::size_t i = 0; i < uri.host.size(); ++i)
            if (!is(uri.host[i], Class::host)) return bad("URI: host is malformed", offset + i);
    }
    if (!has_port) return {};
    const auto number = parse_decimal(port, 65'535);
    if (!number || *number == 0) return bad("URI: port is malformed", offset + uri.host.size() + 1);
    uri.port = static_cast<std::uint16_t>(*number);
    return {};
}

/// uri-parameters: no white space, no quotes, no empty names, none twice (RFC 3261 19.1.1).
Expected<void> check_parameters(const Uri& uri, std::string_view text) {
    const std::string_view all = text;
    for (std::size_t count = 1; !text.empty(); ++count) {
        text.remove_prefix(1);  // the semicolon
        const std::string_view one = text.substr(0, text.find(';'));
        const Halves halves = split_at(one, '=');
        if (halves.before.empty() || (halves.found && halves.after.empty()))
            return bad("URI: parameter is malformed", offset_in(uri.text, one));
        for (std::string_view part : {halves.before, halves.after})
            if (const auto checked =
                    check_part(uri, part, Class::uri_parameter, "URI: parameter is malformed");
                !checked)
                return checked;
        if (count > Limits::uri_parts)
            return bad(too_many_uri_parameters, offset_in(uri.text, one));
        if (UriParameters(all.substr(0, offset_in(all, one) - 1)).has(halves.before))
            return bad("URI: parameter stands twice", offset_in(uri.text, one));
        text.remove_prefix(one.size());
    }
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
Expected<void> parse_hierarchical(Uri& uri, const Leniency& leniency) {
    std::string_view rest = uri.opaque;
    const auto at = rest.find('@');
    if (at != std::string_view::npos) {
        const Halves userinfo = split_at(rest.substr(0, at), ':');
        uri.has_user = true;
        uri.user = userinfo.before;
        uri.password = userinfo.after;
        if (uri.user.empty()) return bad("URI: user is empty", offset_in(uri.text, uri.user));
        if (const auto user = check_part(uri, uri.user, Class::uri_user, "URI: user is malformed");
            !user)
            return user;
        if (userinfo.found)
            if (const auto password = check_part(uri, uri.password, Class::uri_password,
                                                 "URI: password is malformed");
                !password)
                return password;
        rest.remove_prefix(at + 1);
    }
    std::size_t host_end = 0;
    while (host_end < rest.size() && rest[host_end] != ';' && rest[host_end] != '?') ++host_end;
    if (const auto host = parse_host(uri, rest.substr(0, host_end), leniency); !host) return host;
    rest.remove_prefix(host_end);
    const std::size_t question = rest.find('?');
    const std::string_view parameters = rest.substr(0, std::min(question, rest.size()));
    if (const auto checked = check_parameters(uri, parameters); !checked) return checked;
    uri.parameters = UriParameters(parameters);
    if (question == std::string_view::npos) return {};
    uri.headers = rest.substr(question + 1);
    return check_headers(uri, uri.headers);
}

/// RFC 3966 3.
Expected<void> parse_telephone(Uri& uri) {
    const std::size_t end = std::min(uri.opaque.find(';'), uri.opaque.size());
    uri.user = uri.opaque.substr(0, end);
    bool digit = false;
    for (std::size_t i = 0; i < uri.user.size(); ++i) {
        const char c = uri.user[i];
        const bool number = hex_value(c) >= 0 || c == '*' || c == '#';
        digit |= number;
        if (!number && !is_one_of(c, "-.()") && !(c == '+' && i == 0))
            return bad("URI: telephone number is malformed", offset_in(uri.text, uri.user) + i);
    }
    if (!digit) return bad("URI: telephone number is missing", uri.text.size());
    const std::string_view parameters = uri.opaque.substr(end);
    if (const auto checked = check_parameters(uri, parameters); !checked) return checked;
    uri.parameters = UriParameters(parameters);
    return {};
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

Expected<Uri> parse_uri(std::string_view text, const Leniency& leniency) {
    Uri uri;
    uri.text = text;
    const Halves halves = split_at(text, ':');
    uri.scheme_name = halves.before;
    if (!halves.found || uri.scheme_name.empty() || !is_alpha(uri.scheme_name.front()))
        return bad("URI: scheme is missing", 0);
    for (std::size_t i = 0; i < uri.scheme_name.size(); ++i)
        if (!is(text[i], Class::scheme)) return bad("URI: scheme is malformed", i);
    uri.opaque = halves.after;
    constexpr std::array<std::pair<std::string_view, Scheme>, 5> schemes{{{"sip", Scheme::sip},
                                                                          {"sips", Scheme::sips},
                                                                          {"tel", Scheme::tel},
                                                                          {"pres", Scheme::pres},
                                                                          {"im", Scheme::im}}};
    for (const auto& [name, scheme] : schemes)
        if (equal_ignoring_case(uri.scheme_name, name)) uri.scheme = scheme;
    Expected<void> parsed;
    switch (uri.scheme) {
        case Scheme::other:
            if (uri.opaque.empty()) return bad("URI: nothing behind the scheme", text.size());
            for (std::size_t i = 0; i < text.size(); ++i)
                if (static_cast<unsigned char>(text[i]) <= 0x20 ||
                    static_cast<unsigned char>(text[i]) >= 0x7f || is_one_of(text[i], "<>\""))
                    return bad("URI: character is not allowed", i);
            return uri;
        case Scheme::tel: parsed = parse_telephone(uri); break;
        default: parsed = parse_hierarchical(uri, leniency);
    }
    if (!parsed) return tl::unexpected(parsed.error());
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
