#pragma once

#include <sys/socket.h>
#include <uv.h>

#include <cstddef>
#include <deque>
#include <memory>
#include <span>

#include "apps/edge/net/bind.hpp"
#include "apps/edge/net/net_counters.hpp"
#include "sip/base/clock.hpp"
#include "sip/transport/effects.hpp"

namespace edge {

/// libuv gives a datagram at most this much room.
inline constexpr std::size_t datagram_bytes = std::size_t{64} << 10;
/// What one recvmmsg of libuv fills: 20 datagrams.
inline constexpr std::size_t receive_slab_bytes = 20 * datagram_bytes;

/// One bound datagram socket: receives in batches through libuv, sends in batches by itself.
class UdpSocket {
public:
    class User {
    public:
        /// Where to receive: at least `receive_slab_bytes`, unused until `batch_done`.
        virtual std::span<char> receive_slab() = 0;
        /// `bytes` stand in the slab and are valid for this call.
        virtual void received(UdpSocket& socket, const sip::Endpoint& from,
                              std::span<const char> bytes) = 0;
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
    /// No more should be asked for until `sendable`.
    bool is_full() const { return blocked_ && queue_.size() >= options_.queue_max; }
    std::size_t queued() const { return queue_.size(); }
    /// When to call `expire`; `never` when nothing is blocked.
    sip::Instant blocked_until() const { return blocked_until_; }
    /// Drops what has waited for too long.
    void expire(sip::Instant now);

private:
    struct Outgoing {
        sip::Endpoint to;
        sip::Packet packet;
    };
    static constexpr std::size_t batch = 64;

    UdpSocket(sip::ListenerId id, const sip::Endpoint& local, User& user, NetCounters& counters,
              const Options& options)
        : id_(id), local_(local), user_(user), counters_(counters), options_(options) {}
    int start(uv_loop_t* loop, Descriptor fd);
    void close();
    static void on_closed(uv_handle_t* handle);
    void on_received(ssize_t size, const uv_buf_t* buffer, const sockaddr* from, unsigned flags);
    /// Takes what the kernel kept of ICMP errors, and says how many there were.
    int take_errors();
    void watch_writable();
    void on_writable(int status);
    void send_batches();
    /// Sends the first `count`. True: go on with what is left.
    bool send_batch(std::size_t count);
    sip::Instant blocked_from_now() const;
    void block();
    void unblock();
    void drop_all();

    uv_udp_t handle_{};
    uv_poll_t writable_{};  ///< on a duplicate of the descriptor: libuv watches each one once
    Descriptor watched_;
    int fd_ = -1;  ///< the handle's
    int open_handles_ = 0;
    sip::ListenerId id_;
    sip::Endpoint local_;
    User& user_;
    NetCounters& counters_;
    Options options_;
    std::deque<Outgoing> queue_;
    bool received_any_ = false;  ///< since the loop woke
    bool blocked_ = false;
    bool met_error_ = false;  ///< the datagram at the front met another one's ICMP error
    sip::Instant blocked_until_ = sip::never;
};

}  // namespace edge
