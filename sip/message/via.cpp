#include "sip/message/via.hpp"

#include "sip/base/text.hpp"
#include "sip/message/scanner.hpp"

namespace sip {
namespace {

std::optional<Transport> transport_of(std::string_view name) {
    for (Transport t :
         {Transport::udp, Transport::tcp, Transport::tls, Transport::ws, Transport::wss})
        if (equal_ignoring_case(name, via_name_of(t))) return t;
    return {};
}

/// sent-by = host [ COLON port ], white space allowed around the colon.
Expected<void> parse_sent_by(Scanner& scanner, Via& via, const Leniency& leniency) {
    const std::size_t start = scanner.at();
    if (scanner.peek() == '[') {
        scanner.take_while([](char c) { return c != ']'; });
        if (!scanner.take(']')) return failure(Condition::malformed, "Via: host has no end", start);
        via.host = scanner.since(start);
        const std::string_view inside = via.host.substr(1, via.host.size() - 2);
        if (!parse_ipv6(inside) ||
            (!leniency.ipv6_spellings && inside.find(":::") != std::string_view::npos))
            return failure(Condition::malformed, "Via: IPv6 address is malformed", start);
    } else {
        via.host = scanner.take_while([](char c) { return is(c, Class::host); });
        if (via.host.empty())
            return failure(Condition::malformed, "Via: sent-by is missing", start);
    }
    if (!scanner.take_separator(':')) return {};
    const auto port = parse_decimal(scanner.take_while(is_digit), 65'535);
    if (!port || *port == 0)
        return failure(Condition::malformed, "Via: port is malformed", scanner.at());
    via.port = static_cast<std::uint16_t>(*port);
    return {};
}

/// One walk for all that are wanted; the first of a name counts.
Expected<void> read_parameters(Via& via) {
    std::string_view rest = via.parameters.text();
    while (const auto parameter = Parameters::next(rest)) {
        const std::string_view name = parameter->name;
        const auto named = [&](std::string_view wanted, std::string_view& field) {
            if (field.empty() && equal_ignoring_case(name, wanted)) field = parameter->value;
        };
        // RFC 3261 7.3.1: with two of them, two readers could see two transactions.
        if (!via.branch.empty() && equal_ignoring_case(name, "branch"))
            return failure(Condition::malformed, "Via: branch stands twice");
        named("branch", via.branch);
        named("received", via.received);
        named("maddr", via.maddr);
        if (via.has_rport || !equal_ignoring_case(name, "rport")) continue;
        via.has_rport = true;
        if (!parameter->has_value) continue;
        const auto port = parse_decimal(parameter->value, 65'535);
        if (!port) return failure(Condition::malformed, "Via: rport is malformed");
        via.rport = static_cast<std::uint16_t>(*port);
    }
    return {};
}

Expected<Via> parse_via(std::string_view text, const Leniency& leniency) {
    Via via;
    via.text = text;
    Scanner scanner(text);
    const std::string_view protocol = scanner.take_token();
    if (protocol.empty() || !scanner.take_separator('/'))
        return failure(Condition::malformed, "Via: protocol is malformed", scanner.at());
    const std::string_view version = scanner.take_token();
    if (version.empty() || !scanner.take_separator('/'))
        return failure(Condition::malformed, "Via: protocol version is malformed", scanner.at());
    via.transport_name = scanner.take_token();
    if (via.transport_name.empty() || !is_lws(scanner.peek()))
        return failure(Condition::malformed, "Via: transport is malformed", scanner.at());
    via.transport = transport_of(via.transport_name);
    scanner.skip_lws();
    if (const auto sent_by = parse_sent_by(scanner, via, leniency); !sent_by)
        return tl::unexpected(sent_by.error());
    const auto parameters = parse_parameters(scanner.rest(), scanner.at());
    if (!parameters) return tl::unexpected(parameters.error());
    via.parameters = *parameters;
    if (const auto read = read_parameters(via); !read) return tl::unexpected(read.error());
    if (!leniency.ipv6_spellings && via.received.starts_with('['))
        return failure(Condition::malformed, "Via: received has brackets");
    return via;
}

}  // namespace

std::optional<Expected<Via>> next_via(std::string_view& rest, const Leniency& leniency) {
    if (trim(rest).empty()) return {};
    const ListElement element = take_element(rest);
    if (element.text.empty() || (!element.last && trim(rest).empty())) {
        rest = {};
        return Expected<Via>(failure(Condition::malformed, "Via: element is empty"));
    }
    auto parsed = parse_via(element.text, leniency);
    if (!parsed) rest = {};
    return parsed;
}

std::string_view via_name_of(Transport transport) {
    switch (transport) {
        case Transport::udp: return "UDP";
        case Transport::tcp: return "TCP";
        case Transport::tls: return "TLS";
        case Transport::ws: return "WS";
        case Transport::wss: return "WSS";
    }
    return "UDP";
}

}  // namespace sip
