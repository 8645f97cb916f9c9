#include "apps/edge/net/line_server.hpp"

#include <array>
#include <utility>

namespace edge {

namespace {

constexpr int backlog = 16;

std::uint64_t milliseconds_of(sip::Duration duration) {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

/// One line, and that is all.
class OneLine final : public LineAnswer {
public:
    explicit OneLine(std::string line) : line_(std::move(line)) {}
    bool next(std::string& out) override {
        out += line_;
        return false;
    }

private:
    std::string line_;
};

}  // namespace

/// One connection. Made by the server, gone when libuv has let go of both handles.
struct LineServer::Client {
    explicit Client(LineServer& owner) : server(&owner) {}

    static Client& of(const void* data) { return *static_cast<Client*>(const_cast<void*>(data)); }
    uv_stream_t* stream() { return reinterpret_cast<uv_stream_t*>(&pipe); }

    void open(uv_loop_t* loop) {
        pipe.data = timer.data = write.data = this;
        uv_timer_init(loop, &timer);
        uv_pipe_init(loop, &pipe, 0);
    }
    void read() {
        give_time(server->options_.request_time);
        uv_read_start(
            stream(),
            [](uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
                Client& self = of(handle->data);
                *buffer = uv_buf_init(self.room.data(), static_cast<unsigned>(self.room.size()));
            },
            [](uv_stream_t* stream, ssize_t size, const uv_buf_t* buffer) {
                Client& self = of(stream->data);
                if (size < 0)
                    self.close();
                else
                    self.take({buffer->base, static_cast<std::size_t>(size)});
            });
    }
    void take(std::string_view bytes) {
        const auto end = bytes.find('\n');
        request += bytes.substr(0, end);
        if (request.size() > server->options_.request_bytes) {
            ++server->counters_.local_refused;
            say("the request is too long");
            return;
        }
        if (end == std::string_view::npos) return;
        if (request.ends_with('\r')) request.pop_back();
        ++server->counters_.local_requests;
        begin(server->ask_(request));
    }
    void say(std::string_view why) { begin(std::make_unique<OneLine>(server->refuse_(why))); }
    void begin(std::unique_ptr<LineAnswer> with) {
        uv_read_stop(stream());
        answer = std::move(with);
        go_on();
    }
    /// The next piece; where this turn has none, another turn is taken.
    void go_on() {
        piece.clear();
        if (!answer) {
            close();
            return;
        }
        if (!answer->next(piece)) answer.reset();
        if (piece.empty()) {
            take_turn(answer && answer->waits());
            return;
        }
        give_time(server->options_.piece_time);
        const uv_buf_t buffer = uv_buf_init(piece.data(), static_cast<unsigned>(piece.size()));
        const int status = uv_write(&write, stream(), &buffer, 1, [](uv_write_t* done, int failed) {
            Client& self = of(done->data);
            if (failed != 0)
                self.close();
            else if (!self.closing)
                self.take_turn(false);
        });
        if (status != 0) close();
    }
    /// Goes on once everything else has had its turn: what has to be called back may be called
    /// back several times before the loop looks at its sockets, a timer is not.
    void take_turn(bool waits) {
        give_time(waits ? sip::milliseconds{1} : sip::Duration{});
        is_turn = true;
    }
    void give_time(sip::Duration time) {
        is_turn = false;
        uv_timer_start(
            &timer,
            [](uv_timer_t* due) {
                Client& self = of(due->data);
                if (self.is_turn) {
                    self.go_on();
                    return;
                }
                ++self.server->counters_.local_timeouts;
                self.close();
            },
            milliseconds_of(time), 0);
    }
    void close() {
        if (std::exchange(closing, true)) return;
        if (server != nullptr) server->clients_.erase(this);
        const auto closed = [](uv_handle_t* handle) {
            Client& self = of(handle->data);
            if (--self.handles == 0) delete &self;
        };
        uv_close(reinterpret_cast<uv_handle_t*>(&pipe), closed);
        uv_close(reinterpret_cast<uv_handle_t*>(&timer), closed);
    }

    LineServer* server;
    uv_pipe_t pipe{};
    uv_timer_t timer{};
    uv_write_t write{};
    int handles = 2;
    bool closing = false;
    bool is_turn = false;  ///< the timer asks for another turn, and is no deadline
    std::array<char, 1024> room{};
    std::string request, piece;
    std::unique_ptr<LineAnswer> answer;
};

Outcome<std::unique_ptr<LineServer>> LineServer::start(uv_loop_t* loop, LocalSocket socket, Ask ask,
                                                       Refuse refuse, NetCounters& counters,
                                                       const Options& options) {
    Descriptor fd = socket.take();
    std::unique_ptr<LineServer> made(
        new LineServer(std::move(socket), std::move(ask), std::move(refuse), counters, options));
    made->listener_ = new uv_pipe_t{};
    uv_pipe_init(loop, made->listener_, 0);
    made->listener_->data = made.get();
    int status = uv_pipe_open(made->listener_, fd.get());
    if (status == 0) {
        (void)fd.release();
        status = uv_listen(reinterpret_cast<uv_stream_t*>(made->listener_), backlog,
                           [](uv_stream_t* listener, int failed) {
                               if (failed == 0) static_cast<LineServer*>(listener->data)->accept();
                           });
    }
    if (status != 0) return failure("cannot serve " + made->path() + ": " + uv_strerror(status));
    return made;
}

LineServer::~LineServer() {
    uv_close(reinterpret_cast<uv_handle_t*>(listener_),
             [](uv_handle_t* handle) { delete reinterpret_cast<uv_pipe_t*>(handle); });
    const std::set<Client*> clients = std::exchange(clients_, {});
    for (Client* client : clients) {
        client->server = nullptr;
        client->answer.reset();
        client->close();
    }
}

void LineServer::accept() {
    const bool full = clients_.size() >= options_.clients;
    auto* client = new Client(*this);
    clients_.insert(client);
    client->open(listener_->loop);
    if (uv_accept(reinterpret_cast<uv_stream_t*>(listener_), client->stream()) != 0) {
        client->close();
    } else if (full) {
        ++counters_.local_refused;
        client->say("too many others ask at this moment; try again");
    } else {
        client->read();
    }
}

}  // namespace edge
