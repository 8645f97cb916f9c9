#include "sip/transport/locator.hpp"

#include <algorithm>

#include "sip/base/ranges.hpp"
#include "sip/base/text.hpp"
#include "sip/transport/locate.hpp"
#include "sip/transport/transport_layer.hpp"

namespace sip {
namespace {

std::string_view prefix_of(Scheme scheme, Transport transport) {
    if (scheme == Scheme::pres) return "_pres._sip.";
    if (scheme == Scheme::im) return "_im._sip.";
    // RFC 3263 4.2: whoever speaks TLS asks for sips.
    if (transport == Transport::tls) return "_sips._tcp.";
    return transport == Transport::tcp ? "_sip._tcp." : "_sip._udp.";
}

Transport transport_of(SipService service) {
    if (service == SipService::tls) return Transport::tls;
    return service == SipService::tcp ? Transport::tcp : Transport::udp;
}

std::uint16_t default_port(Transport transport) { return is_secure(transport) ? 5061 : 5060; }

/// Stable, in place: what is sorted here is short.
template <class T, class Before>
void sort_in_place(T* first, T* last, Before before) {
    for (T* next = first; next < last; ++next)
        for (T* at = next; at != first && before(*at, *(at - 1)); --at) std::swap(*at, *(at - 1));
}

}  // namespace

Locator::Locator(Shard& shard, TransportLayer& transport, std::uint8_t part)
    : shard_(shard),
      transport_(transport),
      part_(part),
      cache_(shard, transport),
      lookups_(shard.memory, shard.limits.name_lookups),
      failed_(shard.memory) {
    shard.reserve(shard.limits.name_lookups, lookups_);
    shard.reserve(shard.limits.failed_targets, failed_);
    shard.reserve_timers(shard.limits.name_lookups);
}

Locator::~Locator() {
    lookups_.for_each([&](Handle, Lookup& lookup) { lookup.timers.detach(shard_.timers); });
}

// ---- What its users call ------------------------------------------------------------------------

Expected<Locator::Begun> Locator::begin(const Now& now, const Uri& uri, const Owner& owner) {
    Uri sip = uri;
    if (uri.scheme == Scheme::pres || uri.scheme == Scheme::im) sip.scheme = Scheme::sip;
    auto target = locate(sip, transport_.listeners());
    if (!target) {
        if (target.error().condition != Condition::not_found) return tl::unexpected(target.error());
        Room<DomainName::most + 1> maddr;
        write_plain(maddr, uri.parameters.value_of("maddr"), Class::uri_parameter);
        std::string_view host = uri.host;
        if (maddr.size() > 0) host = maddr.view();
        if (maddr.overflowed()) return failure(Condition::not_found, "maddr is no host");
        return begin_by_name(now, uri, host, owner);
    }
    if (is_secure(target->transport)) target->domain = SharedBytes::copy(shard_.memory, uri.host);
    Begun begun;
    const bool kept = begun.targets.push(*target);
    SIP_ASSERT(kept);
    return begun;
}

Expected<Locator::Begun> Locator::begin_by_name(const Now& now, const Uri& uri,
                                                std::string_view host, const Owner& owner) {
    const DomainName name(host);
    if (name.empty()) return failure(Condition::not_found, "the host is no domain name");
    if (name.is_invalid()) return failure(Condition::not_found, "no such host");
    const Handle handle = lookups_.create();
    if (!handle) {
        ++(lookups_.full() ? shard_.counters.limit_name_lookups : shard_.counters.limit_memory);
        return failure(Condition::overloaded, "too many lookups");
    }
    ++shard_.counters.name_lookups;
    Lookup& lookup = *lookups_.find(handle);
    lookup.self = handle;
    lookup.owner = owner;
    lookup.host = name;
    lookup.domain = SharedBytes::copy(shard_.memory, uri.host);
    for (NameWaiter& waiter : lookup.asked) waiter.owner = handle;
    if (!lookup.domain || !lookup.timers.attach(shard_.timers, {part_, handle})) {
        ++shard_.counters.limit_memory;
        lookups_.destroy(handle);
        return failure(Condition::overloaded, "no memory for a lookup");
    }
    const auto planned = plan(lookup, uri);
    if (!planned) {
        destroy(handle);
        return tl::unexpected(planned.error());
    }
    lookup.timers.set(shard_.timers, Name::deadline,
                      later(now.mono, shard_.limits.name_lookup_time));
    ask_stage(now, lookup);
    go_on(now, lookup);
    answer_those_who_wait(now);
    Begun begun;
    if (lookup.stage != Stage::done) {
        begun.id = id_of(handle);
        return begun;
    }
    auto targets = take(id_of(handle));
    if (!targets) return tl::unexpected(targets.error());
    begun.targets = *targets;
    return begun;
}

Expected<Locator::Targets> Locator::take(LookupId id) {
    const Handle handle = handle_of(id);
    Lookup* lookup = lookups_.find(handle);
    if (lookup == nullptr || lookup->stage != Stage::done)
        return failure(Condition::not_found, "no such lookup");
    const Fault error = lookup->error;
    const Targets targets = lookup->targets;
    destroy(handle);
    if (error) return tl::unexpected(*error);
    return targets;
}

void Locator::abandon(LookupId id) {
    const Handle handle = handle_of(id);
    if (lookups_.find(handle) != nullptr) destroy(handle);
}

std::optional<Locator::Done> Locator::next_done() {
    if (done_.alone()) return {};
    auto& lookup = *static_cast<Lookup*>(done_.next());
    lookup.leave();
    return Done{lookup.owner, id_of(lookup.self)};
}

void Locator::resolved(const Now& now, const NameAnswer& answer) {
    cache_.resolved(now, answer);
    answer_those_who_wait(now);
}

void Locator::answer_those_who_wait(const Now& now) {
    while (const auto owner = cache_.next_answered())
        if (Lookup* lookup = lookups_.find(*owner)) go_on(now, *lookup);
}

void Locator::timer(const Now& now, Handle object) {
    Lookup* lookup = lookups_.find(object);
    if (lookup == nullptr) return;
    while (const auto name = lookup->timers.pop_due(shard_.timers, now.mono)) {
        if (lookup->stage == Stage::done) return;
        if (*name == Name::deadline) ++shard_.counters.name_timeouts;
        for (NameWaiter& waiter : lookup->asked) {
            if (!waiter.pending) continue;
            waiter.leave();
            waiter.pending = false;
            lookup->any_failed = true;
        }
        if (lookup->stage == Stage::addresses)
            judge_addresses(now, *lookup);
        else
            finish(*lookup, Error{Condition::internal, "the name system did not answer", 0});
    }
}

void Locator::trim() {
    lookups_.trim();
    cache_.trim();
    failed_.clear();
    failed_.trim();
}

void Locator::destroy(Handle handle) {
    lookups_.find(handle)->timers.detach(shard_.timers);
    lookups_.destroy(handle);
}

// ---- The plan -----------------------------------------------------------------------------------

bool Locator::speaks(Transport transport) const {
    const Listeners& listeners = transport_.listeners();
    return any_of(listeners, [&](const auto& each) { return each.transport == transport; });
}

/// RFC 3263 4.1, 4.2: what is asked first.
Expected<void> Locator::plan(Lookup& lookup, const Uri& uri) {
    lookup.scheme = uri.scheme;
    const bool secure = uri.scheme == Scheme::sips;
    const std::string_view given = uri.parameters.value_of("transport");
    Transport transport = secure ? Transport::tls : Transport::udp;
    if (same_unescaped(given, "tcp") && !secure) transport = Transport::tcp;
    if (same_unescaped(given, "tls")) transport = Transport::tls;
    if (!given.empty() && !same_unescaped(given, "udp") && !same_unescaped(given, "tcp") &&
        !same_unescaped(given, "tls"))
        return failure(Condition::internal, "no listener of that transport");
    if (given.empty() && !secure && !speaks(transport))
        transport = speaks(Transport::tcp) ? Transport::tcp : Transport::tls;
    if (!speaks(transport)) return failure(Condition::internal, "no listener of that transport");
    lookup.transport = transport;
    if (uri.port != 0) {
        lookup.stage = Stage::addresses;
        add_host(lookup, transport, uri.port, lookup.host.view());
        return {};
    }
    if (!given.empty() || !uri.is_sip()) {
        // RFC 3861 4: SRV alone, which names the protocol and no transport.
        lookup.stage = Stage::hosts;
        const DomainName name(prefix_of(uri.scheme, transport), lookup.host.view());
        if (!add_service(lookup, transport, name.view()))
            return failure(Condition::not_found, "the host's name is too long");
        return {};
    }
    lookup.stage = Stage::services;
    return {};
}

bool Locator::add_service(Lookup& lookup, Transport transport, std::string_view name) {
    if (name.empty()) return false;
    Service service{transport, SharedBytes::copy(shard_.memory, name)};
    if (!service.name) ++shard_.counters.limit_memory;
    return service.name && lookup.services.push(service);
}

/// RFC 3263 4.1: no NAPTR; a query for each transport that we speak.
void Locator::add_default_services(Lookup& lookup) {
    for (Transport transport : {Transport::tls, Transport::tcp, Transport::udp}) {
        if (!speaks(transport) || (lookup.scheme == Scheme::sips && !is_secure(transport)))
            continue;
        const DomainName name(prefix_of(lookup.scheme, transport), lookup.host.view());
        (void)add_service(lookup, transport, name.view());
    }
}

void Locator::add_host(Lookup& lookup, Transport transport, std::uint16_t port,
                       std::string_view name) {
    Host host{transport, port, SharedBytes::copy(shard_.memory, name)};
    if (!host.name) {
        ++shard_.counters.limit_memory;
        return;
    }
    for (const Host& known : lookup.hosts)
        if (known.is(host)) return;
    (void)lookup.hosts.push(host);  // those behind the bound are never tried
}

// ---- Step by step -------------------------------------------------------------------------------

void Locator::ask(const Now& now, Lookup& lookup, RecordType type, const DomainName& name) {
    SIP_ASSERT(lookup.asked_count < lookup.asked.size());
    NameWaiter& waiter = lookup.asked[lookup.asked_count++];
    cache_.ask(now, type, name, waiter);
}

bool Locator::waits(const Lookup& lookup) {
    return any_of(std::span(lookup.asked).first(lookup.asked_count),
                  [](const NameWaiter& waiter) { return waiter.pending; });
}

/// All that the stage needs, at once.
void Locator::ask_stage(const Now& now, Lookup& lookup) {
    lookup.asked_count = 0;
    switch (lookup.stage) {
        case Stage::services: ask(now, lookup, RecordType::naptr, lookup.host); break;
        case Stage::hosts:
            for (const Service& service : lookup.services)
                ask(now, lookup, RecordType::srv, DomainName(service.name.view()));
            break;
        case Stage::addresses:
            for (const Host& host : lookup.hosts)
                for (RecordType type : {RecordType::aaaa, RecordType::a})
                    ask(now, lookup, type, DomainName(host.name.view()));
            break;
        case Stage::done: break;
    }
}

void Locator::go_on(const Now& now, Lookup& lookup) {
    while (lookup.stage != Stage::done && !waits(lookup)) {
        for (std::size_t i = 0; i < lookup.asked_count; ++i)
            lookup.any_failed |= lookup.asked[i].kind == NameAnswer::Kind::failed;
        switch (lookup.stage) {
            case Stage::services: judge_services(lookup); break;
            case Stage::hosts: judge_hosts(lookup); break;
            case Stage::addresses: judge_addresses(now, lookup); break;
            case Stage::done: break;
        }
        ask_stage(now, lookup);
    }
    if (lookup.stage != Stage::addresses || lookup.timers.running(Name::enough)) return;
    // A name server that is mute about one family does not hold up the other (RFC 8305 3).
    for (std::size_t i = 0; i < lookup.asked_count; ++i)
        if (!lookup.asked[i].pending && lookup.asked[i].records.size() > 0)
            lookup.timers.set(shard_.timers, Name::enough,
                              later(now.mono, shard_.limits.name_address_wait));
}

/// RFC 3263 4.1: the services of the lowest order and preference first.
void Locator::judge_services(Lookup& lookup) {
    const KeptRecords& records = lookup.asked[0].records;
    SmallVector<KeptRecord, 64> usable;
    for (std::size_t i = 0; i < records.size(); ++i) {
        const KeptRecord record = records.at(i);
        const Transport transport = transport_of(record.service);
        if (record.service == SipService::other || !speaks(transport)) continue;
        if (lookup.scheme == Scheme::sips && !is_secure(transport)) continue;
        (void)usable.push(record);
    }
    sort_in_place(usable.begin(), usable.end(), [](const KeptRecord& a, const KeptRecord& b) {
        return a.priority != b.priority ? a.priority < b.priority : a.weight < b.weight;
    });
    for (const KeptRecord& record : usable)
        (void)add_service(lookup, transport_of(record.service), records.name_of(record));
    lookup.stage = Stage::hosts;
    if (!lookup.services.empty()) {
        lookup.transport = lookup.services[0].transport;
        return;
    }
    if (records.size() > 0)
        finish(lookup, Error{Condition::not_found, "that host speaks no transport of ours", 0});
    else
        add_default_services(lookup);
}

void Locator::judge_hosts(Lookup& lookup) {
    bool any = false;
    for (std::size_t i = 0; i < lookup.services.size(); ++i) {
        const KeptRecords& records = lookup.asked[i].records;
        any |= lookup.asked[i].kind == NameAnswer::Kind::found;
        add_in_order(lookup, lookup.services[i], records);
    }
    lookup.stage = Stage::addresses;
    if (!lookup.hosts.empty()) return;
    if (any) {
        // RFC 2782: "." says that the service is decidedly not there.
        finish(lookup, Error{Condition::not_found, "that host does not offer the service", 0});
        return;
    }
    // RFC 3263 4.2: no SRV.
    add_host(lookup, lookup.transport, default_port(lookup.transport), lookup.host.view());
}

/// RFC 2782: the lowest priority first; among equals by chance, in proportion to the weights.
void Locator::add_in_order(Lookup& lookup, const Service& service, const KeptRecords& records) {
    SmallVector<KeptRecord, 256> left;
    for (std::size_t i = 0; i < records.size(); ++i)
        if (records.at(i).name_size > 0) (void)left.push(records.at(i));
    // Those of weight 0 stand in front of their priority, so that they have a small chance.
    sort_in_place(left.begin(), left.end(), [](const KeptRecord& a, const KeptRecord& b) {
        return a.priority != b.priority ? a.priority < b.priority : a.weight == 0 && b.weight > 0;
    });
    auto* first = left.begin();
    while (first != left.end() && !lookup.hosts.full()) {
        std::uint64_t sum = 0;
        auto* end = first;
        for (; end != left.end() && end->priority == first->priority; ++end) sum += end->weight;
        auto* chosen = first;
        if (end - first > 1) {
            const std::uint64_t drawn = shard_.entropy.next() % (sum + 1);
            std::uint64_t running = chosen->weight;
            while (running < drawn) running += (++chosen)->weight;
        }
        add_host(lookup, service.transport, chosen->port, records.name_of(*chosen));
        std::rotate(first, chosen, chosen + 1);
        ++first;
    }
}

void Locator::judge_addresses(const Now& now, Lookup& lookup) {
    // Each host gets its share first, so that the many addresses of one leave room for the others.
    const std::size_t hosts = std::max<std::size_t>(lookup.hosts.size(), 1);
    const std::size_t share = std::max<std::size_t>(targets_max / hosts, 2);
    for (std::size_t i = 0; i < lookup.hosts.size(); ++i) add_addresses(lookup, i, share);
    order_by_failure(now, lookup.targets);
    if (!lookup.targets.empty())
        finish(lookup, {});
    else if (lookup.any_failed)
        finish(lookup, Error{Condition::internal, "the name system did not answer", 0});
    else
        finish(lookup, Error{Condition::not_found, "no such host", 0});
}

void Locator::add_addresses(Lookup& lookup, std::size_t host, std::size_t most) {
    const Host& at = lookup.hosts[host];
    const std::array lists{&lookup.asked[2 * host].records, &lookup.asked[2 * host + 1].records};
    std::size_t added = 0;
    for (std::size_t i = 0; i < std::max(lists[0]->size(), lists[1]->size()); ++i) {
        for (const KeptRecords* list : lists) {
            if (i >= list->size() || added == most) continue;
            Target target{at.transport, {}, {}, {list->at(i).address, at.port}, {}};
            const auto* listener =
                transport_.listeners().towards(at.transport, target.remote.address);
            if (listener == nullptr) continue;
            target.listener = listener->id;
            if (is_secure(at.transport)) target.domain = lookup.domain;
            const bool known = any_of(lookup.targets, [&](const Target& other) {
                return other.transport == target.transport && other.remote == target.remote;
            });
            if (!known && lookup.targets.push(target)) ++added;
        }
    }
}

void Locator::finish(Lookup& lookup, Fault error) {
    lookup.stage = Stage::done;
    lookup.error = error;
    lookup.timers.detach(shard_.timers);
    for (NameWaiter& waiter : lookup.asked) {
        waiter.leave();
        waiter.pending = false;
        waiter.records = {};
    }
    lookup.join(done_);
}

// ---- What failed before -------------------------------------------------------------------------

void Locator::failed(const Now& now, const Target& target, std::optional<Duration> how_long) {
    ++shard_.counters.target_failures;
    const Duration lasts = std::min(how_long.value_or(shard_.limits.failed_target_time),
                                    shard_.limits.failed_target_time_max);
    const Failed one{target.transport, target.remote, later(now.mono, lasts)};
    Failed* due = nullptr;
    for (Failed& each : failed_) {
        if (each.transport == one.transport && each.remote == one.remote) {
            each.until = std::max(each.until, one.until);
            return;
        }
        if (due == nullptr || each.until < due->until) due = &each;
    }
    if (failed_.size() < shard_.limits.failed_targets && failed_.push(one)) return;
    if (due == nullptr) return;
    if (due->until > now.mono) ++shard_.counters.limit_failed_targets;
    *due = one;
}

bool Locator::has_failed(const Now& now, const Target& target) const {
    return any_of(failed_, [&](const Failed& each) {
        return each.transport == target.transport && each.remote == target.remote &&
               now.mono < each.until;
    });
}

void Locator::order_by_failure(const Now& now, Targets& targets) const {
    sort_in_place(targets.begin(), targets.end(), [&](const Target& a, const Target& b) {
        return !has_failed(now, a) && has_failed(now, b);
    });
}

}  // namespace sip
