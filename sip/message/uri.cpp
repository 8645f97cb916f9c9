#include "sip/message/uri.hpp"

#include <algorithm>
#include <array>

#include "sip/base/endpoint.hpp"
#include "sip/base/inline.hpp"
#include "sip/base/scan.hpp"
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

/// Where a URI ends: where the text does, or at the bracket that closes it. In brackets it is not
/// told what is wrong with one, only that it is not the URI of a usual kind: then it is read once
/// more as a text.
enum class UriEnd : std::uint8_t { with_text, at_bracket };

/// Reads one URI in one walk; each part answers whether it is fine.
class UriReader {
public:
    UriReader(Uri& uri, Scanner& scanner, UriEnd end, const Leniency& leniency)
        : uri_(uri),
          scanner_(scanner),
          in_brackets_(end == UriEnd::at_bracket),
          leniency_(leniency) {}

    bool run();
    const Error& error() const { return error_; }

private:
    [[gnu::noinline, gnu::cold]] bool fail(StaticText rule, std::size_t offset) {
        error_ = {Condition::malformed, rule, static_cast<std::uint32_t>(offset)};
        return false;
    }
    bool at_end() const { return scanner_.done() || (in_brackets_ && scanner_.peek() == '>'); }
    /// Whether the host, or the port behind it, may end here.
    bool at_hostport_end() const {
        return at_end() || scanner_.peek() == ';' || scanner_.peek() == '?';
    }

    void clear();
    bool scheme();
    [[gnu::noinline, gnu::cold]] bool other_scheme();
    bool userinfo();
    [[gnu::noinline, gnu::cold]] bool odd_userinfo();
    bool hostport();
    [[gnu::noinline, gnu::cold]] bool ipv6();
    bool parameters(char next);
    [[gnu::noinline, gnu::cold]] bool bad_parameter(std::string_view one, std::size_t at);
    [[gnu::noinline, gnu::cold]] bool headers();
    [[gnu::noinline, gnu::cold]] bool telephone();
    [[gnu::noinline, gnu::cold]] bool other();
    bool check_part(std::string_view part, Class allowed, StaticText rule);
    std::string_view part(Class allowed);

    Uri& uri_;
    Scanner& scanner_;
    const bool in_brackets_;
    const Leniency& leniency_;
    Error error_;
};

bool UriReader::run() {
    const char* const start = scanner_.mark();
    clear();
    if (!scheme()) return false;
    switch (uri_.scheme) {
        case Scheme::other:
            if (!other()) return false;
            break;
        case Scheme::tel:
            if (!telephone()) return false;
            break;
        default:
            // [user [":" password] "@"] hostport parameters headers
            if (!userinfo() || !hostport()) return false;
            if (scanner_.peek() == ';' && !parameters('?')) return false;
            if (scanner_.take('?') && !headers()) return false;
    }
    uri_.text = scanner_.since(start);
    return true;
}

/// One by one: this is done for every URI there is.
void UriReader::clear() {
    uri_.text = scanner_.rest();
    uri_.scheme = Scheme::other;
    uri_.user = uri_.password = uri_.host = uri_.headers = {};
    uri_.has_user = false;
    uri_.port = 0;
    uri_.parameters = {};
}

bool UriReader::check_part(std::string_view part, Class allowed, StaticText rule) {
    const std::size_t at = first_bad(part, allowed);
    return at == std::string_view::npos || fail(rule, offset_in(uri_.text, part) + at);
}

/// As much as may stand in a part of a URI: what is `allowed`, and escapes.
std::string_view UriReader::part(Class allowed) {
    const std::string_view run = scanner_.take_run(allowed);
    if (scanner_.peek() != '%') return run;
    while (scanner_.peek() == '%') {
        const std::string_view rest = scanner_.rest();
        if (rest.size() < 3 || hex_value(rest[1]) < 0 || hex_value(rest[2]) < 0) break;
        scanner_.skip(3);
        scanner_.take_run(allowed);
    }
    return scanner_.since(run.data());
}

