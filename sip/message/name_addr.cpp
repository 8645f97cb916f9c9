#include "sip/message/name_addr.hpp"

#include "sip/message/scanner.hpp"

namespace sip {
namespace {

bool is_display_char(char c, const Leniency& leniency) {
    return is_token_char(c) || is_lws(c) ||
           (leniency.utf8_in_tokens && static_cast<unsigned char>(c) >= 0x80);
}

Expected<Uri> read_uri(std::string_view text, std::size_t offset, const Leniency& leniency) {
    auto uri = parse_uri(text, leniency);
    if (!uri) uri.error().offset += static_cast<std::uint32_t>(offset);
    return uri;
}

}  // namespace

Expected<NameAddr> parse_name_addr(std::string_view value, const Leniency& leniency) {
    NameAddr result;
    Scanner scanner(value);
    scanner.skip_lws();
    const std::size_t start = scanner.at();
    if (scanner.peek() == '"') {
        const auto name = scanner.take_quoted();
        if (!name)
            return failure(Condition::malformed, "Display name: quoted string has no end", start);
        result.display_name = *name;
        scanner.skip_lws();
        if (scanner.peek() != '<')
            return failure(Condition::malformed, "URI in <> expected behind the display name",
                           scanner.at());
    } else if (const auto bracket = scanner.rest().find('<');
               bracket != std::string_view::npos &&
               scanner.rest().substr(0, bracket).find(':') == std::string_view::npos) {
        const std::string_view name = scanner.rest().substr(0, bracket);
        for (std::size_t i = 0; i < name.size(); ++i)
            if (!is_display_char(name[i], leniency))
                return failure(Condition::malformed, "Display name: quotes are missing", start + i);
        result.display_name = trim(name);
        scanner.skip(bracket);
    }
    std::string_view uri;
    std::size_t uri_at = 0;
    if (scanner.take('<')) {
        result.bracketed = true;
        uri_at = scanner.at();
        uri = scanner.take_while([](char c) { return c != '>'; });
        if (!scanner.take('>'))
            return failure(Condition::malformed, "URI: closing > is missing", scanner.at());
    } else {
        // RFC 3261 20: without brackets all behind ";" belongs to the header field, and a URI that
        // holds "?" or "," may not stand here (RFC 8217).
        uri_at = scanner.at();
        uri = scanner.take_while([](char c) { return c != ';' && !is_lws(c); });
        if (uri.find(',') != std::string_view::npos ||
            (!leniency.bare_uri_with_headers && uri.find('?') != std::string_view::npos))
            return failure(Condition::malformed, "URI with ? or , must stand in <>", uri_at);
    }
    const auto parsed = read_uri(uri, uri_at, leniency);
    if (!parsed) return tl::unexpected(parsed.error());
    result.uri = *parsed;
    const auto parameters = parse_parameters(scanner.rest(), scanner.at());
    if (!parameters) return tl::unexpected(parameters.error());
    result.parameters = *parameters;
    return result;
}

std::optional<Expected<NameAddr>> next_name_addr(std::string_view& rest, const Leniency& leniency) {
    if (trim(rest).empty()) return {};
    const ListElement element = take_element(rest);
    if (element.text.empty() || (!element.last && trim(rest).empty())) {
        rest = {};
        return Expected<NameAddr>(failure(Condition::malformed, "List: element is empty"));
    }
    auto parsed = parse_name_addr(element.text, leniency);
    if (!parsed) rest = {};
    return parsed;
}

}  // namespace sip
