#include "apps/load/connections.hpp"

#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "apps/edge/net/address.hpp"
#include "apps/load/incoming.hpp"

namespace load {

namespace {

constexpr std::size_t batch = 64;
constexpr std::size_t datagram_max = std::size_t{64} << 10;
// Buffers do not begin at the same place of a cache set.
constexpr std::size_t datagram_stride = datagram_max + 1088;
constexpr std::size_t stream_slab = std::size_t{256} << 10;
constexpr int receive_room = 64 << 20;
constexpr std::size_t events_max = 256;

std::string why() { return std::strerror(errno); }

}  // namespace

struct Connections::Slab {
    std::unique_ptr<char[]> bytes{new char[batch * datagram_stride]};
    std::array<mmsghdr, batch> in{}, out{};
    std::array<iovec, batch> in_parts{}, out_parts{};
    std::array<epoll_event, events_max> events{};
    static_assert(batch * datagram_stride >= stream_slab);
};

char* SendBuffer::room(std::size_t size) {
    if (begin_ == size_) begin_ = size_ = 0;
    if (size_ + size > capacity_) {
        const std::size_t held = size_ - begin_;
        const std::size_t capacity = std::max(capacity_, (held + size) * 2);
        std::unique_ptr<char[]> more;
        if (capacity > capacity_) more.reset(new char[capacity]);
        char* to = more ? more.get() : bytes_.get();
        if (held > 0) std::memmove(to, bytes_.get() + begin_, held);
        if (more) bytes_ = std::move(more);
        capacity_ = capacity;
        begin_ = 0;
        size_ = held;
    }
    return bytes_.get() + size_;
}

void SendBuffer::consume(std::size_t size) {
    begin_ += size;
    if (begin_ == size_) begin_ = size_ = 0;
}

Connections::Connections() : slab_(std::make_unique<Slab>()) {
    for (std::size_t i = 0; i < batch; ++i) {
        slab_->in_parts[i] = {slab_->bytes.get() + i * datagram_stride, datagram_max};
        slab_->in[i].msg_hdr.msg_iov = &slab_->in_parts[i];
        slab_->in[i].msg_hdr.msg_iovlen = 1;
        slab_->out[i].msg_hdr.msg_iov = &slab_->out_parts[i];
        slab_->out[i].msg_hdr.msg_iovlen = 1;
    }
}
Connections::~Connections() = default;

edge::Outcome<std::unique_ptr<Connections>> Connections::open(const edge::ListenSpec& server,
                                                              std::uint32_t count) {
    std::unique_ptr<Connections> made(new Connections);
    made->stream_ = server.transport == sip::Transport::tcp;
    made->epoll_ = edge::Descriptor(epoll_create1(EPOLL_CLOEXEC));
    if (!made->epoll_) return edge::failure("epoll: " + why());
    const std::size_t needed = std::size_t{count} + 32;
    if (edge::raise_descriptor_limit() < needed)
        return edge::failure("this process may not open " + std::to_string(count) +
                             " connections: raise the limit of open files (ulimit -n)");
    made->all_.reserve(count);
    for (std::uint32_t i = 0; i < count; ++i)
        if (auto added = made->add(server); !added) return edge::failure(added.error());
    return made;
}

edge::Outcome<void> Connections::add(const edge::ListenSpec& server) {
    const sip::Endpoint remote{server.address, server.port};
    const edge::SocketAddress address = edge::to_socket_address(remote);
    Connection made;
    made.fd = edge::Descriptor(
        socket(address.get()->sa_family, (stream_ ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0));
    if (!made.fd) return edge::failure("no socket: " + why());
    const int fd = made.fd.get(), on = 1;
    if (connect(fd, address.get(), address.size) != 0)
        return edge::failure("no connection to " + edge::to_text(server) + ": " + why());
    if (stream_) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    } else if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive_room, sizeof receive_room) !=
               0) {
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_room, sizeof receive_room);
    }
    const sip::Endpoint own = edge::local_endpoint(fd);
    made.port = own.port;
    if (host_.empty()) {
        host_ = edge::to_text(own);
        host_.resize(host_.rfind(':'));
    }
    const auto index = static_cast<std::uint32_t>(all_.size());
    all_.push_back(std::move(made));
    watch(index, false);
    return {};
}

