#include "sip/message/name_addr.hpp"

#include "sip/message/usual.hpp"

namespace sip {
namespace {

constexpr auto no_parameter = [](const Parameter&) {};
constexpr auto any_parameter = [](const Parameter&) { return true; };

/// What may stand before "<": a quoted-string or tokens. Nothing is taken when a URI without
/// brackets stands here.
Expected<void> read_display_name(NameAddr& into, Scanner& scanner, const Leniency& leniency) {
    const char* const start = scanner.mark();
    if (scanner.peek() == '"') {
        const auto name = scanner.take_quoted();
        if (!name)
            return failure(Condition::malformed, "Display name: quoted string has no end",
                           scanner.at(start));
        into.display_name = *name;
        scanner.skip_lws();
        if (scanner.peek() == '<') return {};
        return failure(Condition::malformed, "URI in <> expected behind the display name",
                       scanner.at());
    }
    const std::string_view name = scanner.take_while([&leniency](char c) {
        return is_token_char(c) || is_lws(c) ||
               (leniency.utf8_in_tokens && static_cast<unsigned char>(c) >= 0x80);
    });
    if (scanner.peek() == '<') {
        into.display_name = trim(name);
        return {};
    }
    const std::string_view rest = scanner.peek() == ':' ? std::string_view{} : scanner.rest();
    if (const auto bracket = rest.find('<');
        bracket != std::string_view::npos && rest.find(':') > bracket)
        return failure(Condition::malformed, "Display name: quotes are missing", scanner.at());
    scanner.go_back(start);
    return {};
}

}  // namespace

Expected<void> read_address(NameAddr& into, Scanner& scanner, Ends ends, const Leniency& leniency) {
    into.display_name = {};
    into.parameters = {};
    scanner.skip_lws();
    if (scanner.peek() != '<')
        if (const auto name = read_display_name(into, scanner, leniency); !name) return name;
    into.bracketed = scanner.take('<');
    const char* const uri_at = scanner.mark();
    std::string_view uri;
    if (into.bracketed) {
        if (read_bracketed_uri(into.uri, scanner, leniency)) return {};
        scanner.go_back(uri_at);
        uri = scanner.take_until('>');
        if (!scanner.take('>'))
            return failure(Condition::malformed, "URI: closing > is missing", scanner.at());
    } else {
        // RFC 3261 20: without brackets all behind ";" belongs to the header field, and a URI that
        // holds "?" or "," may not stand here (RFC 8217).
        const bool is_listed = ends == Ends::at_comma;
        uri = scanner.take_while(
            [is_listed](char c) { return c != ';' && !is_lws(c) && !(c == ',' && is_listed); });
        if (uri.find(',') != std::string_view::npos ||
            (!leniency.bare_uri_with_headers && uri.find('?') != std::string_view::npos))
            return failure(Condition::malformed, "URI with ? or , must stand in <>",
                           scanner.at(uri_at));
    }
    auto read = read_uri(into.uri, uri, leniency);
    if (!read) read.error().offset += static_cast<std::uint32_t>(scanner.at(uri_at));
    return read;
}

Expected<NameAddr> parse_name_addr(std::string_view value, const Leniency& leniency,
                                   const char* limit) {
    Expected<NameAddr> result;
    const usual::Part part(value, limit);
    if (part.is_one() && usual::read_name_addr(*result, part, any_parameter) == part.end())
        return result;
    Scanner scanner(value);
    if (const auto read = read_name_addr(*result, scanner, Ends::with_text, leniency, no_parameter);
        !read)
        result = tl::unexpected(read.error());
    return result;
}

Taken take_name_addr(std::string_view& rest, NameAddr& into, Error& error, const Leniency& leniency,
                     const char* limit) {
    const bool is_usual = usual::take_value(rest, limit, [&into](const usual::Part& part) {
        return usual::read_name_addr(into, part, any_parameter);
    });
    if (is_usual) return Taken::value;
    return take_value(rest, error, ListRule{}, [&](Scanner& scanner, Ends ends) {
        return read_name_addr(into, scanner, ends, leniency, no_parameter);
    });
}

std::optional<Expected<NameAddr>> next_name_addr(std::string_view& rest, const Leniency& leniency,
                                                 const char* limit) {
    std::optional<Expected<NameAddr>> result(std::in_place);
    Error error;
    const Taken taken = take_name_addr(rest, **result, error, leniency, limit);
    if (taken == Taken::none) result.reset();
    if (taken == Taken::fault) *result = tl::unexpected(error);
    return result;
}

}  // namespace sip
