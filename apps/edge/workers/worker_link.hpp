#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "apps/edge/net/net_counters.hpp"
#include "apps/edge/net/relay.hpp"
#include "apps/edge/workers/byte_ring.hpp"
#include "sip/stack.hpp"

namespace edge {

/// The rings between the workers of one server: one from each to each other.
class WorkerRings {
public:
    explicit WorkerRings(unsigned workers, std::size_t ring_bytes = 0);
    unsigned workers() const { return workers_; }
    ByteRing& between(unsigned from, unsigned to) { return *rings_[from * workers_ + to]; }

private:
    unsigned workers_;
    std::vector<std::unique_ptr<ByteRing>> rings_;
};

/// One worker's end of the rings: what its stack hands over goes out by it, and what others handed
/// over comes in. It keeps which connection here is which connection there: a connection is held,
/// read and written by one worker, and mirrored at each that got a message by it, until that one
/// forgets it or the connection goes. No sockets and no threads in here.
class WorkerLink final : public sip::Neighbors, public Relay {
public:
    /// All outlive this. `wake`: has `take` called at that worker, soon.
    WorkerLink(sip::Stack& stack, WorkerRings& rings, RelayedConnections& connections,
               NetCounters& counters, std::function<void(unsigned worker)> wake);

    // Of our stack: sip::Neighbors.
    void hand_over(unsigned worker, const sip::Source& source, std::string_view bytes,
                   std::string_view proved) override;
    void hand_over(unsigned worker, const sip::Unreachable& error) override;
    bool has_room() const override;
    void expect_keep_alives(sip::FlowId mirrored, sip::Duration every) override;

    // Of our driver: Relay.
    bool transmit(sip::FlowId flow, const sip::Packet& packet) override;
    bool close(sip::FlowId flow, bool released) override;
    void gone(sip::FlowId flow) override;
    bool take(const sip::Now& now) override;
    bool end_turn() override;

    /// Connections that others hold, and that our stack knows.
    std::size_t mirrored() const { return mirrors_.size(); }
    /// Our connections that others know.
    std::size_t told() const { return told_.size(); }

private:
    enum class Kind : std::uint8_t {
        message,      ///< for the owner
        error,        ///< ICMP, for the owner
        gone,         ///< a connection of the sender's
        write,        ///< bytes for a connection of the receiver's
        close,        ///< such a connection is to be closed
        release,      ///< it is forgotten at the sender, after `count` messages
        keep_alives,  ///< it is expected to bring them, `every` so often
    };
    struct Head {
        Kind kind{};
        sip::Transport transport{};
        sip::ListenerId listener{};
        std::uint32_t proved_size = 0;
        std::uint32_t count = 0;
        sip::FlowId flow{};
        sip::Duration every{};
        sip::Endpoint local, remote;
    };
    /// A connection of another worker's, as it is known there.
    struct Mirror {
        unsigned holder = 0;
        sip::FlowId there{};
        std::uint32_t count = 0;  ///< of the last message by it
    };
    struct There {
        unsigned holder;
        sip::FlowId flow;
        bool operator==(const There&) const = default;
    };
    struct HashThere {
        std::size_t operator()(const There& there) const {
            return std::hash<std::uint64_t>{}(static_cast<std::uint64_t>(there.flow) ^
                                              std::uint64_t{there.holder} << 58);
        }
    };
    /// Of a connection of ours: who knows it, and how many messages by it were handed there.
    struct Told {
        unsigned worker;
        std::uint32_t count;
    };

    std::uint32_t count_message(sip::FlowId flow, unsigned worker);
    bool push(unsigned worker, const Head& head, std::string_view first, std::string_view second);
    void send(unsigned worker, const Head& head, std::string_view first = {},
              std::string_view second = {});
    bool send_kept(unsigned worker);
    void handle(const sip::Now& now, unsigned from, std::span<const char> record);
    void take_message(const sip::Now& now, unsigned from, const Head& head, std::string_view rest);
    void take_release(unsigned from, const Head& head);
    void take_gone(const sip::Now& now, unsigned from, sip::FlowId flow);
    sip::FlowId mirror(const sip::Now& now, unsigned from, const Head& head,
                       std::string_view proved);

    sip::Stack& stack_;
    WorkerRings& rings_;
    RelayedConnections& connections_;
    std::function<void(unsigned)> wake_;
    unsigned self_;
    std::size_t message_max_;                    ///< a record of one, at most
    std::vector<bool> written_;                  ///< by worker: it is to be woken
    std::vector<std::deque<std::string>> kept_;  ///< by worker: what waits for room
    std::unordered_map<sip::FlowId, Mirror> mirrors_;
    std::unordered_map<There, sip::FlowId, HashThere> by_there_;
    std::unordered_map<sip::FlowId, std::vector<Told>> told_;
    NetCounters& counters_;
    mutable bool starved_ = false;  ///< somebody was told that there is no room
};

}  // namespace edge
