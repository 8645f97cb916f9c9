#include "sip/message/via.hpp"

#include "sip/base/text.hpp"
#include "sip/message/scanner.hpp"
#include "sip/message/usual.hpp"

namespace sip {
namespace {

std::optional<Transport> transport_of(std::string_view name) {
    switch (name_word(name)) {
        case name_word("UDP"): return Transport::udp;
        case name_word("TCP"): return Transport::tcp;
        case name_word("TLS"): return Transport::tls;
        case name_word("WS"): return Transport::ws;
        case name_word("WSS"): return Transport::wss;
        default: return {};
    }
}

/// sent-protocol = protocol-name SLASH protocol-version SLASH transport, white space behind.
Expected<void> read_sent_protocol(Via& via, Scanner& scanner) {
    // As everybody writes it.
    constexpr std::string_view usual = "SIP/2.0/";
    if (scanner.rest().starts_with(usual)) {
        scanner.skip(usual.size());
    } else {
        if (scanner.take_token().empty() || !scanner.take_separator('/'))
            return failure(Condition::malformed, "Via: protocol is malformed", scanner.at());
        if (scanner.take_token().empty() || !scanner.take_separator('/'))
            return failure(Condition::malformed, "Via: protocol version is malformed",
                           scanner.at());
    }
    scanner.skip_lws();
    via.transport_name = scanner.take_token();
    if (via.transport_name.empty() || !is_lws(scanner.peek()))
        return failure(Condition::malformed, "Via: transport is malformed", scanner.at());
    via.transport = transport_of(via.transport_name);
    scanner.skip_lws();
    return {};
}

/// sent-by = host [ COLON port ], white space allowed around the colon.
Expected<void> read_sent_by(Via& via, Scanner& scanner, const Leniency& leniency) {
    const char* const start = scanner.mark();
    if (scanner.peek() == '[') {
        scanner.take_while([](char c) { return c != ']'; });
        if (!scanner.take(']'))
            return failure(Condition::malformed, "Via: host has no end", scanner.at(start));
        via.host = scanner.since(start);
        const std::string_view inside = slice(via.host, 1, via.host.size() - 2);
        if (!parse_ipv6(inside) ||
            (!leniency.ipv6_spellings && inside.find(":::") != std::string_view::npos))
            return failure(Condition::malformed, "Via: IPv6 address is malformed",
                           scanner.at(start));
    } else {
        via.host = scanner.take_run(Class::host);
        if (via.host.empty())
            return failure(Condition::malformed, "Via: sent-by is missing", scanner.at(start));
    }
    if (!scanner.take_separator(':')) return {};
    const auto port = scanner.take_decimal(65'535);
    if (!port || *port == 0)
        return failure(Condition::malformed, "Via: port is malformed", scanner.at());
    via.port = static_cast<std::uint16_t>(*port);
    return {};
}

/// The parameters that mean something; the first of a name counts.
struct Asked {
    Via& via;
    StaticText fault = {};  ///< the rule that one of them breaks

    void fail(StaticText rule) {
        if (fault.empty()) fault = rule;
    }
    void meet(const Parameter& parameter) {
        switch (name_word(parameter.name)) {
            case name_word("branch"): branch(parameter); break;
            case name_word("received"): keep(via.received, parameter.value); break;
            case name_word("maddr"): keep(via.maddr, parameter.value); break;
            case name_word("rport"): rport(parameter); break;
            default: break;
        }
    }
    /// The same for one of a part.
    SIP_ALWAYS_INLINE void meet_usual(const Parameter& parameter) {
        if (usual::is_named(parameter.name, "branch"))
            branch(parameter);
        else if (usual::is_named(parameter.name, "rport"))
            rport(parameter);
        else if (usual::is_named(parameter.name, "received"))
            keep(via.received, parameter.value);
        else if (usual::is_named(parameter.name, "maddr"))
            keep(via.maddr, parameter.value);
    }
    void branch(const Parameter& parameter) {
        // RFC 3261 7.3.1: with two of them, two readers could see two transactions.
        if (!via.branch.empty()) fail("Via: branch stands twice");
        via.branch = parameter.value;
    }
    static void keep(std::string_view& field, std::string_view value) {
        if (field.empty()) field = value;
    }
    void rport(const Parameter& parameter) {
        if (via.has_rport) return;
        via.has_rport = true;
        if (!parameter.has_value) return;
        const auto port = parse_decimal(parameter.value, 65'535);
        if (!port) return fail("Via: rport is malformed");
        via.rport = static_cast<std::uint16_t>(*port);
    }
};

Expected<void> read_via(Via& via, Scanner& scanner, Ends ends, const Leniency& leniency) {
    via = {};
    const char* const start = scanner.mark();
    if (const auto protocol = read_sent_protocol(via, scanner); !protocol) return protocol;
    if (const auto sent_by = read_sent_by(via, scanner, leniency); !sent_by) return sent_by;
    const char* const sent_by_end = scanner.mark();
    Asked asked{via};
    if (const auto walked = walk_parameters(scanner, via.parameters, ends,
                                            [&asked](const Parameter& one) { asked.meet(one); });
        !walked)
        return walked;
    if (!asked.fault.empty()) return failure(Condition::malformed, asked.fault);
    if (!leniency.ipv6_spellings && via.received.starts_with('['))
        return failure(Condition::malformed, "Via: received has brackets");
    const std::string_view parameters = via.parameters.text();
    via.text = {start, static_cast<std::size_t>(sent_by_end - start) + parameters.size()};
    return {};
}

/// The transport at `at`, in the usual case and with one space behind it; `size` becomes that of
/// its name. Nothing: another.
SIP_ALWAYS_INLINE std::optional<Transport> usual_transport(const char* at, std::size_t& size) {
    const auto four = load_word<std::uint32_t>(at);
    size = 3;
    if (four == word_of("UDP ")) return Transport::udp;
    if (four == word_of("TCP ")) return Transport::tcp;
    if (four == word_of("TLS ")) return Transport::tls;
    if (four == word_of("WSS ")) return Transport::wss;
    size = 2;
    if ((four & 0xff'ffff) == word_of("WS ")) return Transport::ws;
    return {};
}

/// A host name or an IPv4 address behind "SIP/2.0/UDP ", and parameters: the byte behind them.
SIP_ALWAYS_INLINE const char* read_usual_via(Via& via, const usual::Part& part) {
    const char *const at = part.begin(), *const transport = at + 8;
    if (load_word<std::uint64_t>(at) != word_of("SIP/2.0/")) return nullptr;
    std::size_t transport_size;
    via.transport = usual_transport(transport, transport_size);
    if (!via.transport) return nullptr;
    const char *const space = transport + transport_size, *const host = space + 1;
    if (host >= part.end()) return nullptr;
    usual::WordEnds ends(part, host);
    const char* end = ends.take();
    if (end == host) return nullptr;
    via.transport_name = usual::between(transport, space);
    via.host = usual::between(host, end);
    via.port = 0;
    if (*end == ':') {
        const char* const port = end + 1;
        end = ends.take();
        via.port = usual::port_of(port, end);
        if (via.port == 0) return nullptr;
    }
    via.branch = via.received = via.maddr = {};
    via.has_rport = false;
    via.rport = 0;
    Asked asked{via};
    const char* const parameters = end;
    end = usual::read_parameters(ends, end, [&asked](const Parameter& one) {
        asked.meet_usual(one);
        return asked.fault.empty();
    });
    if (end == nullptr || via.received.starts_with('[')) return nullptr;
    via.parameters = Parameters(usual::between(parameters, end));
    via.text = usual::between(at, end);
    return end;
}

}  // namespace

Taken take_via(std::string_view& rest, Via& via, Error& error, const Leniency& leniency,
               const char* limit) {
    const bool is_usual = usual::take_value(
        rest, limit, [&via](const usual::Part& part) { return read_usual_via(via, part); });
    if (is_usual) return Taken::value;
    return take_value(
        rest, error, ListRule{"Via: element is empty"},
        [&](Scanner& scanner, Ends ends) { return read_via(via, scanner, ends, leniency); });
}

std::optional<Expected<Via>> next_via(std::string_view& rest, const Leniency& leniency,
                                      const char* limit) {
    std::optional<Expected<Via>> result(std::in_place);
    Error error;
    const Taken taken = take_via(rest, **result, error, leniency, limit);
    if (taken == Taken::none) result.reset();
    if (taken == Taken::fault) *result = tl::unexpected(error);
    return result;
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
