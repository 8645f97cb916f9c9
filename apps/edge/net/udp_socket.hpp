#pragma once

#include <sys/socket.h>
#include <uv.h>

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "apps/edge/net/address.hpp"
#include "apps/edge/net/bind.hpp"
#include "apps/edge/net/net_counters.hpp"
#include "sip/base/clock.hpp"
#include "sip/transport/effects.hpp"

namespace edge {

/// No datagram is larger.
inline constexpr std::size_t datagram_bytes = std::size_t{64} << 10;
/// What one recvmmsg takes. Of each datagram's room only the pages that it fills are ever touched.
inline constexpr std::size_t receive_batch = 32;
inline constexpr std::size_t receive_slab_bytes = receive_batch * datagram_bytes;

/// One bound datagram socket: receives and sends in batches by itself, woken by libuv.
class UdpSocket {
public:
    class User {
    public:
        /// Where to receive: at least `receive_slab_bytes`, unused until `received_all`.
        virtual std::span<char> receive_slab() = 0;
        /// A batch follows. `is_full`: there may be more behind it.
        virtual void receiving(bool is_full) = 0;
        /// `bytes` stand in the slab and are valid for this call.
        virtual void received(UdpSocket& socket, const sip::Endpoint& from,
                              std::span<const char> bytes) = 0;
        /// What had come has been given, or as much of it as one turn takes.
        virtual void received_all() = 0;
        /// An ICMP error: a datagram to `to` did not arrive. `quoted`: as much of its start as came
        /// back, valid for this call.
        virtual void unreachable(UdpSocket& socket, const sip::Endpoint& to,
                                 std::span<const char> quoted) = 0;
        /// What waited could be sent; asked-for effects may flow again.
        virtual void sendable() = 0;

    protected:
        ~User() = default;
    };
    using SendMany = int (*)(int, mmsghdr*, unsigned, int);
    struct Options {
        std::size_t queue_max = 4'096;                ///< datagrams that wait while blocked
        sip::Duration blocked_max = sip::seconds{2};  ///< then what waits is dropped
        SendMany send_many = nullptr;                 ///< null: ::sendmmsg
    };
    /// Closes the handles and deletes the socket when libuv lets go of them.
    struct Closer {
        void operator()(UdpSocket* socket) const { socket->close(); }
    };
    using Owned = std::unique_ptr<UdpSocket, Closer>;

    /// Takes `bound.fd` over. `user` and `counters` outlive the loop.
    static Outcome<Owned> open(uv_loop_t* loop, BoundSocket bound, sip::ListenerId id, User& user,
                               NetCounters& counters, const Options& options);

    sip::ListenerId id() const { return id_; }
    const sip::Endpoint& local() const { return local_; }

    /// Queues a datagram; a full batch is sent at once. Over the bound it is dropped and counted.
    void send(const sip::Endpoint& to, sip::Packet packet);
    /// Sends what is queued, as far as the kernel takes it.
    void flush();
    /// Takes what has come, or as much of it as one turn takes; also called when there is nothing.
    void receive();
    /// There was more than one turn takes.
    bool is_behind() const { return is_behind_; }
    /// No more should be asked for until `sendable`.
    bool is_full() const { return blocked_ && queued() >= options_.queue_max; }
    std::size_t queued() const { return queue_.size() - next_; }
    /// When to call `expire`; `never` when nothing is blocked.
    sip::Instant blocked_until() const { return blocked_until_; }
    /// Drops what has waited for too long.
    void expire(sip::Instant now);

private:
    struct Outgoing {
        sip::Endpoint to;
        sip::Packet packet;
    };
    static constexpr std::size_t send_batch_max = 64;
    /// What the kernel is told of a batch; kept, since only parts of it change.
    struct Receiving {
        std::array<mmsghdr, receive_batch> messages;
        std::array<SocketAddress, receive_batch> from;
        std::array<iovec, receive_batch> rooms;
    };
    struct Sending {
        std::array<mmsghdr, send_batch_max> messages;
        std::array<SocketAddress, send_batch_max> to;
        std::array<iovec, 2 * send_batch_max> pieces;
    };

    UdpSocket(sip::ListenerId id, const sip::Endpoint& local, User& user, NetCounters& counters,
              const Options& options)
        : id_(id), local_(local), user_(user), counters_(counters), options_(options) {}
    int start(uv_loop_t* loop, Descriptor fd);
    void close();
    void watch();
    void on_ready(int status, int events);
    /// True: go on, there may be more.
    bool receive_batch_of(std::span<char> slab);
    void prepare_receiving(std::span<char> slab);
    /// Takes what the kernel kept of ICMP errors, and says how many there were.
    int take_errors();
    void send_batches();
    /// Sends as much as one call takes. True: go on with what is left.
    bool send_batch();
    void drop_first(std::size_t count);
    sip::Instant blocked_from_now() const;
    void block();
    void unblock();
    void drop_all();

    uv_poll_t poll_{};
    Descriptor fd_;
    bool has_handle_ = false;
    bool is_behind_ = false;
    sip::ListenerId id_;
    sip::Endpoint local_;
    User& user_;
    NetCounters& counters_;
    Options options_;
    std::vector<Outgoing> queue_;  ///< those before `next_` have left
    std::size_t next_ = 0;
    bool blocked_ = false;
    bool met_error_ = false;  ///< the datagram at the front met another one's ICMP error
    sip::Instant blocked_until_ = sip::never;
    const char* prepared_ = nullptr;  ///< the slab that receiving_ points into
    Receiving receiving_;
    Sending sending_;
};

}  // namespace edge
