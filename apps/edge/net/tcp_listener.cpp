#include "apps/edge/net/tcp_listener.hpp"

namespace edge {

namespace {

constexpr int backlog = 1024;

}  // namespace

Outcome<TcpListener::Owned> TcpListener::open(uv_loop_t* loop, BoundSocket bound, User& user) {
    Owned listener(new TcpListener(bound.transport, bound.local, user));
    const int status = listener->start(loop, std::move(bound.fd));
    if (status != 0)
        return failure("cannot use " + to_text(bound.transport, bound.local) + ": " +
                       uv_strerror(status));
    return listener;
}

int TcpListener::start(uv_loop_t* loop, Descriptor fd) {
    handle_.data = this;
    int status = uv_tcp_init(loop, &handle_);
    if (status != 0) return status;
    has_handle_ = true;
    status = uv_tcp_open(&handle_, fd.get());
    if (status != 0) return status;
    fd.release();
    return uv_listen(stream(), backlog, [](uv_stream_t* handle, int listen_status) {
        auto& self = *static_cast<TcpListener*>(handle->data);
        if (listen_status == 0)
            self.user_.incoming(self);
        else
            self.user_.accept_failed(self, listen_status);
    });
}

void TcpListener::close() {
    if (!has_handle_) {
        delete this;
        return;
    }
    uv_close(reinterpret_cast<uv_handle_t*>(&handle_),
             [](uv_handle_t* handle) { delete static_cast<TcpListener*>(handle->data); });
}

}  // namespace edge
