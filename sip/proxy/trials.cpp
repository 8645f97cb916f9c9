#include "sip/message/message_parser.hpp"
#include "sip/proxy/proxy.hpp"

// A request of somebody here that is tried at a UA first, and comes back where that is none.

namespace sip {
namespace {

/// Who asks by datagram and takes another address for his own than he sends from: what a UA sends
/// him by us in their dialog would go to that address. Only his own answers get back to him.
bool is_behind_nat(const Request& request) {
    if (is_reliable(request.source.transport) || !is_first_hop(request)) return false;
    const Via& via = request.essentials.via;
    const std::uint16_t port = via.port != 0 ? via.port : std::uint16_t{5060};
    const auto host = parse_numeric_host(via.host);
    return host && Endpoint{*host, port} != request.source.remote;
}

}  // namespace

bool Proxy::try_at(const Now& now, const Request& request, const Registrar::Binding& binding,
                   Duration patience, FallBack& back) {
    if (options_.relay == Relay::none || stopped_ || hides_identity(request.message)) return false;
    if (is_behind_nat(request)) return false;
    const auto contact = parse_uri(binding.contact, core_.shard.leniency);
    if (!contact || (binding.path.empty() && own_.name(*contact))) return false;
    // RFC 5630 5.3.
    if (request.essentials.request_uri.scheme == Scheme::sips && contact->scheme != Scheme::sips)
        return false;
    const Routing routing = read(request.message, request.essentials.request_uri);
    if (check(request, routing)) return false;
    const Handle handle = make(now, request, routing);
    if (!handle) return false;
    Context& context = *contexts_.find(handle);
    context.back = &back;
    context.binding = binding.id;
    const bool kept =
        context.asserted.assign(core_.shard.memory, request.identity.address_of_record) &&
        add_leg(handle, without_headers(*contact), binding.path, binding.q,
                {binding.flow, binding.listener, binding.behind_nat}) &&
        enter(handle, request.transaction);
    if (!kept) {
        ++core_.shard.counters.limit_memory;
        destroy(handle);
        return false;
    }
    context.timers.set(core_.shard.timers, Name::end, later(now.mono, patience));
    ++core_.shard.counters.forwarded_requests;
    advance(now, handle);
    return true;
}

/// Nothing over there was an answer.
bool Proxy::comes_back(const Context& context) const {
    if (context.back == nullptr || context.answered) return false;
    return !context.best || !context.back->is_answer(context.best_status);
}

void Proxy::give_back(const Now& now, Handle handle, std::uint16_t status) {
    Context& context = *contexts_.find(handle);
    let_go_of_legs(context);
    const SharedBytes bytes = context.request;
    const Block identity = std::move(context.asserted);
    const Source source = context.source;
    const ServerTransactionId server = context.server;
    const std::uint64_t binding = context.binding;
    FallBack& back = *context.back;
    destroy(handle);
    if (!core_.servers.is_live(server)) return;
    const Scan scan = scan_message(bytes.view(), slots_, Framing::datagram, core_.shard.limits,
                                   core_.shard.leniency);
    SIP_ASSERT(scan.end == ScanEnd::complete);
    const auto essentials = decode_essentials(scan.message, core_.shard.leniency);
    SIP_ASSERT(essentials);
    Room<16> tag;
    tag.hex(stateless_tag(core_.shard.key, scan.message));
    const Request request{scan.message, *essentials, source, {identity.view(), true},
                          server,       tag.view()};
    back.come_back(now, request, binding, status);
}

}  // namespace sip