bool UriReader::scheme() {
    const std::string_view rest = scanner_.rest();
    if (!rest.starts_with("sip:")) return other_scheme();
    uri_.scheme = Scheme::sip;
    scanner_.skip(4);
    return true;
}

bool UriReader::other_scheme() {
    const std::string_view name = scanner_.take_run(Class::scheme);
    if (!name.empty() && is_alpha(name.front()) && scanner_.take(':')) {
        uri_.scheme = scheme_of(name);
        return true;
    }
    const std::string_view all = slice(uri_.text, 0, uri_.text.find(':'));
    if (all.size() == uri_.text.size() || all.empty() || !is_alpha(all.front()))
        return fail("URI: scheme is missing", 0);
    return fail("URI: scheme is malformed", scanner_.at());
}

/// [user [":" password] "@"]
bool UriReader::userinfo() {
    const char* const start = scanner_.mark();
    const std::string_view user = scanner_.take_run(Class::uri_user);
    if (scanner_.peek() == '@' && !user.empty()) {
        uri_.has_user = true;
        uri_.user = user;
        scanner_.skip(1);
        return true;
    }
    // A host, or a user with escapes, a password, or a fault.
    const bool may_be_port = in_brackets_ && scanner_.peek() == ':';
    if (may_be_port) {
        scanner_.skip(1);
        scanner_.take_run(Class::uri_password);
    }
    const bool is_host = at_end() || (may_be_port && scanner_.peek() == ';');
    scanner_.go_back(start);
    return is_host || odd_userinfo();
}

bool UriReader::odd_userinfo() {
    const std::string_view rest = scanner_.rest();
    const std::size_t size = rest.find('@');
    if (size == std::string_view::npos) return true;
    const Halves halves = split_at(slice(rest, 0, size), ':');
    uri_.has_user = true;
    uri_.user = halves.before;
    uri_.password = halves.after;
    if (uri_.user.empty()) return fail("URI: user is empty", scanner_.at());
    scanner_.skip(size + 1);
    return check_part(uri_.user, Class::uri_user, "URI: user is malformed") &&
           (!halves.found ||
            check_part(uri_.password, Class::uri_password, "URI: password is malformed"));
}