void Connections::watch(std::uint32_t index, bool writable) {
    Connection& connection = all_[index];
    epoll_event event{};
    event.events = writable ? EPOLLIN | EPOLLOUT : EPOLLIN;
    event.data.u32 = index;
    epoll_ctl(epoll_.get(), connection.watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, connection.fd.get(),
              &event);
    connection.watched = true;
    connection.blocked = writable;
}

void Connections::commit(std::uint32_t index, std::size_t size) {
    Connection& connection = all_[index];
    connection.out.commit(size);
    ++counters_.sent;
    if (!stream_) connection.sizes.push_back(static_cast<std::uint32_t>(size));
    if (!connection.dirty) {
        connection.dirty = true;
        dirty_.push_back(index);
    }
    if (connection.sizes.size() >= batch && !connection.blocked) flush(index);
}

void Connections::flush() {
    for (const std::uint32_t index : dirty_) {
        all_[index].dirty = false;
        flush(index);
    }
    dirty_.clear();
}

void Connections::flush(std::uint32_t index) {
    Connection& connection = all_[index];
    if (!connection.fd || connection.blocked || connection.out.size() == 0) return;
    if (stream_)
        flush_stream(index);
    else
        flush_datagrams(connection);
    if (connection.out.size() > 0 && connection.fd) watch(index, true);
}

void Connections::flush_datagrams(Connection& connection) {
    std::size_t done = 0;
    bool met_error = false;
    while (done < connection.sizes.size()) {
        const std::size_t count = std::min(batch, connection.sizes.size() - done);
        std::size_t at = 0;
        for (std::size_t i = 0; i < count; ++i) {
            const std::size_t size = connection.sizes[done + i];
            slab_->out_parts[i] = {const_cast<char*>(connection.out.data()) + at, size};
            at += size;
        }
        const int sent = sendmmsg(connection.fd.get(), slab_->out.data(),
                                  static_cast<unsigned>(count), MSG_DONTWAIT);
        ++counters_.send_calls;
        std::size_t gone = sent > 0 ? static_cast<std::size_t>(sent) : 0;
        if (sent < 0) {
            if (errno == EAGAIN || errno == ENOBUFS || errno == EWOULDBLOCK) break;
            // An error of an earlier datagram; met twice it is this one's, which is given up.
            ++counters_.unreachable;
            if (met_error) gone = 1;
            met_error = !met_error;
        }
        for (std::size_t i = 0; i < gone; ++i) connection.out.consume(connection.sizes[done + i]);
        done += gone;
    }
    connection.sizes.erase(connection.sizes.begin(),
                           connection.sizes.begin() + static_cast<std::ptrdiff_t>(done));
}

void Connections::flush_stream(std::uint32_t index) {
    Connection& connection = all_[index];
    while (connection.out.size() > 0) {
        const ssize_t sent = send(connection.fd.get(), connection.out.data(), connection.out.size(),
                                  MSG_DONTWAIT | MSG_NOSIGNAL);
        ++counters_.send_calls;
        if (sent <= 0) {
            // An ended stream is told when it is read.
            if (errno != EAGAIN && errno != EWOULDBLOCK)
                connection.out.consume(connection.out.size());
            return;
        }
        connection.out.consume(static_cast<std::size_t>(sent));
    }
}

