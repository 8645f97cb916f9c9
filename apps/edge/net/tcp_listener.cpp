#include "apps/edge/net/tcp_listener.hpp"

#include <cerrno>

namespace edge {

namespace {

// A storm of connections leaves the loop to others after so many.
constexpr int accepts_a_turn = 64;

}  // namespace

Outcome<TcpListener::Owned> TcpListener::open(uv_loop_t* loop, BoundSocket bound, User& user,
                                              const Options& options) {
    Owned listener(new TcpListener(std::move(bound), user, options));
    const int status = listener->start(loop);
    if (status != 0)
        return failure("cannot use " + to_text(listener->transport_, listener->local_) + ": " +
                       uv_strerror(status));
    return listener;
}

int TcpListener::start(uv_loop_t* loop) {
    readable_.data = this;
    const int status = uv_poll_init(loop, &readable_, fd_.get());
    if (status != 0) return status;
    has_handle_ = true;
    resume();
    return 0;
}

void TcpListener::resume() {
    if (!paused_) return;
    paused_ = false;
    uv_poll_start(&readable_, UV_READABLE, [](uv_poll_t* handle, int status, int) {
        static_cast<TcpListener*>(handle->data)->on_readable(status);
    });
}

void TcpListener::pause() {
    paused_ = true;
    uv_poll_stop(&readable_);
}

void TcpListener::on_readable(int status) {
    if (status < 0) {
        fail(-status);
        return;
    }
    for (int i = 0; i < accepts_a_turn && !paused_; ++i)
        if (!accept_one()) return;
}

bool TcpListener::accept_one() {
    if (!user_.may_accept(*this)) {
        pause();
        return false;
    }
    Descriptor connection(accept_(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (connection) {
        user_.accepted(*this, std::move(connection));
        return true;
    }
    switch (errno) {
        case EAGAIN: return false;
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM:
        case EBADF:
        case EINVAL:
        case ENOTSOCK: fail(errno); return false;
        default: return true;  // this one connection's error; accept(2) has a list of them
    }
}

void TcpListener::fail(int error) {
    pause();
    user_.accept_failed(*this, error);
}

void TcpListener::close() {
    if (!has_handle_) {
        delete this;
        return;
    }
    uv_close(reinterpret_cast<uv_handle_t*>(&readable_),
             [](uv_handle_t* handle) { delete static_cast<TcpListener*>(handle->data); });
}

}  // namespace edge
