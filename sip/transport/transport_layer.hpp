#pragma once

#include <array>
#include <optional>

#include "sip/base/hash_index.hpp"
#include "sip/base/ring.hpp"
#include "sip/base/slab.hpp"
#include "sip/base/tally.hpp"
#include "sip/base/token_bucket.hpp"
#include "sip/message/uri.hpp"
#include "sip/message/via.hpp"
#include "sip/transport/effects.hpp"
#include "sip/transport/flow_bond.hpp"
#include "sip/transport/listeners.hpp"
#include "sip/transport/neighbors.hpp"
#include "sip/transport/shard.hpp"
#include "sip/transport/source.hpp"
#include "sip/transport/stream_framer.hpp"

namespace sip {

/// Flows and what leaves by them (RFC 3261 18). Owns the connections' framing, their deadlines and
/// the queue of effects. Knows nothing of transactions.
class TransportLayer {
public:
    /// `part`: the number under which the timer queue names this layer.
    TransportLayer(Shard& shard, std::uint8_t part);
    ~TransportLayer();

    [[nodiscard]] bool add_listener(const Listeners::Listener& listener) {
        return listeners_.add(listener);
    }
    const Listeners& listeners() const { return listeners_; }
    /// As `sip::locate`; with the name that a TLS peer there has to prove.
    Expected<Target> locate(const Uri& uri) const;

    // Connections.
    /// A peer connected to us. FlowId{} when a limit refuses it: the edge closes it at once.
    FlowId accepted(const Now& now, Transport transport, Endpoint local, Endpoint remote);
    /// A connection that OpenFlow asked for stands; what waited for it is sent.
    void connected(const Now& now, FlowId flow, Endpoint local);
    /// The certificate of the peer of a TLS connection was checked, and proves these names (RFC
    /// 5922 7.1); none: it showed none. To be called before `connected` of one that we opened, and
    /// before its first bytes of one that was accepted. Names over a bound of 1,024 bytes are left
    /// out.
    void secured(FlowId flow, std::span<const std::string_view> names);
    /// Whether the peer of that connection proved to be `domain` (RFC 5922 7.2: the whole name,
    /// ignoring case).
    bool proves(FlowId flow, std::string_view domain) const;
    /// RFC 5923 8.2: a request came by `flow` whose top Via is `via`. Where that asks for an alias,
    /// and the peer showed a certificate, requests of ours for a domain that it proves, at the
    /// peer's address and the sent-by port, go by this connection. TLS alone: by TCP nobody proves
    /// who he is.
    void make_alias(FlowId flow, const Via& via);
    /// A connection that another worker holds brings us messages: what we send goes by it. Only
    /// that worker reads it, and knows whether its peer is there; we forget it (CloseFlow with
    /// `released`) once it has been idle, and nothing lives by it. `proved`: as `proved_names`
    /// there.
    FlowId mirrored(const Now& now, Transport transport, Endpoint local, Endpoint remote,
                    std::string_view proved);
    /// A message came by a mirrored connection.
    void heard(const Now& now, FlowId flow);
    /// Another worker may have something that lives by this connection: being idle does not end it.
    void hold(FlowId flow, bool on);
    /// What the peer of a TLS connection proved to be, each name behind a line feed.
    std::string_view proved_names(FlowId flow) const {
        const Flow* found = flows_.find(handle_of(flow));
        return found == nullptr ? std::string_view{} : found->names.view();
    }
    void set_neighbors(Neighbors* neighbors) { neighbors_ = neighbors; }
    /// The connection is gone, or never came to be. False: it was not known any more.
    bool closed(FlowId flow);
    /// Forgets the connection and tells the edge to close it. `why` is static text.
    void close(FlowId flow, std::string_view why);
    bool is_open(FlowId flow) const { return flows_.find(handle_of(flow)) != nullptr; }
    /// From now on the owner of `bond` lives by this connection, and by no other; by none where it
    /// is not known.
    void bind(FlowBond& bond, FlowId flow, const FlowBond::Owner& owner);
    static void release(FlowBond& bond) { bond.release(); }
    /// Whether anything is bound to it.
    bool is_bound(FlowId flow) const {
        const Flow* found = flows_.find(handle_of(flow));
        return found != nullptr && !found->bonds.alone();
    }
    /// The next owner of a bond to a connection that is gone; called until it gives nothing, after
    /// whatever may close one.
    std::optional<FlowBond::Owner> next_lost();
    bool has_lost() const { return !lost_.alone(); }
    /// RFC 5626 5.4: the peer sends keep-alives at least so often. Quiet for a quarter longer, its
    /// connection is closed, whatever is bound to it.
    void expect_keep_alives(const Now& now, FlowId flow, Duration every);
    /// RFC 5626 4.4.1: from now on a ping goes out on a connection of ours at random times, `every`
    /// apart at most and 80 % of it at least. Where a pong does not come within 10 s, the
    /// connection is closed; but as long as none ever came, only with `must_answer`.
    void keep_alive(const Now& now, FlowId flow, Duration every, bool must_answer);
    /// Where a message that came by `flow` came from; nothing when the flow is gone.
    std::optional<Source> source_of(FlowId flow) const;
    /// Of what came by it not all was looked at: `receive` no more of it until all was.
    bool is_behind(FlowId flow) const {
        const Flow* f = flows_.find(handle_of(flow));
        return f != nullptr && f->ready;
    }

