#include "apps/edge/net/udp_socket.hpp"

#include <fcntl.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "apps/edge/net/address.hpp"
#include "apps/edge/net/clock.hpp"

namespace edge {

namespace {

// A burst of this many bytes survives until the loop comes round; the kernel may grant less.
constexpr int kernel_buffer_bytes = 4 << 20;

iovec piece(std::string_view bytes) { return {const_cast<char*>(bytes.data()), bytes.size()}; }

}  // namespace

Outcome<UdpSocket::Owned> UdpSocket::open(uv_loop_t* loop, BoundSocket bound, sip::ListenerId id,
                                          User& user, NetCounters& counters,
                                          const Options& options) {
    const std::string name = to_text(sip::Transport::udp, bound.local);
    Owned socket(new UdpSocket(id, bound.local, user, counters, options));
    const int status = socket->start(loop, std::move(bound.fd));
    if (status != 0) return failure("cannot use " + name + ": " + uv_strerror(status));
    return socket;
}

int UdpSocket::start(uv_loop_t* loop, Descriptor fd) {
    if (options_.send_many == nullptr) options_.send_many = ::sendmmsg;
    handle_.data = this;
    writable_.data = this;
    int status = uv_udp_init_ex(loop, &handle_, AF_UNSPEC | UV_UDP_RECVMMSG);
    if (status != 0) return status;
    ++open_handles_;
    status = uv_udp_open(&handle_, fd.get());
    if (status != 0) return status;
    fd_ = fd.release();
    // uv_udp_open lets others share the port; ours is ours alone.
    const int off = 0;
    ::setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &off, sizeof off);
    for (const int option : {SO_RCVBUF, SO_SNDBUF})
        ::setsockopt(fd_, SOL_SOCKET, option, &kernel_buffer_bytes, sizeof kernel_buffer_bytes);

    watched_ = Descriptor(::fcntl(fd_, F_DUPFD_CLOEXEC, 0));
    if (!watched_) return uv_translate_sys_error(errno);
    status = uv_poll_init(loop, &writable_, watched_.get());
    if (status != 0) return status;
    ++open_handles_;
    return uv_udp_recv_start(
        &handle_,
        [](uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
            const auto slab = static_cast<UdpSocket*>(handle->data)->user_.receive_slab();
            *buffer = uv_buf_init(slab.data(), static_cast<unsigned>(slab.size()));
        },
        [](uv_udp_t* handle, ssize_t size, const uv_buf_t* buffer, const sockaddr* from,
           unsigned flags) {
            static_cast<UdpSocket*>(handle->data)->on_received(size, buffer, from, flags);
        });
}

void UdpSocket::close() {
    queue_.clear();
    if (open_handles_ == 0) {
        delete this;
        return;
    }
    if (open_handles_ == 2) uv_close(reinterpret_cast<uv_handle_t*>(&writable_), on_closed);
    uv_close(reinterpret_cast<uv_handle_t*>(&handle_), on_closed);
}

void UdpSocket::on_closed(uv_handle_t* handle) {
    auto* self = static_cast<UdpSocket*>(handle->data);
    if (--self->open_handles_ == 0) delete self;
}

void UdpSocket::on_received(ssize_t size, const uv_buf_t* buffer, const sockaddr* from,
                            unsigned flags) {
    if (size < 0) {
        // ICMP errors end up here: RFC 3261 18.4 wants them told to the transaction, but anybody
        // can forge one, so they are counted and the transaction's timer decides.
        ++counters_.icmp_errors;
        return;
    }
    if ((flags & UV_UDP_MMSG_FREE) != 0) ++counters_.receive_calls;
    if (from == nullptr) return;
    ++counters_.datagrams_in;
    if ((flags & UV_UDP_PARTIAL) != 0) {
        ++counters_.datagrams_truncated;
        return;
    }
    user_.received(*this, to_endpoint(from), {buffer->base, static_cast<std::size_t>(size)});
}

void UdpSocket::send(const sip::Endpoint& to, sip::Packet packet) {
    if (is_full()) {
        ++counters_.send_queue_dropped;
        return;
    }
    queue_.push_back({to, std::move(packet)});
    if (!blocked_ && queue_.size() >= batch) send_batches();
}

void UdpSocket::flush() {
    if (!blocked_) send_batches();
}

void UdpSocket::send_batches() {
    while (!queue_.empty() && send_batch(std::min(queue_.size(), batch))) {
    }
    if (queue_.empty() && blocked_) unblock();
}

bool UdpSocket::send_batch(std::size_t count) {
    std::array<mmsghdr, batch> messages{};
    std::array<SocketAddress, batch> addresses;
    std::array<iovec, 2 * batch> pieces{};
    for (std::size_t i = 0; i < count; ++i) {
        const Outgoing& outgoing = queue_[i];
        addresses[i] = to_socket_address(outgoing.to);
        pieces[2 * i] = piece(outgoing.packet.head.view());
        pieces[2 * i + 1] = piece(outgoing.packet.body.view());
        msghdr& header = messages[i].msg_hdr;
        header.msg_name = &addresses[i].storage;
        header.msg_namelen = addresses[i].size;
        header.msg_iov = &pieces[2 * i];
        header.msg_iovlen = pieces[2 * i + 1].iov_len == 0 ? 1 : 2;
    }
    ++counters_.send_calls;
    const int sent =
        options_.send_many(fd_, messages.data(), static_cast<unsigned>(count), MSG_DONTWAIT);
    if (sent > 0) {
        counters_.datagrams_out += static_cast<std::uint64_t>(sent);
        queue_.erase(queue_.begin(), queue_.begin() + sent);
        told_of_error_ = false;
        if (blocked_) blocked_until_ = blocked_from_now();
        return true;
    }
    const int error = sent == 0 ? EAGAIN : errno;
    switch (error) {
        case EINTR: return true;
        case EAGAIN: block(); return false;
        case ECONNREFUSED:
            // An ICMP error of an earlier datagram, handed out once: this one was not tried.
            ++counters_.icmp_errors;
            if (told_of_error_) queue_.pop_front();
            told_of_error_ = !told_of_error_;
            return true;
        default:
            // Too long for UDP, no route, refused by a filter: true of the first datagram alone.
            ++counters_.send_refused;
            queue_.pop_front();
            return true;
    }
}

sip::Instant UdpSocket::blocked_from_now() const {
    return sip::later(read_clocks().mono, options_.blocked_max);
}

void UdpSocket::block() {
    ++counters_.send_blocked;
    if (blocked_) return;
    blocked_ = true;
    blocked_until_ = blocked_from_now();
    uv_poll_start(&writable_, UV_WRITABLE, [](uv_poll_t* handle, int status, int) {
        auto& self = *static_cast<UdpSocket*>(handle->data);
        if (status < 0) self.drop_all();
        self.send_batches();
        self.user_.sendable();
    });
}

void UdpSocket::unblock() {
    blocked_ = false;
    blocked_until_ = sip::never;
    uv_poll_stop(&writable_);
}

void UdpSocket::drop_all() {
    counters_.send_queue_dropped += queue_.size();
    queue_.clear();
}

void UdpSocket::expire(sip::Instant now) {
    if (!blocked_ || now < blocked_until_) return;
    drop_all();
    unblock();
}

}  // namespace edge