/// hostport = host [":" port]
bool UriReader::hostport() {
    if (scanner_.peek() == '[') {
        if (!ipv6()) return false;
    } else {
        uri_.host = scanner_.take_run(Class::host);
        if (uri_.host.empty())
            return fail(at_hostport_end() || scanner_.peek() == ':' ? "URI: host is missing"
                                                                    : "URI: host is malformed",
                        scanner_.at());
    }
    if (scanner_.peek() != ':')
        return at_hostport_end() || fail("URI: host is malformed", scanner_.at());
    scanner_.skip(1);
    const char* const start = scanner_.mark();
    const auto port = scanner_.take_decimal(65'535);
    if (!port || *port == 0 || !at_hostport_end())
        return fail("URI: port is malformed", scanner_.at(start));
    uri_.port = static_cast<std::uint16_t>(*port);
    return true;
}

bool UriReader::ipv6() {
    const char* const start = scanner_.mark();
    const std::string_view address =
        scanner_.take_while([](char c) { return c != ']' && c != ';' && c != '?'; });
    if (!scanner_.take(']')) return fail("URI: IPv6 address has no end", scanner_.at(start));
    uri_.host = scanner_.since(start);
    const std::string_view inside = slice(address, 1);
    const bool is_fine = parse_ipv6(inside) &&
                         (leniency_.ipv6_spellings || inside.find(":::") == std::string_view::npos);
    return is_fine || fail("URI: IPv6 address is malformed", scanner_.at(start));
}

/// `one`, a parameter, is malformed: at its byte `at`, unless a half of it is missing.
bool UriReader::bad_parameter(std::string_view one, std::size_t at) {
    const Halves halves = split_at(one, '=');
    const bool halved = halves.before.empty() || (halves.found && halves.after.empty());
    return fail("URI: parameter is malformed", halved ? offset_in(uri_.text, one) : at);
}

/// uri-parameters: no white space, no quotes, no empty names, none twice (RFC 3261 19.1.1).
/// `next` is what may stand behind them, but for the end.
bool UriReader::parameters(char next) {
    const char* const start = scanner_.mark();
    std::uint32_t first_letters = 0;  // of the names before this one
    for (std::size_t count = 1; scanner_.peek() == ';'; ++count) {
        const std::string_view before = scanner_.since(start);
        scanner_.skip(1);
        const std::string_view rest = scanner_.rest();
        const std::string_view name = part(Class::uri_parameter);
        const bool has_value = scanner_.take('=');
        const std::string_view value = has_value ? part(Class::uri_parameter) : std::string_view{};
        if (name.empty() || (has_value && value.empty()) ||
            !(at_end() || scanner_.peek() == ';' || scanner_.peek() == next))
            return bad_parameter(slice(rest, 0, std::min(rest.find(';'), rest.find(next))),
                                 scanner_.at());
        if (count > Limits::uri_parts)
            return fail(too_many_uri_parameters, scanner_.at(name.data()));
        // An escape may stand for any letter, so it counts as all.
        const std::uint32_t letter =
            name.find('%') == std::string_view::npos ? 1U << (name.front() & 31) : ~0U;
        if ((first_letters & letter) != 0 && UriParameters(before).has(name))
            return fail("URI: parameter stands twice", scanner_.at(name.data()));
        first_letters |= letter;
    }
    uri_.parameters = UriParameters(scanner_.since(start));
    return true;
}

bool UriReader::headers() {
    std::string_view text = scanner_.rest();
    if (in_brackets_) text = slice(text, 0, text.find('>'));
    uri_.headers = text;
    scanner_.skip(text.size());
    for (std::size_t count = 1;; ++count) {
        const Halves one = split_at(text, '&');
        const Halves pair = split_at(one.before, '=');
        if (!pair.found || pair.before.empty())
            return fail("URI: header is malformed", offset_in(uri_.text, one.before));
        for (std::string_view half : {pair.before, pair.after})
            if (!check_part(half, Class::uri_header, "URI: header is malformed")) return false;
        if (count > Limits::uri_parts)
            return fail(too_many_uri_headers, offset_in(uri_.text, one.before));
        if (!one.found) return true;
        text = one.after;
    }
}

/// RFC 3966 3.
bool UriReader::telephone() {
    const std::size_t start = scanner_.at();
    uri_.user =
        scanner_.take_while([this](char c) { return c != ';' && !(in_brackets_ && c == '>'); });
    bool digit = false;
    for (std::size_t i = 0; i < uri_.user.size(); ++i) {
        const char c = uri_.user[i];
        const bool number = hex_value(c) >= 0 || c == '*' || c == '#';
        digit |= number;
        if (!number && !is_one_of(c, "-.()") && !(c == '+' && i == 0))
            return fail("URI: telephone number is malformed", start + i);
    }
    if (!digit) return fail("URI: telephone number is missing", uri_.text.size());
    return parameters(';');
}

/// Any other scheme: its characters alone.
bool UriReader::other() {
    const std::size_t start = scanner_.at();
    if (at_end()) return fail("URI: nothing behind the scheme", start);
    const std::string_view rest = scanner_.rest();
    for (std::size_t i = 0; i < rest.size(); ++i) {
        if (in_brackets_ && rest[i] == '>') break;
        if (!scan::RequestUri::has(rest[i]))
            return fail("URI: character is not allowed", start + i);
        scanner_.skip(1);
    }
    return true;
}

/// The URI that nearly all are: "sip:", a user and a host without escapes, a port, parameters. With
/// a bracket at its end, that is taken too. False, and nothing is taken, for any other, with faults
/// or without: `UriReader` reads those, and this one no otherwise.
template <UriEnd ends>
bool read_usual(Uri& uri, Scanner& place) {
    if constexpr (built_for_size) return false;
    Scanner scanner = place;
    const char* const start = scanner.mark();
    if (!scanner.rest().starts_with("sip:")) return false;
    scanner.skip(4);
    const char* const opaque = scanner.mark();
    // All that may stand in a host may stand in a user, so that only what comes behind it tells.
    std::string_view user, host = scanner.take_run(Class::host);
    if (scanner.peek() != ';' && is(scanner.peek(), Class::uri_user)) {
        scanner.take_run(Class::uri_user);
        host = scanner.since(opaque);
        if (scanner.peek() != '@') return false;
    }
    if (host.empty()) return false;
    const bool has_user = scanner.take('@');
    if (has_user) {
        user = host;
        host = scanner.take_run(Class::host);
        if (host.empty()) return false;
    }
    std::uint64_t port = 0;
    if (scanner.take(':')) {
        port = scanner.take_decimal(65'535).value_or(0);
        if (port == 0) return false;
    }
    const char* const parameters = scanner.mark();
    std::uint32_t first_letters = 0;
    while (scanner.take(';')) {
        const std::string_view name = scanner.take_run(Class::uri_parameter);
        if (name.empty()) return false;
        if (scanner.take('=') && scanner.take_run(Class::uri_parameter).empty()) return false;
        const std::uint32_t letter = 1U << (name.front() & 31);
        // Twice the same letter may be twice the same name; this also bounds how many there are.
        if ((first_letters & letter) != 0) return false;
        first_letters |= letter;
    }
    const bool ended = ends == UriEnd::at_bracket ? scanner.peek() == '>' : scanner.done();
    if (!ended) return false;
    uri.text = scanner.since(start);
    uri.scheme = Scheme::sip;
    uri.user = user;
    uri.password = uri.headers = {};
    uri.has_user = has_user;
    uri.host = host;
    uri.port = static_cast<std::uint16_t>(port);
    uri.parameters = UriParameters(scanner.since(parameters));
    if (ends == UriEnd::at_bracket) scanner.skip(1);
    place = scanner;
    return true;
}

}  // namespace

std::optional<UriParameter> UriParameters::next(std::string_view& rest) {
    if (rest.empty()) return {};
    rest.remove_prefix(1);  // the semicolon
    const std::string_view one = slice(rest, 0, rest.find(';'));
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

Expected<void> read_uri(Uri& uri, std::string_view text, const Leniency& leniency) {
    Scanner scanner(text);
    if (read_usual<UriEnd::with_text>(uri, scanner)) return {};
    UriReader reader(uri, scanner, UriEnd::with_text, leniency);
    if (!reader.run()) return tl::unexpected(reader.error());
    return {};
}

bool read_bracketed_uri(Uri& uri, Scanner& scanner, const Leniency& leniency) {
    if (read_usual<UriEnd::at_bracket>(uri, scanner)) return true;
    return UriReader(uri, scanner, UriEnd::at_bracket, leniency).run() && scanner.take('>');
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
            return equal_ignoring_case(a.scheme_name(), b.scheme_name()) &&
                   a.opaque() == b.opaque();
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
    Room<512> out;
    out.decimal(static_cast<std::uint64_t>(uri.scheme));
    if (uri.scheme == Scheme::other) {
        // Names of schemes compare in any case; all behind them byte by byte.
        return mix(siphash(key, out.view()), siphash(key, uri.opaque()));
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
    out.lower(uri.host);
}

bool same_unescaped(std::string_view a, std::string_view b) {
    return same_text(a, b, Case::ignored);
}

void write_plain(Appender& out, std::string_view text, Class allowed) {
    while (!text.empty()) {
        const char* const end = text.data() + text.size();
        const char* const past = scan::find_end<scan::Word>(text.data(), text.data(), end);
        const auto run = static_cast<std::size_t>(past - text.data());
        out << slice(text, 0, run);
        text.remove_prefix(run);
        if (text.empty()) return;
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