    // Streams, inward. The bytes are kept; `next_message` gives what is complete.
    void receive(const Now& now, const Chunk& chunk);
    struct StreamMessage {
        Source source;
        Scan scan;
    };
    /// The next complete message of any connection; valid until the next call on this layer.
    /// Nothing also while effects wait: those go first.
    std::optional<StreamMessage> next_message(const Now& now, std::span<HeaderField> slots);

    /// Counts a message of a connection against what it may bring.
    enum class Taken : std::uint8_t {
        one,       ///< within its rate
        over,      ///< over it
        far_over,  ///< over it since so long that it is to be closed
    };
    Taken take_token(const Now& now, FlowId flow, const Rate& rate);

    // Outward.
    /// Sends to `target`; for a stream finds the flow, or opens one, and writes it to
    /// `target.flow`. False: nobody is there to send it (no such flow, no listener, no memory).
    [[nodiscard]] bool send(const Now& now, Target& target, const Packet& packet);
    /// Finds or opens the flow of a stream target without sending. False as above.
    [[nodiscard]] bool connect(const Now& now, Target& target);
    /// What of `packet`, sent to `target`, has not been given out yet never will be.
    void recall(const Target& target, const Packet& packet);
    /// Gives back memory that only a load of the past needed.
    void trim() {
        flows_.trim();
        by_remote_.trim();
        by_address_.trim();
        effects_.trim();
        ready_.trim();
        pong_ = {};
        ping_ = {};
    }
    [[nodiscard]] bool emit(Effect&& effect);
    bool has_effects() const { return !effects_.empty(); }
    std::optional<Effect> next_effect();

    /// A deadline of a flow fell due.
    void timer(const Now& now, Handle object);

    /// RFC 3261 18.1.1: a peer that takes large messages by UDP alone is remembered (threat 28).
    void remember_udp_only(const Endpoint& peer);
    bool is_udp_only(const Endpoint& peer) const;

