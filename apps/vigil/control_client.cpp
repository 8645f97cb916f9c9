#include "apps/vigil/control_client.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "apps/vigil/console.hpp"
#include "apps/vigil/control_paths.hpp"
#include "apps/vigil/text.hpp"
#include "sip/base/buffer.hpp"
#include "sip/message/uri.hpp"

namespace vigil {

namespace {

using edge::failure;
using edge::Outcome;

constexpr int patience_ms = 10'000;
constexpr std::size_t line_bytes_max = std::size_t{1} << 20;

bool wait_for(int fd, short what) {
    pollfd one{fd, what, 0};
    return ::poll(&one, 1, patience_ms) == 1;
}

Outcome<void> send_all(int fd, std::string_view text) {
    while (!text.empty()) {
        if (!wait_for(fd, POLLOUT)) return failure("it does not answer; it may hang");
        const ssize_t sent = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR) return failure(std::strerror(errno));
        if (sent > 0) text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return {};
}

/// Each line to `take`, until it gives false: the answer is complete.
Outcome<void> receive_lines(int fd, const std::function<bool(std::string_view)>& take) {
    std::string text;
    std::array<char, 65'536> room{};
    for (;;) {
        if (!wait_for(fd, POLLIN)) return failure("it does not answer; it may hang");
        const ssize_t got = ::recv(fd, room.data(), room.size(), 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
        if (got <= 0) return failure("it broke off in the middle of its answer; try again");
        text.append(room.data(), static_cast<std::size_t>(got));
        std::size_t begin = 0;
        for (auto end = text.find('\n'); end != std::string::npos; end = text.find('\n', begin)) {
            if (!take(std::string_view(text).substr(begin, end - begin))) return {};
            begin = end + 1;
        }
        text.erase(0, begin);
        if (text.size() > line_bytes_max) return failure("its answer is none; is it a vigil?");
    }
}

}  // namespace

Outcome<std::string> address_argument(const std::string& text) {
    const bool bare = text.find(':') == std::string::npos;
    const std::string whole = (bare ? "sip:" : "") + text;
    const auto uri = sip::parse_uri(whole);
    std::array<char, 512> room{};
    sip::Appender out(room);
    if (uri && uri->has_user) sip::write_address_of_record(out, *uri);
    if (out.size() == 0 || out.overflowed())
        return failure("\"" + escape(text, 100) +
                       "\": it wants an address, as "
                       "sip:alice@example.com");
    return std::string(out.view());
}

namespace {

/// Each line of the answer to `take`, with what it says; it gives false to break off.
Outcome<void> ask(const std::string& path, const std::string& request,
                  const std::function<bool(std::string_view, Record)>& take) {
    auto connection = connect_control(path);
    if (!connection) return failure(connection.error());
    const int fd = connection->socket.get();
    std::string error;
    // One that is not heard may be told so, and let go, before it has asked.
    const Outcome<void> sent = send_all(fd, request + "\n");
    Outcome<void> done = receive_lines(fd, [&](std::string_view line) {
        auto record = read_record(line);
        if (!record)
            error = "the answer of " + escape(connection->path) + " is none; is it a vigil?";
        else if (record->has("error"))
            error = record->text("error");
        else if (!record->flag("end"))
            return take(line, std::move(*record));
        return false;
    });
    if (!done && !sent) done = sent;
    if (!done) return failure("the server at " + escape(connection->path) + ": " + done.error());
    if (!error.empty()) return failure(error);
    return {};
}

}  // namespace

Outcome<std::vector<Record>> answer_of_server(const std::string& path, const std::string& request) {
    std::vector<Record> lines;
    const auto asked = ask(path, request, [&](std::string_view, Record record) {
        lines.push_back(std::move(record));
        return true;
    });
    if (!asked) return failure(asked.error());
    return lines;
}

ExitCode ask_server(const ControlOptions& options, const std::string& command,
                    const std::string& request, const std::function<void(Record)>& take) {
    const auto asked = ask(options.control, request, [&](std::string_view line, Record record) {
        if (options.json)
            print_line(line);
        else
            take(std::move(record));
        return !output_is_broken();
    });
    if (asked) return ExitCode::done;
    return fail(ExitCode::failed, {command + ": " + asked.error(), {}, 0, {}}, options.json);
}

}  // namespace vigil
