#include "apps/edge/net/tcp_connection.hpp"

#include <algorithm>
#include <memory>

#include "apps/edge/net/address.hpp"

namespace edge {

namespace {

TcpConnection& self_of(void* data) { return *static_cast<TcpConnection*>(data); }

void add_piece(std::vector<uv_buf_t>& pieces, std::string_view bytes) {
    if (!bytes.empty())
        pieces.push_back(
            uv_buf_init(const_cast<char*>(bytes.data()), static_cast<unsigned>(bytes.size())));
}

}  // namespace

int TcpConnection::init(uv_loop_t* loop) {
    handle_.data = this;
    const int status = uv_tcp_init(loop, &handle_);
    if (status == 0) state_ = State::idle;
    return status;
}

int TcpConnection::accept(uv_loop_t* loop, Descriptor accepted) {
    int status = init(loop);
    if (status == 0) status = uv_tcp_open(&handle_, accepted.get());
    if (status != 0) return status;
    const int fd = accepted.release();
    local_ = local_endpoint(fd);
    remote_ = remote_endpoint(fd);
    uv_tcp_nodelay(&handle_, 1);
    state_ = State::open;
    return remote_.port == 0 ? UV_ENOTCONN : 0;
}

int TcpConnection::connect(uv_loop_t* loop, const sip::Endpoint& to) {
    int status = init(loop);
    if (status != 0) return status;
    remote_ = to;
    connect_.data = this;
    const SocketAddress address = to_socket_address(to);
    status = uv_tcp_connect(&connect_, &handle_, address.get(), [](uv_connect_t* request, int s) {
        self_of(request->data).on_connected(s);
    });
    if (status != 0) return status;
    state_ = State::connecting;
    opening_ = true;
    return 0;
}

void TcpConnection::on_connected(int status) {
    if (is_closing()) return;
    if (status == 0) {
        int fd = -1;
        uv_fileno(reinterpret_cast<uv_handle_t*>(&handle_), &fd);
        local_ = local_endpoint(fd);
        uv_tcp_nodelay(&handle_, 1);
        state_ = State::open;
        if (tls_) {
            start();
            tls_->start();
            send_ciphertext();
            return;
        }
    }
    opening_ = false;
    user_.opened(*this, status);
}

void TcpConnection::pause() {
    if (state_ == State::open) uv_read_stop(stream());
}

int TcpConnection::start() {
    return uv_read_start(
        stream(),
        [](uv_handle_t* handle, std::size_t suggested, uv_buf_t* buffer) {
            const auto slab = self_of(handle->data).user_.receive_slab();
            *buffer =
                uv_buf_init(slab.data(), static_cast<unsigned>(std::min(slab.size(), suggested)));
        },
        [](uv_stream_t* handle, ssize_t size, const uv_buf_t* buffer) {
            self_of(handle->data).on_read(size, buffer->base);
        });
}

void TcpConnection::on_read(ssize_t size, const char* bytes) {
    if (size < 0) {
        on_end_of_stream(size);
        return;
    }
    if (size == 0 || state_ != State::open || told_ended_) return;
    const std::span got{bytes, static_cast<std::size_t>(size)};
    if (tls_)
        on_ciphertext(got);
    else
        user_.received(*this, got);
}

void TcpConnection::on_end_of_stream(ssize_t why) {
    peer_ended_ = true;
    uv_read_stop(stream());
    if (state_ == State::open && is_handshaking())
        fail_handshake("it closed the connection during the TLS handshake");
    else if (state_ == State::open)
        end(why == UV_EOF ? Ended::peer_closed : Ended::failed);
    else if (state_ == State::closing && (shut_down_ || why != UV_EOF))
        close_handle();
}

// ---- TLS ----------------------------------------------------------------------------------------

void TcpConnection::on_ciphertext(std::span<const char> bytes) {
    const bool handshaking = is_handshaking();
    tls_->receive(bytes);
    send_ciphertext();
    const auto usable = [this] { return state_ == State::open && !told_ended_; };
    if (!usable() || (handshaking && !tell_of_handshake())) return;
    for (;;) {
        const auto plain = tls_->read(user_.plaintext_slab());
        if (plain.empty()) break;
        user_.received(*this, plain);
        if (!usable()) return;
    }
    // RFC 8446 4.6.3: a key update is answered.
    send_ciphertext();
    if (!usable()) return;
    if (tls_->state() == TlsSession::State::ended) end(Ended::peer_closed);
    if (tls_->state() == TlsSession::State::failed) end(Ended::failed);
}

bool TcpConnection::tell_of_handshake() {
    if (tls_->state() == TlsSession::State::handshake) return true;
    if (tls_->state() == TlsSession::State::failed) {
        fail_handshake(tls_->error());
        return false;
    }
    user_.secured(*this);
    if (state_ == State::open && opening_) {
        opening_ = false;
        user_.opened(*this, 0);
    }
    flush();
    return state_ == State::open && !told_ended_;
}

void TcpConnection::fail_handshake(std::string why) {
    if (!tls_error_.empty() || is_closing()) return;
    tls_error_ = std::move(why);
    if (opening_) {
        opening_ = false;
        told_ended_ = true;
        user_.opened(*this, UV_EPROTO);
    } else {
        end(Ended::not_secured);
    }
}

/// All that was gathered, in as few records as it fits.
void TcpConnection::encrypt() {
    std::string plain;
    plain.reserve(gathered_bytes_);
    for (const sip::Packet& packet : gathered_) {
        plain += packet.head.view();
        plain += packet.body.view();
    }
    gathered_.clear();
    gathered_bytes_ = 0;
    if (!tls_->write(plain)) {
        end(Ended::failed);
        return;
    }
    send_ciphertext();
}

void TcpConnection::send_ciphertext() {
    if (state_ != State::open) return;
    auto write = std::make_unique<Write>();
    write->ciphertext = tls_->take_output();
    if (write->ciphertext.empty()) return;
    std::vector<uv_buf_t> pieces;
    add_piece(pieces, write->ciphertext);
    send(std::move(write), pieces);
}

// ---- Writing ------------------------------------------------------------------------------------

void TcpConnection::write(sip::Packet packet) {
    if (state_ != State::open || told_ended_) return;
    gathered_bytes_ += packet.size();
    gathered_.push_back(std::move(packet));
    const std::size_t waiting = gathered_bytes_ + gathered_.size() * packet_bytes;
    if (is_handshaking() && waiting > write_bytes_max_)
        end(Ended::overflow);
    else if (waiting >= gather_bytes)
        flush();
}

void TcpConnection::flush() {
    if (gathered_.empty() || state_ != State::open || is_handshaking()) return;
    if (tls_) {
        encrypt();
        return;
    }
    auto write = std::make_unique<Write>();
    write->packets.swap(gathered_);
    gathered_bytes_ = 0;
    std::vector<uv_buf_t> pieces;
    pieces.reserve(2 * write->packets.size());
    for (const sip::Packet& packet : write->packets) {
        add_piece(pieces, packet.head.view());
        add_piece(pieces, packet.body.view());
    }
    if (!pieces.empty()) send(std::move(write), pieces);
}

void TcpConnection::send(std::unique_ptr<Write> write, std::span<const uv_buf_t> pieces) {
    write->request.data = this;
    const int status =
        uv_write(&write->request, stream(), pieces.data(), static_cast<unsigned>(pieces.size()),
                 [](uv_write_t* request, int s) {
                     // The request is the first member of its Write, which ends here.
                     std::unique_ptr<Write> done(reinterpret_cast<Write*>(request));
                     self_of(request->data).on_written(*done, s);
                 });
    if (status != 0) {
        end(Ended::failed);
        return;
    }
    writing_packets_ += write.release()->packets.size();
    if (is_over_bound()) end(Ended::overflow);
}

bool TcpConnection::is_over_bound() const {
    const std::size_t waiting = handle_.write_queue_size;
    return waiting > 0 && waiting + writing_packets_ * packet_bytes > write_bytes_max_;
}

void TcpConnection::on_written(const Write& write, int status) {
    writing_packets_ -= write.packets.size();
    if (status == 0 || status == UV_ECANCELED) return;
    if (state_ == State::open) end(Ended::failed);
    // While closing, the shutdown that waits behind this write fails as well and ends it.
}

void TcpConnection::end(Ended why) {
    if (told_ended_) return;
    // Whoever waits to hear that it is open hears that it is not.
    if (opening_) {
        fail_handshake("it does not take what is sent to it");
        return;
    }
    told_ended_ = true;
    user_.ended(*this, why);
}

/// RFC 8446 6.1, RFC 5923 8.3: so that a cut connection is told from one that ended.
void TcpConnection::say_closed() {
    if (!tls_ || state_ != State::open) return;
    tls_->close();
    send_ciphertext();
}

void TcpConnection::close() {
    if (is_closing()) return;
    if (state_ != State::open || is_handshaking()) {
        close_handle();
        return;
    }
    told_ended_ = true;
    flush();
    say_closed();
    state_ = State::closing;
    shutdown_.data = this;
    const int status = uv_shutdown(&shutdown_, stream(), [](uv_shutdown_t* request, int s) {
        auto& self = self_of(request->data);
        if (self.state_ != State::closing) return;
        self.shut_down_ = true;
        if (s != 0 || self.peer_ended_) self.close_handle();
    });
    if (status != 0) close_handle();
}

void TcpConnection::let_go() {
    told_ended_ = true;
    flush();
    say_closed();
    close_handle();
}

void TcpConnection::abort() {
    if (state_ == State::closed) return;
    told_ended_ = true;
    gathered_.clear();
    gathered_bytes_ = 0;
    const bool linked = state_ == State::open;
    state_ = State::closed;
    const auto gone = [](uv_handle_t* handle) {
        auto& self = self_of(handle->data);
        self.user_.gone(self);
    };
    if (linked && uv_tcp_close_reset(&handle_, gone) == 0) return;
    uv_close(reinterpret_cast<uv_handle_t*>(&handle_), gone);
}

void TcpConnection::close_handle() {
    if (state_ == State::closed) return;
    state_ = State::closed;
    uv_close(reinterpret_cast<uv_handle_t*>(&handle_), [](uv_handle_t* handle) {
        auto& self = self_of(handle->data);
        self.user_.gone(self);
    });
}

}  // namespace edge
