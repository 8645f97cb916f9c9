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

// So many calls to the kernel in one turn of the loop, so that others have theirs.
constexpr int batches_a_turn = 16;
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
    fd_ = std::move(fd);
    for (const int option : {SO_RCVBUF, SO_SNDBUF})
        ::setsockopt(fd_.get(), SOL_SOCKET, option, &kernel_buffer_bytes,
                     sizeof kernel_buffer_bytes);
    const int on = 1;
    if (local_.address.is_v4())
        ::setsockopt(fd_.get(), IPPROTO_IP, IP_RECVERR, &on, sizeof on);
    else
        ::setsockopt(fd_.get(), IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof on);
    poll_.data = this;
    const int status = uv_poll_init(loop, &poll_, fd_.get());
    if (status != 0) return status;
    has_handle_ = true;
    watch();
    return 0;
}

void UdpSocket::close() {
    drop_first(queued());
    if (!has_handle_) {
        delete this;
        return;
    }
    uv_close(reinterpret_cast<uv_handle_t*>(&poll_),
             [](uv_handle_t* handle) { delete static_cast<UdpSocket*>(handle->data); });
}

void UdpSocket::watch() {
    uv_poll_start(&poll_, blocked_ ? UV_READABLE | UV_WRITABLE : UV_READABLE,
                  [](uv_poll_t* handle, int status, int events) {
                      static_cast<UdpSocket*>(handle->data)->on_ready(status, events);
                  });
}

void UdpSocket::on_ready(int status, int events) {
    // An ICMP error is told apart from nothing else than a descriptor that broke, and libuv watches
    // it no more.
    if (status < 0) {
        take_errors();
        watch();
    }
    if (status < 0 || (events & UV_READABLE) != 0) receive();
    if (blocked_ && (status < 0 || (events & UV_WRITABLE) != 0)) {
        send_batches();
        user_.sendable();
    }
}

// ---- Receiving ----------------------------------------------------------------------------------

void UdpSocket::receive() {
    const std::span<char> slab = user_.receive_slab();
    int batches = 0;
    while (batches < batches_a_turn && receive_batch_of(slab)) ++batches;
    is_behind_ = batches == batches_a_turn;
    user_.received_all();
}

void UdpSocket::prepare_receiving(std::span<char> slab) {
    if (prepared_ == slab.data()) return;
    prepared_ = slab.data();
    for (std::size_t i = 0; i < receive_batch; ++i) {
        receiving_.rooms[i] = {slab.data() + i * datagram_bytes, datagram_bytes};
        msghdr header{};
        header.msg_name = receiving_.from[i].get();
        header.msg_iov = &receiving_.rooms[i];
        header.msg_iovlen = 1;
        receiving_.messages[i].msg_hdr = header;
    }
}

bool UdpSocket::receive_batch_of(std::span<char> slab) {
    prepare_receiving(slab);
    for (mmsghdr& message : receiving_.messages)
        message.msg_hdr.msg_namelen = sizeof receiving_.from[0].v6;
    const int count =
        ::recvmmsg(fd_.get(), receiving_.messages.data(), receive_batch, MSG_DONTWAIT, nullptr);
    if (count < 0) {
        if (errno == EINTR) return true;
        // An ICMP error is handed out once, in the place of what waits behind it.
        return errno != EAGAIN && take_errors() > 0;
    }
    ++counters_.receive_calls;
    counters_.datagrams_in += static_cast<std::uint64_t>(count);
    const bool is_full = count == static_cast<int>(receive_batch);
    user_.receiving(is_full);
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
        const mmsghdr& message = receiving_.messages[i];
        if ((message.msg_hdr.msg_flags & MSG_TRUNC) != 0) {
            ++counters_.datagrams_truncated;
            continue;
        }
        user_.received(*this, to_endpoint(receiving_.from[i].get()),
                       {slab.data() + i * datagram_bytes, message.msg_len});
    }
    return is_full;
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
        const ssize_t size = ::recvmsg(fd_.get(), &message, MSG_ERRQUEUE | MSG_DONTWAIT);
        if (size < 0) return taken;
        const sock_extended_err* error = error_in(message);
        if (error == nullptr || !means_unreachable(*error) || message.msg_namelen == 0) continue;
        ++counters_.icmp_errors;
        user_.unreachable(*this, to_endpoint(reinterpret_cast<const sockaddr*>(&to)),
                          {quoted.data(), static_cast<std::size_t>(size)});
    }
    return errors_a_turn;
}

// ---- Sending ------------------------------------------------------------------------------------

void UdpSocket::send(const sip::Endpoint& to, sip::Packet packet) {
    if (is_full()) {
        ++counters_.send_queue_dropped;
        return;
    }
    queue_.push_back({to, std::move(packet)});
    if (!blocked_ && queued() >= send_batch_max) send_batches();
}

void UdpSocket::flush() {
    if (!blocked_) send_batches();
}

void UdpSocket::send_batches() {
    while (queued() > 0 && send_batch()) {
    }
    if (queued() == 0 && blocked_) unblock();
}

/// Those at the front have left, or never will.
void UdpSocket::drop_first(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) queue_[next_ + i].packet = {};
    next_ += count;
    // What has left is cleared away when there is much of it, so that each is moved once at most.
    if (next_ >= send_batch_max && 2 * next_ >= queue_.size()) {
        queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(next_));
        next_ = 0;
    } else if (next_ == queue_.size()) {
        queue_.clear();
        next_ = 0;
    }
}

bool UdpSocket::send_batch() {
    const std::size_t count = std::min(queued(), send_batch_max);
    for (std::size_t i = 0; i < count; ++i) {
        const Outgoing& outgoing = queue_[next_ + i];
        sending_.to[i] = to_socket_address(outgoing.to);
        iovec* pieces = &sending_.pieces[2 * i];
        pieces[0] = piece(outgoing.packet.head.view());
        pieces[1] = piece(outgoing.packet.body.view());
        msghdr header{};
        header.msg_name = sending_.to[i].get();
        header.msg_namelen = sending_.to[i].size;
        header.msg_iov = pieces;
        header.msg_iovlen = pieces[1].iov_len == 0 ? 1 : 2;
        sending_.messages[i].msg_hdr = header;
    }
    ++counters_.send_calls;
    const int sent = options_.send_many(fd_.get(), sending_.messages.data(),
                                        static_cast<unsigned>(count), MSG_DONTWAIT);
    if (sent > 0) {
        counters_.datagrams_out += static_cast<std::uint64_t>(sent);
        drop_first(static_cast<std::size_t>(sent));
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
    drop_first(1);
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
    watch();
}

void UdpSocket::unblock() {
    blocked_ = false;
    blocked_until_ = sip::never;
    watch();
}

void UdpSocket::drop_all() {
    counters_.send_queue_dropped += queued();
    drop_first(queued());
}

void UdpSocket::expire(sip::Instant now) {
    if (!blocked_ || now < blocked_until_) return;
    drop_all();
    unblock();
}

}  // namespace edge
