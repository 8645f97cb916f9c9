#pragma once

#include <array>
#include <optional>
#include <span>
#include <string_view>

#include "sip/base/small_vector.hpp"
#include "sip/transaction/core.hpp"
#include "sip/transaction/forwarder.hpp"
#include "sip/transaction/gate.hpp"
#include "sip/transaction/transaction_user.hpp"
#include "sip/transport/admission.hpp"
#include "sip/transport/effects.hpp"

namespace sip {

struct StackOptions {
    Limits limits;
    Leniency leniency;
    /// A store takes Commit effects and answers with committed or failed. Without one, every
    /// change is durable at once.
    bool has_store = false;
    /// RFC 5630 5.1.2: requests to a SIP Request-URI are refused, SIPS is wanted.
    bool sips_only = false;
    Tracer* tracer = nullptr;  ///< may be null; outlives the stack
    /// The Server header field of our responses; empty: none. Static or outliving the stack.
    std::string_view server_name;
    WorkerPlace place;  ///< among the workers of one server
    /// What they count together; outlives the stack. Null: each counts for itself.
    CommonCounts* common_counts = nullptr;
    /// Networks that rates and quotas by address are not for: ourselves, a proxy in front of all.
    AddressRanges exempt;
    /// Where all memory comes from; its own, and outlives the stack. Empty: from `malloc`.
    std::span<std::byte> arena;
};

/// The front door of the core: bytes and time in, effects out. Does no I/O. Same inputs at the
/// same instants with the same entropy give the same effects, byte for byte.
///
/// After each input call `poll` until it gives nothing, then wait for the next input or for
/// `deadline`. Single-threaded; any number of stacks may live beside one another.
class Stack {
public:
    Stack(const StackOptions& options, Entropy& entropy);
    Stack(const Stack&) = delete;
    Stack& operator=(const Stack&) = delete;
    ~Stack();

    // Set up, before the first input.
    [[nodiscard]] bool add_listener(const Listeners::Listener& listener) {
        return transport_.add_listener(listener);
    }
    /// Who answers requests of `methods`, and gets what belongs to part number `attach` returns.
    /// 0: the table is full. `user` outlives the stack's last call.
    std::uint8_t attach(TransactionUser& user, std::span<const Method> methods);
    /// Who proves identities. None: every request passes with its From as identity.
    void set_gate(Gate* gate) { gate_ = gate; }
    /// Who carries on what is for others. None: it is refused as any other request.
    void set_forwarder(Forwarder* forwarder) { forwarder_ = forwarder; }
    /// The hosts besides our listeners' that an OPTIONS may be for; another is answered 404 (RFC
    /// 3261 8.2.2.1). None: any may. The texts outlive the stack.
    void set_domains(std::span<const std::string_view> domains) { domains_ = domains; }
    /// Option tags of Supported and Require that are served; static text.
    void set_supported(std::span<const std::string_view> tags) { supported_ = tags; }
    /// Writes header fields that 2xx to OPTIONS, 489 and 405 carry: set by the event framework.
    void set_capabilities(const OptionsFields* capabilities) { capabilities_ = capabilities; }
    /// The other workers; what they own is handed to them. None: all is ours.
    void set_neighbors(Neighbors* neighbors) {
        neighbors_ = neighbors;
        transport_.set_neighbors(neighbors);
    }
    SIP_CALL_FOR_SIZE Core core() {
        return {shard_, transport_, servers_, clients_, staging_, locator_, admission_};
    }

    // Inputs.
    void input(const Now& now, const Datagram& in);
    void input(const Now& now, const Chunk& in);
    /// Of what came by a connection not all was looked at. Whoever cannot `poll` until there is
    /// nothing, reads no more from the connection until this is false: what waits is bounded, and
    /// a connection that is over the bound is closed.
    bool is_behind(FlowId flow) const { return transport_.is_behind(flow); }
    /// A peer connected. FlowId{}: refused by a limit, close it.
    FlowId accepted(const Now& now, Transport transport, Endpoint local, Endpoint remote);
    /// A message that another worker received, and we own (Neighbors): a datagram at `source`, or
    /// one that came by a connection there, whose number is `mirrored` here.
    void take_over(const Now& now, const Source& source, std::string_view bytes);
    /// Such a connection is new here; see TransportLayer::mirrored. FlowId{}: refused by a limit.
    FlowId mirrored(const Now& now, Transport transport, Endpoint local, Endpoint remote,
                    std::string_view proved);
    /// TransportLayer::expect_keep_alives, for the worker that a connection of ours is mirrored at.
    void expect_keep_alives(const Now& now, FlowId flow, Duration every);
    /// The connection that an OpenFlow effect asked for stands.
    void connected(const Now& now, FlowId flow, Endpoint local);
    /// What the certificate of a TLS peer proves; see TransportLayer::secured.
    void secured(const Now& now, FlowId flow, std::span<const std::string_view> names);
    /// An answer to a Resolve effect.
    void resolved(const Now& now, const NameAnswer& answer);
    /// A connection ended, or could not be opened, or could not be written to.
    void closed(const Now& now, FlowId flow);
    /// A datagram did not arrive. A hint: see ClientTransactions::unreachable.
    void unreachable(const Now& now, const Unreachable& in);
    /// The same, from the worker whose socket was told.
    void take_over(const Now& now, const Unreachable& in);
    /// The records of `id` are durable: what waited for them is released.
    void committed(const Now& now, CommitId id);
    /// They are not: the staged change is undone, and its requester answered 500.
    void failed(const Now& now, CommitId id);
    /// Time moved on. `now.mono` never goes backwards.
    void advance(const Now& now);

