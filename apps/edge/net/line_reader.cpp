#include "apps/edge/net/line_reader.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

namespace edge {

/// Outlives its reader until the loop has closed it.
struct LineReader::Poll {
    uv_poll_t handle{};
    LineReader* reader = nullptr;
};

LineReader::LineReader(uv_loop_t* loop, int descriptor, User user)
    : descriptor_(descriptor), flags_(::fcntl(descriptor, F_GETFL)), user_(std::move(user)) {
    if (flags_ < 0) return;
    // Who reads a terminal in the background gets an error, and is not stopped.
    ::signal(SIGTTIN, SIG_IGN);
    auto poll = std::make_unique<Poll>();
    if (uv_poll_init(loop, &poll->handle, descriptor) != 0) {
        // A file, which is always there to the end.
        while (read_some()) {
        }
        stop();
        return;
    }
    poll_ = poll.release();
    poll_->reader = this;
    poll_->handle.data = poll_;
    uv_poll_start(&poll_->handle, UV_READABLE | UV_DISCONNECT, [](uv_poll_t* handle, int, int) {
        LineReader* reader = static_cast<Poll*>(handle->data)->reader;
        if (reader != nullptr && !reader->read_some()) reader->stop();
    });
}

LineReader::~LineReader() { stop(); }

/// False: there is nothing more, ever.
bool LineReader::read_some() {
    std::array<char, 4'096> room;
    const ssize_t got = ::read(descriptor_, room.data(), room.size());
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    if (got == 0) {
        if (!line_.empty()) take("\n");
        return false;
    }
    take({room.data(), static_cast<std::size_t>(got)});
    return true;
}

void LineReader::stop() {
    if (poll_ != nullptr) {
        poll_->reader = nullptr;
        uv_poll_stop(&poll_->handle);
        uv_close(reinterpret_cast<uv_handle_t*>(&poll_->handle),
                 [](uv_handle_t* handle) { delete static_cast<Poll*>(handle->data); });
        poll_ = nullptr;
    }
    // A terminal is shared with whoever started us.
    if (flags_ >= 0) (void)::fcntl(descriptor_, F_SETFL, flags_);
    flags_ = -1;
}

void LineReader::take(std::string_view bytes) {
    for (const char c : bytes) {
        if (c != '\n') {
            if (line_.size() < line_max)
                line_ += c;
            else
                skipping_ = true;
            continue;
        }
        const std::string line = std::exchange(line_, {});
        if (std::exchange(skipping_, false))
            user_.too_long();
        else
            user_.take(line);
    }
}

}  // namespace edge
