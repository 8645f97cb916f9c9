#include "tests/sim/wire.hpp"

namespace sim {
namespace {

std::string_view parameter(std::string_view value, std::string_view name) {
    const auto at = value.find(name);
    if (at == std::string_view::npos) return {};
    value.remove_prefix(at + name.size());
    return value.substr(0, value.find_first_of(";, \r>"));
}

/// Of a sip or sips URI.
std::string_view user_of(std::string_view value) { return between(value, ":", "@"); }

std::uint32_t number(std::string_view text) {
    std::uint32_t value = 0;
    for (char c : text) {
        if (c < '0' || c > '9') break;
        value = value * 10 + static_cast<std::uint32_t>(c - '0');
    }
    return value;
}

void read_field(Wire& wire, std::string_view name, std::string_view value) {
    if (name == "Via") {
        ++wire.vias;
        if (wire.branch.empty()) wire.branch = parameter(value, "branch=");
    } else if (name == "From") {
        wire.from_tag = parameter(value, ";tag=");
        wire.from_user = user_of(value);
    } else if (name == "To") {
        wire.to_tag = parameter(value, ";tag=");
        wire.to_user = user_of(value);
    } else if (name == "Call-ID") {
        wire.call_id = value;
    } else if (name == "CSeq") {
        wire.cseq = number(value);
        wire.method = value.substr(value.find(' ') + 1);
    } else if (name == "Subscription-State") {
        wire.state = value;
    } else if (name == "Event") {
        wire.event = value.substr(0, value.find(';'));
    } else if (name == "SIP-ETag") {
        wire.etag = value;
    } else if (name == "SIP-If-Match") {
        wire.if_match = value;
    } else if (name == "Expires") {
        wire.expires = value;
    } else if (name == "Retry-After") {
        wire.retry_after = value;
    }
}

}  // namespace

std::string_view between(std::string_view text, std::string_view open, std::string_view close) {
    const auto start = text.find(open);
    if (start == std::string_view::npos) return {};
    text.remove_prefix(start + open.size());
    const auto end = text.find(close);
    return end == std::string_view::npos ? std::string_view{} : text.substr(0, end);
}

Wire read_wire(std::string_view text) {
    Wire wire;
    const auto first = text.find("\r\n");
    if (first == std::string_view::npos) return wire;
    wire.start_line = text.substr(0, first);
    wire.is_request = !wire.start_line.starts_with("SIP/2.0 ");
    if (!wire.is_request) wire.status = static_cast<int>(number(wire.start_line.substr(8)));
    std::size_t at = first + 2;
    for (;;) {
        const auto end = text.find("\r\n", at);
        if (end == std::string_view::npos) return wire;
        if (end == at) break;
        const std::string_view line = text.substr(at, end - at);
        const auto colon = line.find(": ");
        if (colon != std::string_view::npos)
            read_field(wire, line.substr(0, colon), line.substr(colon + 2));
        at = end + 2;
    }
    wire.body = text.substr(at + 2);
    return wire;
}

}  // namespace sim