bool Connections::wait(std::uint64_t timeout_ns, User& user) {
    timespec timeout{};
    timeout.tv_sec = static_cast<time_t>(timeout_ns / 1'000'000'000U);
    timeout.tv_nsec = static_cast<long>(timeout_ns % 1'000'000'000U);
    int found = epoll_pwait2(epoll_.get(), slab_->events.data(), static_cast<int>(events_max),
                             &timeout, nullptr);
    if (found < 0 && errno == ENOSYS) {  // before Linux 5.11, and under valgrind
        const auto whole_ms = static_cast<int>((timeout_ns + 999'999) / 1'000'000);
        found =
            epoll_wait(epoll_.get(), slab_->events.data(), static_cast<int>(events_max), whole_ms);
    }
    bool any = false;
    for (int i = 0; i < found; ++i) {
        const epoll_event event = slab_->events[static_cast<std::size_t>(i)];
        const std::uint32_t index = event.data.u32;
        if (!all_[index].fd) continue;
        if ((event.events & EPOLLOUT) != 0) {
            watch(index, false);
            flush(index);
        }
        if ((event.events & ~static_cast<unsigned>(EPOLLOUT)) == 0) continue;
        any = (stream_ ? receive_stream(index, user) : receive_datagrams(index, user)) || any;
    }
    return any;
}

bool Connections::receive_datagrams(std::uint32_t index, User& user) {
    const int count =
        recvmmsg(all_[index].fd.get(), slab_->in.data(), batch, MSG_DONTWAIT, nullptr);
    ++counters_.receive_calls;
    if (count < 0 && errno != EAGAIN && errno != EINTR) ++counters_.unreachable;
    for (int i = 0; i < count; ++i) {
        const auto at = static_cast<std::size_t>(i);
        const std::string_view message(static_cast<const char*>(slab_->in_parts[at].iov_base),
                                       slab_->in[at].msg_len);
        ++counters_.received;
        counters_.received_bytes += message.size();
        user.on_message(index, message);
    }
    return count > 0;
}

bool Connections::receive_stream(std::uint32_t index, User& user) {
    char* const slab = slab_->bytes.get();
    std::string& partial = all_[index].partial;
    const ssize_t size = recv(all_[index].fd.get(), slab, stream_slab, MSG_DONTWAIT);
    ++counters_.receive_calls;
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    if (size <= 0) {
        lose(index, user);
        return true;
    }
    const std::string_view fresh(slab, static_cast<std::size_t>(size));
    std::size_t used = 0;
    if (partial.empty()) {
        used = take_messages(index, fresh, user);
        if (used != std::string_view::npos) partial = fresh.substr(used);
    } else {
        partial += fresh;
        used = take_messages(index, partial, user);
        if (used != std::string_view::npos) partial.erase(0, used);
    }
    if (used == std::string_view::npos) lose(index, user);
    return true;
}

std::size_t Connections::take_messages(std::uint32_t index, std::string_view bytes, User& user) {
    std::size_t used = 0;
    while (used < bytes.size()) {
        const std::string_view rest = bytes.substr(used);
        if (rest[0] == '\r' || rest[0] == '\n') {  // RFC 5626 4.4.1: a keep-alive
            ++used;
            continue;
        }
        const auto end = rest.find("\r\n\r\n");
        if (end == std::string_view::npos) return rest.size() > stream_slab ? rest.npos : used;
        const auto in = read_incoming(rest.substr(0, end + 4));
        if (!in) return std::string_view::npos;
        const std::size_t size = in->head_bytes + in->body_bytes;
        if (rest.size() < size) break;
        ++counters_.received;
        counters_.received_bytes += size;
        user.on_message(index, rest.substr(0, size));
        used += size;
    }
    return used;
}

void Connections::lose(std::uint32_t index, User& user) {
    all_[index].fd = edge::Descriptor();
    all_[index].blocked = false;
    user.on_lost(index);
}

std::uint64_t Connections::dropped_here() const {
    std::uint64_t dropped = 0;
    if (stream_) return 0;
    for (const Connection& connection : all_) {
        std::array<std::uint32_t, SK_MEMINFO_VARS> memory{};
        socklen_t size = sizeof memory;
        if (getsockopt(connection.fd.get(), SOL_SOCKET, SO_MEMINFO, memory.data(), &size) == 0)
            dropped += memory[SK_MEMINFO_DROPS];
    }
    return dropped;
}

}  // namespace load
