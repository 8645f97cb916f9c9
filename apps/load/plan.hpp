#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "apps/edge/net/listen_spec.hpp"
#include "apps/load/percentiles.hpp"

namespace load {

/// One thing that is done again and again. What counts as its success stands beside it.
enum class Kind : std::uint8_t {
    subscribe,    ///< a 2xx, and the first NOTIFY
    refresh,      ///< a 2xx and a NOTIFY
    unsubscribe,  ///< a 2xx, and the NOTIFY that ends it
    publish,      ///< a first document; a 2xx
    modify,       ///< the next one; a 2xx
    fan_out,      ///< a document, first or next; a 2xx and a NOTIFY at each watcher
    touch,        ///< a publication is refreshed; a 2xx
    unpublish,    ///< and removed; a 2xx
    options,      ///< a 2xx
};
inline constexpr std::size_t kind_count = 9;
std::string_view name_of(Kind kind);

/// Who takes part, and how they are called.
struct Plan {
    edge::ListenSpec server;
    std::string domain = "localhost";
    std::string prefix = "u";  ///< of user names; 7 digits follow
    std::string password;      ///< of every user; empty: challenges are not answered
    std::uint32_t presentities = 1'000;
    std::uint32_t watchers = 5;      ///< a presentity
    std::uint32_t publications = 1;  ///< a presentity
    std::uint32_t connections = 1;
    std::uint32_t expires_s = 3'600;
    std::uint32_t body_bytes = 0;  ///< of a document, at least; 0: as small as it is
    std::uint64_t timeout_ns = 32'000'000'000;
    bool probe = false;  ///< one connection more, for the OPTIONS of `Phase::probe_rate`

    std::uint32_t subscriptions() const { return presentities * watchers; }
    /// Watchers are users as presentities are: user n has the n next ones watched.
    std::uint32_t users() const { return presentities > watchers ? presentities : watchers + 1; }
};

struct Stream {
    Kind kind = Kind::options;
    std::uint64_t count = 0;  ///< operations; 0: as many as there is time for
};

/// What is done at one time: the streams share in the proportion of their counts.
struct Phase {
    std::string name;
    std::vector<Stream> streams;
    double seconds = 0;          ///< 0: until all is done
    double rate = 0;             ///< operations a second, come what may; 0: by `window`
    std::uint32_t window = 128;  ///< operations that are under way at once
    double probe_rate = 0;       ///< OPTIONS a second beside it
    bool mute = false;           ///< NOTIFYs are not answered
    bool aside = false;          ///< set-up or end: nothing to tell of where nothing was done
};

struct StreamResult {
    Kind kind = Kind::options;
    std::uint64_t started = 0, succeeded = 0, failed = 0;
    Percentiles latency;  ///< sending the request to its final response
    Percentiles whole;    ///< sending the request to its success
};
struct PhaseResult {
    std::string name;
    std::vector<StreamResult> streams;
    std::uint64_t duration_ns = 0;
    std::map<std::uint16_t, std::uint64_t> statuses;  ///< final responses
    std::uint64_t retransmissions = 0, timeouts = 0, lost_connections = 0;
    std::uint64_t notifications = 0;  ///< each counted once
    std::uint64_t repeated = 0;       ///< NOTIFYs that had come before
    std::uint64_t strange = 0;        ///< NOTIFYs of no subscription of ours; answered 481
    std::uint64_t ended = 0;          ///< subscriptions that the server ended unasked
    std::uint64_t sent = 0, received = 0, dropped_here = 0, unreachable = 0;  ///< messages
    std::uint64_t received_bytes = 0;
    std::uint64_t own_cpu_ns = 0;
    std::uint64_t late_ns = 0;  ///< how far we fell behind the rate, at worst
    Percentiles lamp;           ///< sending a PUBLISH to receiving a NOTIFY of it
    Percentiles probe;          ///< sending an OPTIONS to its response
    bool interrupted = false;

    std::uint64_t started() const;
    std::uint64_t succeeded() const;
    std::uint64_t failed() const;
};

}  // namespace load
