#pragma once

#include <sys/socket.h>
#include <uv.h>

#include <memory>

#include "apps/edge/net/bind.hpp"
#include "sip/base/ids.hpp"

namespace edge {

/// One listening stream socket. Accepts by itself and not through libuv, which tries again without
/// end where the system has no descriptor or memory for a connection. While it is paused,
/// connections wait in the kernel's backlog.
class TcpListener {
public:
    class User {
    public:
        /// A connection waits. False: not now; the listener pauses.
        virtual bool may_accept(TcpListener& listener) = 0;
        virtual void accepted(TcpListener& listener, Descriptor connection) = 0;
        /// Out of descriptors or memory, or the socket is broken: the listener pauses.
        virtual void accept_failed(TcpListener& listener, int error) = 0;

    protected:
        ~User() = default;
    };
    using Accept = int (*)(int, sockaddr*, socklen_t*, int);
    struct Options {
        Accept accept = nullptr;  ///< null: ::accept4
    };
    struct Closer {
        void operator()(TcpListener* listener) const { listener->close(); }
    };
    using Owned = std::unique_ptr<TcpListener, Closer>;

    /// Takes `bound.fd` over. `user` outlives the loop.
    static Outcome<Owned> open(uv_loop_t* loop, BoundSocket bound, User& user,
                               const Options& options);

    const sip::Endpoint& local() const { return local_; }
    sip::Transport transport() const { return transport_; }
    bool is_paused() const { return paused_; }
    void resume();

private:
    TcpListener(BoundSocket bound, User& user, const Options& options)
        : fd_(std::move(bound.fd)),
          transport_(bound.transport),
          local_(bound.local),
          user_(user),
          accept_(options.accept != nullptr ? options.accept : ::accept4) {}
    int start(uv_loop_t* loop);
    void close();
    void on_readable(int status);
    /// False: no more for now.
    bool accept_one();
    void fail(int error);
    void pause();

    uv_poll_t readable_{};
    Descriptor fd_;
    bool has_handle_ = false;
    bool paused_ = true;
    sip::Transport transport_;
    sip::Endpoint local_;
    User& user_;
    Accept accept_;
};

}  // namespace edge