    std::size_t flow_count() const { return flows_.size(); }
    /// Memory that holds what came by streams and was not handled yet.
    std::size_t stream_bytes() const { return stream_bytes_; }

private:
    enum class FlowTimer : std::uint8_t {
        connect,  ///< opened by us and not answered
        quiet,    ///< first byte, rest of a message, or idle: whichever is waited for
        ping,     ///< the next of ours is due, or the pong to the last is overdue
    };
    static constexpr std::size_t waiting_max = 8;
    /// Blank lines that are looked at together.
    static constexpr int blanks_max = 256;
    /// In the line of those whose bytes wait.
    struct Unfinished : Linked {
        Handle flow;
        std::size_t bytes = 0;  ///< as they are counted in stream_bytes_
    };
    struct Flow {
        Flow(Memory& memory, const Limits& limits) : framer(memory, limits) {}
        Transport transport = Transport::tcp;
        Endpoint local, remote;
        SharedBytes domain;            ///< TLS that we opened: whom the peer was to prove to be
        std::uint16_t alias_port = 0;  ///< RFC 5923: reached as this port of `remote` too; 0: not
        Block names;                   ///< TLS: what the peer proved to be, each behind a line feed
        StreamFramer framer;
        Timers<FlowTimer, 3> timers;
        std::array<Packet, waiting_max> waiting;  ///< until connected
        std::uint8_t waiting_count = 0;
        bool open = false;
        bool heard = false;         ///< any byte came in
        bool midway = false;        ///< a message is begun and not complete
        bool ready = false;         ///< stands in ready_
        bool may_lack_pong = true;  ///< its peer never answered a ping
        bool awaits_pong = false;
        bool mirrored = false;   ///< another worker holds it
        bool held = false;       ///< it is mirrored at another worker
        Duration quiet_max{};    ///< expect_keep_alives; 0: not asked for
        Duration ping_every{};   ///< keep_alive; 0: none are sent
        TokenBucket tokens;      ///< what it may bring
        std::uint16_t over = 0;  ///< how much it brought over that, since the bucket was full
        Linked bonds;            ///< head of the list of what lives by it
        Unfinished unfinished;
    };
    static FlowId id_of(Handle handle) {
        return FlowId{(static_cast<std::uint64_t>(handle.generation) << 32 | handle.index)};
    }
    static Handle handle_of(FlowId flow) {
        const auto value = static_cast<std::uint64_t>(flow);
        if (value == 0) return {};
        return {static_cast<std::uint32_t>(value), static_cast<std::uint32_t>(value >> 32)};
    }
    std::uint64_t hash_of(Transport transport, const Endpoint& remote) const;
    std::uint64_t hash_of(const Address& address) const;
    FlowId make(Transport transport, Endpoint local, Endpoint remote, bool mirrored = false);
    void forget(Handle handle);
    bool leads_to(std::uint32_t index, const Target& target);
    void watch_quiet(const Now& now, Flow& flow);
    void plan_ping(const Now& now, Flow& flow);
    bool heard_blank(const Now& now, Flow& flow, bool is_double);
    void transmit_pongs(FlowId id, Flow& flow, std::size_t count);
    StreamFramer::Next read(const Now& now, FlowId id, Flow& flow, std::span<HeaderField> slots);
    /// False: the connection was closed, for a pong that did not come.
    bool ping(const Now& now, FlowId id, Flow& flow);
    [[nodiscard]] bool transmit_blank(FlowId id, Flow& flow, Packet& shared, std::string_view text);
    void count_bytes(Flow& flow);
    void bound_bytes();
    [[nodiscard]] bool transmit(FlowId id, Flow& flow, const Packet& packet);

    Shard& shard_;
    std::uint8_t part_;
    Neighbors* neighbors_ = nullptr;
    Listeners listeners_;
    Slab<Flow> flows_;
    HashIndex by_remote_;
    Tally by_address_;
    Ring<Effect> effects_;
    Ring<FlowId> ready_;
    Linked lost_;        ///< head: bonds to connections that are gone
    Linked unfinished_;  ///< head: connections with bytes that wait, longest without progress first
    std::size_t stream_bytes_ = 0, stream_bytes_max_;
    Packet pong_, ping_;  ///< one for all, made for the first
    std::array<Endpoint, 256> udp_only_{};
};

/// How long a connection that we open may take to stand (threat 28).
inline constexpr Duration connect_timeout = seconds{2};
/// RFC 5626 4.4.1: how long a ping may go unanswered.
inline constexpr Duration pong_timeout = seconds{10};
/// And how often they are sent where the server does not say.
inline constexpr Duration ping_default = seconds{120};
/// With TLS, whose handshake has a deadline of the edge's before that; nothing is tried instead.
inline constexpr Duration secure_connect_timeout = seconds{12};

}  // namespace sip
