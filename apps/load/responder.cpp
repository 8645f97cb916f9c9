#include "apps/load/responder.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

#include "apps/edge/net/address.hpp"
#include "apps/edge/net/bind.hpp"
#include "apps/load/connections.hpp"
#include "apps/load/responder_texts.hpp"

namespace load {

namespace {

constexpr std::size_t batch = 64;
constexpr std::size_t room_each = 4'096 + 64;  // requests of the generator fit, documents need not
constexpr int socket_room = 64 << 20;
constexpr int patience_ms = 100;

class Responder {
public:
    Responder(int fd, ResponderTexts texts) : fd_(fd), texts_(std::move(texts)) {
        for (std::size_t i = 0; i < batch; ++i) {
            in_parts_[i] = {slab_.data() + i * room_each, room_each};
            in_[i].msg_hdr.msg_iov = &in_parts_[i];
            in_[i].msg_hdr.msg_iovlen = 1;
            in_[i].msg_hdr.msg_name = &from_[i];
            out_[i].msg_hdr.msg_iov = &out_parts_[i];
            out_[i].msg_hdr.msg_iovlen = 1;
        }
    }

    void run(const std::atomic<bool>& stop) {
        while (!stop) {
            pollfd waiting{fd_, POLLIN, 0};
            if (poll(&waiting, 1, patience_ms) <= 0) continue;
            for (std::size_t i = 0; i < batch; ++i)
                in_[i].msg_hdr.msg_namelen = sizeof(sockaddr_storage);
            const int count = recvmmsg(fd_, in_.data(), batch, MSG_DONTWAIT, nullptr);
            for (int i = 0; i < count; ++i) take(static_cast<std::size_t>(i));
            flush();
        }
    }

private:
    void take(std::size_t i) {
        const std::string_view message(static_cast<const char*>(in_parts_[i].iov_base),
                                       in_[i].msg_len);
        using Asked = ResponderTexts::Asked;
        if (message.starts_with("SIP")) return;  // a 200 to a NOTIFY
        const ResponderTexts::Request& request = texts_.find(message);
        if (request.asked == Asked::nothing) return;
        to_ = &from_[i];
        to_size_ = in_[i].msg_hdr.msg_namelen;
        char* to = room(texts_.response_size(request));
        queue(to, texts_.write_response(to, request, message));
        if (request.asked == Asked::subscribe) notify(request, message, 0);
        if (request.asked != Asked::publish || !request.has_document) return;
        const std::uint32_t first = texts_.presentity_of(request, message) * texts_.watchers();
        for (std::uint32_t k = 0; k < texts_.watchers(); ++k) notify(request, message, first + k);
    }

    void notify(const ResponderTexts::Request& request, std::string_view message,
                std::uint32_t index) {
        char* to = room(texts_.notify_size(request));
        queue(to, texts_.write_notify(to, request, message, index));
    }

    char* room(std::size_t size) {
        if (queued_ == batch || used_ + size > out_slab_.size()) flush();
        return out_slab_.data() + used_;
    }

    void queue(char* begin, const char* end) {
        const auto size = static_cast<std::size_t>(end - begin);
        out_parts_[queued_] = {begin, size};
        out_[queued_].msg_hdr.msg_name = to_;
        out_[queued_].msg_hdr.msg_namelen = to_size_;
        ++queued_;
        used_ += size;
    }

    void flush() {
        std::size_t done = 0;
        while (done < queued_) {
            const int sent =
                sendmmsg(fd_, out_.data() + done, static_cast<unsigned>(queued_ - done), 0);
            if (sent < 0 && errno == EINTR) continue;
            done += sent > 0 ? static_cast<std::size_t>(sent) : 1;
        }
        queued_ = used_ = 0;
    }

    int fd_;
    ResponderTexts texts_;
    std::vector<char> slab_ = std::vector<char>(batch * room_each);
    std::vector<char> out_slab_ = std::vector<char>(std::size_t{1} << 20);
    std::array<mmsghdr, batch> in_{}, out_{};
    std::array<iovec, batch> in_parts_{}, out_parts_{};
    std::array<sockaddr_storage, batch> from_{};
    sockaddr_storage* to_ = nullptr;
    socklen_t to_size_ = 0;
    std::size_t queued_ = 0, used_ = 0;
};

}  // namespace

edge::Outcome<void> run_responder(const ResponderOptions& options, const std::atomic<bool>& stop,
                                  const std::function<void(const std::string&)>& ready) {
    auto bound = edge::bind_listeners(std::span(&options.listen, 1));
    if (!bound) return edge::failure(bound.error());
    const int fd = bound->front().fd.get();
    for (const int option : {SO_RCVBUFFORCE, SO_RCVBUF, SO_SNDBUF})
        if (setsockopt(fd, SOL_SOCKET, option, &socket_room, sizeof socket_room) == 0 &&
            option == SO_RCVBUFFORCE)
            break;
    const std::string where = edge::to_text(bound->front().local);
    auto responder = std::make_unique<Responder>(
        fd, ResponderTexts(where, options.watchers, options.body_bytes));
    ready("udp:" + where);
    responder->run(stop);
    return {};
}

}  // namespace load
