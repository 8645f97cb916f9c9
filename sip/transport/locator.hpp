#pragma once

#include <optional>

#include "sip/base/error.hpp"
#include "sip/base/small_vector.hpp"
#include "sip/message/uri.hpp"
#include "sip/transport/effects.hpp"
#include "sip/transport/listeners.hpp"
#include "sip/transport/name_cache.hpp"
#include "sip/transport/shard.hpp"
#include "sip/transport/source.hpp"

namespace sip {

class TransportLayer;

/// Where requests go (RFC 3263): finds the targets of a URI, best first. Names are asked for by
/// Resolve effects, so an answer may come at once or later.
///
/// The order: NAPTR by order and preference, SRV by priority and weight (RFC 2782), then the
/// addresses of each host, IPv6 and IPv4 in turn, so that a family that leads nowhere costs one
/// try. Targets that failed a while ago come last.
class Locator {
public:
    static constexpr std::size_t targets_max = 8;
    using Targets = SmallVector<Target, targets_max>;
    /// Whom to tell: a part of the stack, and an object of that part.
    struct Owner {
        std::uint8_t part = 0;
        Handle object;
    };
    struct Begun {
        LookupId id{};    ///< none: `targets` holds the answer
        Targets targets;  ///< never empty when there is no id
    };

    Locator(Shard& shard, TransportLayer& transport, std::uint8_t part);
    ~Locator();

    /// Begins to look `uri` up: sip, sips, pres and im (RFC 3861). With an id the owner is told
    /// later (TransactionUser::on_located), once, and then calls `take`. Errors: those of `locate`,
    /// `not_found` also where it is known at once that there is no such host; `overloaded` (too
    /// many lookups).
    Expected<Begun> begin(const Now& now, const Uri& uri, const Owner& owner);
    /// What a lookup came to, after its owner was told. Errors: `not_found` (no such host, or
    /// nothing there that we can speak to), `internal` (the name system did not answer).
    Expected<Targets> take(LookupId id);
    /// Nobody wants the answer any more. An unknown id is ignored.
    void abandon(LookupId id);
    /// The next owner whose lookup came to an end; called until it gives nothing.
    struct Done {
        Owner owner;
        LookupId id{};
    };
    std::optional<Done> next_done();
    bool has_done() const { return !done_.alone(); }
    /// An answer of the name system.
    void resolved(const Now& now, const NameAnswer& answer);
    void timer(const Now& now, Handle object);

    /// RFC 3263 4.3: nobody answered at `target`, or with a 503: lookups put it behind all others
    /// for a while; `how_long` is what a Retry-After said.
    void failed(const Now& now, const Target& target, std::optional<Duration> how_long = {});
    bool has_failed(const Now& now, const Target& target) const;

    std::size_t size() const { return lookups_.size(); }
    const NameCache& cache() const { return cache_; }
    /// Gives back memory that only a load of the past needed, and the cache.
    void trim();

private:
    static constexpr std::size_t services_max = 6;
    static constexpr std::size_t hosts_max = 8;
    enum class Stage : std::uint8_t { services, hosts, addresses, done };
    enum class Name : std::uint8_t { deadline, enough };
    struct Service {
        Transport transport = Transport::udp;
        SharedBytes name;
    };
    struct Host {
        Transport transport = Transport::udp;
        std::uint16_t port = 0;
        SharedBytes name;
        bool is(const Host& other) const {
            return transport == other.transport && port == other.port &&
                   name.view() == other.name.view();
        }
    };
    /// In the list of those that are done and not told.
    struct Lookup : Linked {
        Handle self;
        Owner owner;
        Stage stage = Stage::services;
        Scheme scheme = Scheme::sip;
        DomainName host;
        SharedBytes domain;                    ///< what a TLS peer has to prove
        Transport transport = Transport::udp;  ///< where no SRV says another
        bool any_failed = false;
        SmallVector<Service, services_max> services;
        SmallVector<Host, hosts_max> hosts;
        std::array<NameWaiter, 2 * hosts_max> asked;
        std::size_t asked_count = 0;
        Targets targets;
        Fault error;
        Timers<Name, 2> timers;
    };
    struct Failed {
        Transport transport = Transport::udp;
        Endpoint remote;
        Instant until{};
    };
    static LookupId id_of(Handle handle) {
        return LookupId{static_cast<std::uint64_t>(handle.generation) << 32 | handle.index};
    }
    static Handle handle_of(LookupId id) {
        const auto value = static_cast<std::uint64_t>(id);
        return {static_cast<std::uint32_t>(value), static_cast<std::uint32_t>(value >> 32)};
    }

    Expected<Begun> begin_by_name(const Now& now, const Uri& uri, std::string_view host,
                                  const Owner& owner);
    Expected<void> plan(Lookup& lookup, const Uri& uri);
    bool speaks(Transport transport) const;
    bool add_service(Lookup& lookup, Transport transport, std::string_view name);
    void add_default_services(Lookup& lookup);
    void add_host(Lookup& lookup, Transport transport, std::uint16_t port, std::string_view name);
    void ask(const Now& now, Lookup& lookup, RecordType type, const DomainName& name);
    static bool waits(const Lookup& lookup);
    void go_on(const Now& now, Lookup& lookup);
    void ask_stage(const Now& now, Lookup& lookup);
    void judge_services(Lookup& lookup);
    void judge_hosts(Lookup& lookup);
    void add_in_order(Lookup& lookup, const Service& service, const KeptRecords& records);
    void judge_addresses(const Now& now, Lookup& lookup);
    void add_addresses(Lookup& lookup, std::size_t host, std::size_t most);
    void finish(Lookup& lookup, Fault error);
    void answer_those_who_wait(const Now& now);
    void order_by_failure(const Now& now, Targets& targets) const;
    void destroy(Handle handle);

    Shard& shard_;
    TransportLayer& transport_;
    std::uint8_t part_;
    NameCache cache_;
    Slab<Lookup> lookups_;
    Linked done_;  ///< head
    Vector<Failed> failed_;
};

}  // namespace sip
