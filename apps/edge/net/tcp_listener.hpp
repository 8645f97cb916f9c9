#pragma once

#include <uv.h>

#include <memory>

#include "apps/edge/net/bind.hpp"
#include "sip/base/ids.hpp"

namespace edge {

/// One listening stream socket. A connection that its user does not take at once waits, and
/// everybody behind it in the kernel's backlog: that is how accepting pauses.
class TcpListener {
public:
    class User {
    public:
        /// A connection waits: pass `stream()` to TcpConnection::accept now, or later.
        virtual void incoming(TcpListener& listener) = 0;
        virtual void accept_failed(TcpListener& listener, int status) = 0;

    protected:
        ~User() = default;
    };
    struct Closer {
        void operator()(TcpListener* listener) const { listener->close(); }
    };
    using Owned = std::unique_ptr<TcpListener, Closer>;

    /// Takes `bound.fd` over. `user` outlives the loop.
    static Outcome<Owned> open(uv_loop_t* loop, BoundSocket bound, User& user);

    const sip::Endpoint& local() const { return local_; }
    sip::Transport transport() const { return transport_; }
    uv_stream_t* stream() { return reinterpret_cast<uv_stream_t*>(&handle_); }
    bool waiting = false;  ///< the user's: a connection was left for later

private:
    TcpListener(sip::Transport transport, const sip::Endpoint& local, User& user)
        : transport_(transport), local_(local), user_(user) {}
    int start(uv_loop_t* loop, Descriptor fd);
    void close();

    uv_tcp_t handle_{};
    bool has_handle_ = false;
    sip::Transport transport_;
    sip::Endpoint local_;
    User& user_;
};

}  // namespace edge
