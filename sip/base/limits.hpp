#pragma once

#include <cstddef>
#include <cstdint>

#include "sip/base/clock.hpp"

namespace sip {

/// Every bound of a stack, with its default. What happens at each bound is said beside it and is
/// counted in `Counters` under the same name. An embedder sets these once, before the stack is
/// made.
struct Limits {
    // Memory: one cap over everything the stack holds. At it: 503 with Retry-After.
    std::size_t memory_bytes = std::size_t{512} << 20;
    /// Slabs and tables take what these bounds ask for when they are made, and keep it: after that
    /// only texts, bodies and messages come and go in what is left of the memory. Where it does not
    /// suffice `Stack::has_room` says so. Wants bounds that fit the device, all of them.
    bool reserve = false;

    // Messages.
    std::uint32_t message_bytes = 65'535;  ///< over: 513 (datagram), 513 and close (stream)
    std::uint32_t header_bytes = 32'768;   ///< start line and header fields of a stream message;
                                           ///< over: 513 and close
    std::uint32_t body_bytes = 65'535;     ///< over: 413
    std::uint16_t headers = 128;           ///< header fields a message; over: 400
    std::uint16_t uri_bytes = 2'048;       ///< Request-URI; over: 414
    /// Parameters of one URI, and as many headers: no name may stand twice, so each is compared
    /// with each. Over: 400. Set once for all stacks, since a URI is read outside of them too.
    static constexpr std::uint16_t uri_parts = 32;
    std::uint32_t response_bytes = 16'384;  ///< a response that would be longer is 500 instead

    // Streams.
    std::uint32_t flows = 4'096;             ///< over: the new connection is closed
    std::uint32_t flows_per_address = 256;   ///< from one address (IPv6: one /64); over: closed
    Duration flow_first_byte = seconds{30};  ///< silent from the start: closed
    Duration flow_message = seconds{30};     ///< a message begun and not ended: closed
    Duration flow_idle = seconds{1800};      ///< nothing bound to it and quiet: closed
    std::uint32_t flow_keep_alive_s = 120;   ///< Flow-Timer of RFC 5626: a flow that somebody is
                                             ///< registered by, quiet for a quarter longer: closed
    std::uint32_t flow_write_bytes = 262'144;  ///< unsent bytes; over: closed (the edge's duty)
    std::uint32_t stream_bytes_percent = 25;  ///< of memory_bytes, for what came by all streams and
                                              ///< waits for the rest of its message; over: whoever
                                              ///< has completed none for longest is closed

    // Transactions. Server transactions: those that are not answered, of INVITE, or whose answer is
    // kept whole. The rest are completed ones, and no user's.
    std::uint32_t server_transactions = 65'536;          ///< over: stateless 503 with Retry-After
    std::uint32_t server_transactions_per_user = 4'096;  ///< over: the same
    std::uint32_t server_transactions_per_address = 49'152;  ///< from one address (IPv6: one /64);
                                                             ///< over: the same
    std::uint32_t completed_transactions = 2'000'000;  ///< answered by datagram, kept for copies of
                                                       ///< the request; over: the oldest is
                                                       ///< forgotten before its 32 s are over
    std::uint32_t response_forms =
        256;  ///< that answers are alike in; over: an answer is kept whole
    std::uint32_t client_transactions =
        65'536;  ///< over: one that was answered is forgotten; where all
                 ///< wait for their answers, the request fails
    std::uint32_t waiting_requests = 1'024;  ///< behind a staged change; over: 503

    // Forwarding.
    std::uint32_t response_contexts = 16'384;  ///< requests that are carried on; over: 503
    std::uint16_t forks = 16;  ///< contacts that one is carried to; over: those that
                               ///< the user likes least are left out
    std::uint32_t response_context_bytes =
        131'072;                               ///< what is kept of a request and its answers;
                                               ///< over: 513, or an answer of its status alone
    Duration migration_patience = seconds{4};  ///< for a UA to answer a SUBSCRIBE in our place;
                                               ///< over: it is answered here
    std::uint32_t migrated_watchers = 200;  ///< that are sent to one UA when it comes; more: they
                                            ///< stay
    Duration timer_c = seconds{181};        ///< RFC 3261 16.6, an INVITE that rings; over: CANCEL