    // Outputs.
    /// The next effect. Timers that are due fire here, one by one, and messages that wait (the
    /// NOTIFYs) are written here, so a slow edge holds them back by not asking. Where much work
    /// brings about no effect it gives nothing before all is done, and `deadline` is at once: so
    /// other inputs are not kept waiting.
    std::optional<Effect> poll(const Now& now);
    /// Gives back the memory that only a load of the past needed: of each kind of object, if none
    /// is left. For when it is quiet; nothing depends on it.
    void trim();
    /// When to call advance() next; empty when nothing is pending.
    std::optional<Instant> deadline();
    /// The same, or earlier: for a loop that would ask often, and may wake for nothing now and
    /// then.
    std::optional<Instant> deadline_at_least() const;

    const Counters& counters() const { return shard_.counters; }
    /// Limits::reserve: there was memory for all of it. To be asked when every part is made.
    bool has_room() const { return shard_.has_room; }
    Shard& shard() { return shard_; }
    TransportLayer& transport() { return transport_; }
    const TransportLayer& transport() const { return transport_; }
    ServerTransactions& servers() { return servers_; }
    ClientTransactions& clients() { return clients_; }
    Admission& admission() { return admission_; }

private:
    static constexpr std::size_t users_max = 12;
    static constexpr std::uint8_t transport_part = 1, server_part = 2, client_part = 3,
                                  locator_part = 4, first_user_part = 5;
    static constexpr std::size_t headers_max = 256;
    /// So many pieces of work, which may have no effect, are done in a row: some 2 ms.
    static constexpr int pieces_max = 32;

    void see(const Now& now);
    std::span<HeaderField> slots();
    void count_limit(const Error& error);
    void handle(const Now& now, const Scan& scan, const Source& source);
    void take(const Now& now, const TransportLayer::StreamMessage& message);
    bool is_for_another(const Scan& scan, const Source& source);
    void handle_response(const Now& now, const MessageView& message, const Source& source);
    void handle_request(const Now& now, const Scan& scan, const Source& source);
    void handle_cancel(const Now& now, const MessageView& message, const Source& source,
                       const ServerTransactions::Matched& matched);
    void admit(const Now& now, Request& request);
    bool may_bring(const Now& now, const TransportLayer::StreamMessage& message);
    bool may_ask(const Now& now, const MessageView& message, const Source& source);
    bool belongs(const Request& request) const;
    void refuse_for_rate(const Now& now, const Scan& scan, const Source& source);
    void dispatch(const Now& now, Request& request);
    void answer_generally(const Now& now, const Request& request, const Fault& error);
    void resume(const Now& now, Staging::Waiting& waiting);
    /// Answers what never got as far as a transaction, and keeps nothing of it.
    void refuse_stateless(const Now& now, const MessageView& message, const Source& source,
                          const Error& error);
    Fault check_scheme(const Request& request) const;
    bool is_for_us(const Uri& request_uri) const;
    Fault check_require(const Request& request) const;
    TransactionUser* user_of(Method method) const;
    TransactionUser* user_at(std::uint8_t part) const;
    bool work(const Now& now);
    void fire(const Now& now, const TimerQueue::Due& due);
    void report(const Now& now, const ClientTransactions::Report& report);
    void tell_of_lost(const Now& now);
    void tell(const Now& now, const FlowBond::Owner& lost);
    void tell_of_located(const Now& now);
    void trace_in(const Now& now, const Source& source, std::string_view bytes);

    Shard shard_;
    Admission admission_;
    TransportLayer transport_;
    ServerTransactions servers_;
    ClientTransactions clients_;
    Staging staging_;
    Locator locator_;
    Gate* gate_ = nullptr;
    Forwarder* forwarder_ = nullptr;
    Neighbors* neighbors_ = nullptr;
    const OptionsFields* capabilities_ = nullptr;
    std::span<const std::string_view> supported_, domains_;
    std::string_view server_name_;
    bool sips_only_;
    SmallVector<TransactionUser*, users_max> users_, pullers_;
    std::array<std::uint8_t, 16> user_by_method_{};
    std::array<HeaderField, headers_max> slots_{};
    Instant last_{Instant::min()};
    bool unfinished_ = false;  ///< the last poll ended before its work did
};

}  // namespace sip
