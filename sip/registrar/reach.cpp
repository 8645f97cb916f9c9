#include "sip/base/domains.hpp"
#include "sip/base/text.hpp"
#include "sip/registrar/registrar.hpp"
#include "sip/transport/locate.hpp"

// The part of the Registrar about how a contact is reached: by its flow (RFC 5626), through a NAT,
// by the GRUU of its device (RFC 5627).

namespace sip {
namespace {

/// RFC 2606 2: a name that never leads anywhere.
bool is_invalid_name(std::string_view host) {
    constexpr std::string_view end = ".invalid";
    return host.size() >= end.size() &&
           equal_ignoring_case(host.substr(host.size() - end.size()), end);
}

}  // namespace

/// A UA that registers straight and by UDP, and takes another address for its own than it sends
/// from: its Contact is what its Via says, and not where the request came from.
bool Registrar::is_behind_nat(const Request& request, const Uri& contact) const {
    if (!is_first_hop(request) || request.source.transport != Transport::udp) return false;
    const auto own = core_.transport.locate(contact);
    if (!own || own->transport != Transport::udp || own->remote == request.source.remote)
        return false;
    const Via& via = request.essentials.via;
    constexpr std::uint16_t default_port = 5060;
    const auto said = parse_numeric_host(via.host);
    return said && *said == own->remote.address &&
           (via.port != 0 ? via.port : default_port) == own->remote.port;
}

/// Whether the connection it was registered by is the one way to it: it says so (RFC 5626), or its
/// Contact is not where a connection could be opened to.
bool Registrar::lives_by_flow(const Registration& values) const {
    if (!values.direct || !is_reliable(values.source.transport)) return false;
    if (values.reg_id != 0 || values.source.transport != Transport::tcp) return true;
    const auto uri = parse_uri(values.part(Part::contact), core_.shard.leniency);
    if (!uri || !uri->is_sip()) return false;
    if (is_invalid_name(uri->host)) return true;
    const auto address = parse_numeric_host(uri->host);
    if (!address) return false;  // a name, which may lead anywhere
    const Endpoint& from = values.source.remote;
    return *address != from.address || uri->port == from.port;
}

/// The UA registers anew, by another connection, or has gone.
void Registrar::on_flow_lost(Now now, Handle object) {
    Entry* entry = slab_.find(object);
    if (entry == nullptr || !lives_by_flow(entry->values)) return;
    ++core_.shard.counters.bindings_lost;
    core_.shard.decision(now, "ended", "the connection that led to the contact is gone",
                         addresses_.find(entry->address)->name.view());
    if (entry->staged)  // what is being stored decides
        entry->timers.set(core_.shard.timers, Name::expires, now.mono);
    else
        run_out(now, object);
}

/// RFC 5627 5.2.
void Registrar::write_gruus(Appender& out, const Wanted& wanted, const Registration& values,
                            Handle of) {
    Entry& entry = *slab_.find(of);
    const std::string_view instance =
        gruu_instance(read_outbound(Parameters(values.part(Part::parameters))).instance);
    if (instance.empty()) return;
    if (!entry.indexed) entry.indexed = by_id_.insert(entry.id, of.index);
    out << ";pub-gruu=\"";
    write_public_gruu(out, wanted.name, instance);
    out << '"';
    if (!entry.indexed) return;  // no memory to find a temporary one by
    out << ";temp-gruu=\"";
    write_temporary_gruu(out, core_.shard.key, {entry.id, ++entry.gruus},
                         split_at(wanted.name, '@').after);
    out << '"';
}

std::string_view Registrar::instance_of(const Entry& entry) const {
    return read_outbound(Parameters(entry.values.part(Part::parameters))).instance;
}

/// One binding of the device that it names.
Handle Registrar::find_gruu(const Uri& gruu) {
    if (!is_gruu(gruu) || find_domain(options_.domains, gruu.host).empty()) return {};
    if (const auto temporary = read_temporary_gruu(core_.shard.key, gruu)) {
        const std::uint32_t index = by_id_.find(temporary->binding, [&](std::uint32_t i) {
            const Entry& entry = slab_.at(i);
            return entry.live && entry.id == temporary->binding &&
                   temporary->number >= entry.first_gruu && temporary->number <= entry.gruus;
        });
        return index == HashIndex::none ? Handle{} : slab_.handle_at(index);
    }
    std::array<char, 512> room{};
    Appender name(room);
    write_address_of_record(name, gruu);
    const std::string_view wanted = gruu.parameters.value_of("gr");
    const Handle address = name.overflowed() || wanted.empty() ? Handle{} : find(name.view());
    if (!address) return {};
    for (std::uint32_t i = addresses_.find(address)->first; i != UINT32_MAX; i = slab_.at(i).next)
        if (same_unescaped(gruu_instance(instance_of(slab_.at(i))), wanted))
            return slab_.handle_at(i);
    return {};
}

}  // namespace sip