    // Rates: messages a second. 0: none. Exempt networks (StackOptions::exempt) have none.
    std::uint32_t rate_source = 500;  ///< from one address (IPv6: one /64), and by one
                                      ///< connection; ten times as many from one that proved an
                                      ///< identity lately. Over: a few are answered 503, the
                                      ///< rest dropped; a connection that goes on is closed
    std::uint32_t rate_user = 200;    ///< requests of one user; over: stateless 503
    std::uint32_t rate_strangers = 2'000;  ///< requests of all others together, outside of dialogs;
                                           ///< over: one in ten is answered 503, the rest dropped
    std::uint32_t rate_burst_s = 5;        ///< so many seconds' worth may come at once
    std::uint32_t rate_buckets = 16'384;   ///< sources and users that are not at rest; over: all
                                           ///< further ones share one bucket
    std::uint32_t known_sources = 16'384;  ///< that proved an identity lately; over: the one that
                                           ///< did so first is a stranger again
    Duration known_source_lifetime = seconds{7200};  ///< "lately": what was granted then may live

    // Event state. "Per user": of one authenticated user.
    std::uint32_t subscriptions = 100'000;               ///< over: 503
    std::uint32_t subscriptions_per_user = 1'000;        ///< over: 503
    std::uint32_t subscriptions_per_resource = 100'000;  ///< over: 503
    std::uint32_t resources = 100'000;                   ///< over: 503
    std::uint32_t undecided_watchers = 50'000;           ///< pending, or waiting (RFC 3857 4.7.1);
                                                ///< over: the one that has waited longest is given
                                                ///< up; where none waits: 503
    std::uint32_t undecided_watchers_per_user = 200;  ///< over: 503
    std::uint32_t ended_watchers = 10'000;  ///< that watcher information has yet to tell of; over:
                                            ///< it tells the whole state instead
    Duration watcher_giveup = seconds{604'800};  ///< undecided for so long: given up
    std::uint32_t unproven_peers = 1'024;  ///< hosts that a first NOTIFY is on its way to, though
                                           ///< nobody subscribes from there; over: it has failed,
                                           ///< and is tried again later
    std::uint32_t publications = 100'000;  ///< over: 503
    std::uint32_t publications_per_resource = 16;  ///< over: 403
    std::uint32_t publication_bytes = 16'384;      ///< over: 413
    std::uint32_t notify_body_bytes = 60'000;      ///< over: the document is left out
    std::uint32_t bindings = 100'000;              ///< over: 503
    std::uint32_t bindings_per_address = 10;       ///< over: 403
    std::uint32_t binding_bytes = 4'096;           ///< strings a binding keeps; over: 400
    std::uint32_t route_set = 16;                  ///< Record-Route values; over: 400
    std::uint32_t dialog_bytes = 4'096;            ///< strings a dialog keeps; over: 400

    // What we ask of others: the client side.
    std::uint32_t watches = 1'000;            ///< subscriptions of ours; over: subscribe() fails
    std::uint32_t own_publications = 1'000;   ///< over: publish() fails
    std::uint32_t own_registrations = 1'000;  ///< over: register_contact() fails
    std::uint32_t notices = 4'096;            ///< not yet read by the application; over: NOTIFY is
                                              ///< answered 503, any other news is dropped

    // Names (RFC 3263). Over: `overloaded` for who wanted to send there, or the answer cut short.
    std::uint32_t name_lookups = 4'096;         ///< under way; over: nothing is sent
    std::uint32_t name_questions = 1'024;       ///< unanswered; over: as if not answered
    std::uint32_t name_records = 64;            ///< of one answer; over: left out
    std::uint32_t name_cache_entries = 16'384;  ///< answers kept; over: the least recently
                                                ///< used goes
    std::size_t name_cache_bytes = std::size_t{8} << 20;  ///< the same
    Duration name_lookup_time = seconds{10};  ///< a whole lookup; over: what is known by then
    Duration name_address_wait = milliseconds{250};  ///< for the other family, once one is there
    Duration name_ttl_max = seconds{3600};           ///< an answer is kept no longer
    Duration name_negative_ttl_max = seconds{120};   ///< nor that there is none
    Duration name_failure_ttl = seconds{10};         ///< and that nobody answered
    std::uint32_t failed_targets = 256;         ///< remembered; over: the one that is due first
                                                ///< is forgotten
    Duration failed_target_time = seconds{60};  ///< tried last for so long (RFC 3263 4.3)
    Duration failed_target_time_max = seconds{3600};  ///< where a 503 says Retry-After

    // Authentication.
    std::uint32_t nonces = 16'384;           ///< tracked for nc; over: the oldest go stale
    Duration nonce_lifetime = seconds{300};  ///< older: 401 with stale=true

    // Timing. RFC 3261 table 4.
    Duration t1 = milliseconds{500};
    Duration t2 = seconds{4};
    Duration t4 = seconds{5};

    // Retry-After that comes with a 503 of ours.
    std::uint32_t retry_after_s = 5;
};

}  // namespace sip
