#pragma once

#include <uv.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "apps/edge/net/local_socket.hpp"
#include "apps/edge/net/net_counters.hpp"
#include "sip/base/clock.hpp"

namespace edge {

/// What is said to one request, in pieces: the next is asked for when the peer has taken the last,
/// so nothing piles up for one that is slow, and the loop has other turns in between.
class LineAnswer {
public:
    virtual ~LineAnswer() = default;
    /// Puts the next piece behind `out`, none if this turn found nothing. False: it was the last.
    virtual bool next(std::string& out) = 0;
    /// It has nothing because somebody else is asked: it is not to be called again at once.
    virtual bool waits() const { return false; }
};

/// Answers programs of this machine by a local socket: each connection brings one line of text, and
/// gets lines until we close it. Whoever is slow, or says nothing, is let go after a while.
class LineServer {
public:
    struct Options {
        std::size_t clients = 8;                       ///< at one time; over: told so, and closed
        std::size_t request_bytes = 4096;              ///< a line; over: told so, and closed
        sip::Duration request_time = sip::seconds{5};  ///< until the line is there; over: closed
        sip::Duration piece_time = sip::seconds{10};   ///< until a piece is taken; over: closed
    };
    /// Gives the answer to a line, without its end; never null.
    using Ask = std::function<std::unique_ptr<LineAnswer>(std::string_view line)>;
    /// What a client is told that gets no answer: one line, with its end.
    using Refuse = std::function<std::string(std::string_view why)>;

    /// The loop outlives this, and runs once more after it. Or says why not.
    static Outcome<std::unique_ptr<LineServer>> start(uv_loop_t* loop, LocalSocket socket, Ask ask,
                                                      Refuse refuse, NetCounters& counters,
                                                      const Options& options);
    LineServer(const LineServer&) = delete;
    LineServer& operator=(const LineServer&) = delete;
    ~LineServer();

    const std::string& path() const { return socket_.path(); }

private:
    struct Client;
    LineServer(LocalSocket socket, Ask ask, Refuse refuse, NetCounters& counters,
               const Options& options)
        : socket_(std::move(socket)),
          ask_(std::move(ask)),
          refuse_(std::move(refuse)),
          counters_(counters),
          options_(options) {}
    void accept();

    LocalSocket socket_;
    Ask ask_;
    Refuse refuse_;
    NetCounters& counters_;
    Options options_;
    uv_pipe_t* listener_ = nullptr;  ///< goes once libuv lets go of it
    std::set<Client*> clients_;      ///< each goes likewise
};

}  // namespace edge
