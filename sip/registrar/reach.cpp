#include <algorithm>

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
           equal_ignoring_case(slice(host, host.size() - end.size()), end);
}

}  // namespace

/// A UA that registers straight, and takes another address for its own than it sends from: its
/// Contact is what its Via says, and not where the request came from. A port counts where there is
/// no connection.
bool Registrar::is_behind_nat(const Request& request, const Uri& contact) const {
    if (!is_first_hop(request) || !contact.is_sip()) return false;
    const Source& source = request.source;
    const Via& via = request.essentials.via;
    constexpr std::uint16_t default_port = 5060;
    const Endpoint own{parse_numeric_host(contact.host).value_or(sip::Address{}),
                       contact.port != 0 ? contact.port : default_port};
    if (own.address.is_unspecified() || parse_numeric_host(via.host) != own.address) return false;
    if (is_reliable(source.transport)) return own.address != source.remote.address;
    return own != source.remote && (via.port != 0 ? via.port : default_port) == own.port &&
           !contact.parameters.has("transport") && !contact.parameters.has("maddr");
}

/// Whether the connection it was registered by is the one way to it: it says so (RFC 5626), or its
/// Contact is not where a connection could be opened to.
Registrar::Bond Registrar::bond_of(const Registration& values) const {
    if (!values.direct || !is_reliable(values.source.transport)) return Bond::loose;
    if (values.reg_id != 0 || values.source.transport != Transport::tcp) return Bond::sole;
    const auto uri = parse_uri(values.part(Part::contact), core_.shard.leniency);
    if (!uri || !uri->is_sip()) return Bond::loose;
    if (is_invalid_name(uri->host)) return Bond::sole;
    const auto address = parse_numeric_host(uri->host);
    if (!address) return Bond::loose;  // a name, which may lead anywhere
    const Endpoint& from = values.source.remote;
    // Somebody else's, or its own behind a NAT.
    if (*address != from.address) return values.nat ? Bond::sole : Bond::loose;
    return uri->port == from.port ? Bond::own : Bond::loose;
}

/// The UA registers anew, by another connection, or has gone. One that only may have gone has half
/// a minute for that.
void Registrar::on_flow_lost(const Now& now, Handle object) {
    constexpr Duration grace = seconds{32};
    Entry* entry = slab_.find(object);
    const Bond bond = entry == nullptr ? Bond::loose : bond_of(entry->values);
    if (bond == Bond::loose) return;
    ++core_.shard.counters.bindings_lost;
    core_.shard.decision(now, "ended", "the connection that led to the contact is gone",
                         addresses_.find(entry->address)->name.view());
    const Instant end = bond == Bond::own ? later(now.mono, grace) : now.mono;
    if (bond == Bond::own || entry->staged)  // what is being stored decides
        entry->timers.set(core_.shard.timers, Name::expires, std::min(end, entry->expires_at));
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

bool Registrar::may_be_gruu(const Uri& uri) const {
    return is_gruu(uri) && !find_domain(options_.domains, uri.host).empty();
}

/// One binding of the device that it names.
Handle Registrar::find_gruu(const Uri& gruu) {
    if (!may_be_gruu(gruu)) return {};
    if (const auto temporary = read_temporary_gruu(core_.shard.key, gruu)) {
        const std::uint32_t index = by_id_.find(temporary->binding, [&](std::uint32_t i) {
            const Entry& entry = slab_.at(i);
            return entry.live && entry.id == temporary->binding &&
                   temporary->number >= entry.first_gruu && temporary->number <= entry.gruus;
        });
        return index == HashIndex::none ? Handle{} : slab_.handle_at(index);
    }
    Room<512> name;
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
