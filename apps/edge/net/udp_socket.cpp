#include "apps/edge/net/udp_socket.hpp"

#include <fcntl.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <netinet/in.h>
#include <sys/uio.h>
#include <time.h>

// Needs struct timespec.
#include <linux/errqueue.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "apps/edge/net/address.hpp"
#include "apps/edge/net/clock.hpp"

namespace edge {

namespace {

// A burst of this many bytes survives until the loop comes round; the kernel may grant less.
constexpr int kernel_buffer_bytes = 4 << 20;

// At most so many errors at one time, so that whoever sends many does not hold up the loop.
constexpr int errors_a_turn = 64;
// A host quotes at most 576 bytes of a datagram (RFC 1122 3.2.2), or 1280 (RFC 4443 2.4).
constexpr std::size_t quoted_bytes = 1280;

/// RFC 3261 18.4: which errors mean that a datagram did not arrive. "Too big" is of use to the
/// kernel alone; source quench and time exceeded are to be ignored.
bool means_unreachable(const sock_extended_err& error) {
    if (error.ee_origin == SO_EE_ORIGIN_ICMP)
        return (error.ee_type == ICMP_DEST_UNREACH && error.ee_code != ICMP_FRAG_NEEDED) ||
               error.ee_type == ICMP_PARAMETERPROB;
    if (error.ee_origin == SO_EE_ORIGIN_ICMP6)
        return error.ee_type == ICMPV6_DEST_UNREACH || error.ee_type == ICMPV6_PARAMPROB;
    return false;
}

/// What the kernel says about an error, if it says anything.
const sock_extended_err* error_in(msghdr& message) {
    for (cmsghdr* each = CMSG_FIRSTHDR(&message); each != nullptr;
         each = CMSG_NXTHDR(&message, each))
        if ((each->cmsg_level == IPPROTO_IP && each->cmsg_type == IP_RECVERR) ||
            (each->cmsg_level == IPPROTO_IPV6 && each->cmsg_type == IPV6_RECVERR))
            return reinterpret_cast<const sock_extended_err*>(CMSG_DATA(each));
    return nullptr;
}

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
    const int on = 1;
    if (local_.address.is_v4())
        ::setsockopt(fd_, IPPROTO_IP, IP_RECVERR, &on, sizeof on);
    else
        ::setsockopt(fd_, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof on);

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
    if ((flags & UV_UDP_MMSG_FREE) != 0) {
        ++counters_.receive_calls;
        return;
    }
    if (from == nullptr) {
        // The end of what there was to receive. ICMP errors wake the loop until they are taken, as
        // an error or with nothing before this end.
        if (!received_any_ || size < 0) take_errors();
        received_any_ = false;
        return;
    }
    received_any_ = true;
    ++counters_.datagrams_in;
    if ((flags & UV_UDP_PARTIAL) != 0) {
        ++counters_.datagrams_truncated;
        return;
    }
    user_.received(*this, to_endpoint(from), {buffer->base, static_cast<std::size_t>(size)});
}

int UdpSocket::take_errors() {
    for (int taken = 0; taken < errors_a_turn; ++taken) {
        std::array<char, quoted_bytes> quoted;
        alignas(cmsghdr) std::array<char, 512> control;
        sockaddr_storage to{};
        iovec into{quoted.data(), quoted.size()};
        msghdr message{};
        message.msg_name = &to;
        message.msg_namelen = sizeof to;
        message.msg_iov = &into;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        const ssize_t size = ::recvmsg(fd_, &message, MSG_ERRQUEUE | MSG_DONTWAIT);
        if (size < 0) return taken;
        const sock_extended_err* error = error_in(message);
        if (error == nullptr || !means_unreachable(*error) || message.msg_namelen == 0) continue;
        ++counters_.icmp_errors;
        user_.unreachable(*this, to_endpoint(reinterpret_cast<const sockaddr*>(&to)),
                          {quoted.data(), static_cast<std::size_t>(size)});
    }
    return errors_a_turn;
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
        met_error_ = false;
        if (blocked_) blocked_until_ = blocked_from_now();
        return true;
    }
    const int error = sent == 0 ? EAGAIN : errno;
    if (error == EINTR) return true;
    if (error == EAGAIN) {
        block();
        return false;
    }
    // An ICMP error of an earlier datagram is handed out once as the failure of the next, which was
    // not tried then. Otherwise: too long for UDP, no route, refused by a filter; true of the first
    // datagram alone.
    const bool is_another_ones = take_errors() > 0 || error == ECONNREFUSED;
    if (is_another_ones && !met_error_) {
        met_error_ = true;
        return true;
    }
    ++counters_.send_refused;
    queue_.pop_front();
    met_error_ = false;
    return true;
}

sip::Instant UdpSocket::blocked_from_now() const {
    return sip::later(read_clocks().mono, options_.blocked_max);
}

void UdpSocket::block() {
    ++counters_.send_blocked;
    if (blocked_) return;
    blocked_ = true;
    blocked_until_ = blocked_from_now();
    watch_writable();
}

void UdpSocket::watch_writable() {
    uv_poll_start(&writable_, UV_WRITABLE, [](uv_poll_t* handle, int status, int) {
        static_cast<UdpSocket*>(handle->data)->on_writable(status);
    });
}

void UdpSocket::on_writable(int status) {
    if (status < 0) take_errors();
    send_batches();
    // libuv takes an ICMP error for the end of the descriptor, and watches it no more.
    if (status < 0 && blocked_) watch_writable();
    user_.sendable();
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
