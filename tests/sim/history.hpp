#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/sim/setup.hpp"

namespace sim {

/// One thing that happens to a world from outside: a user acts, a node falls, the network changes.
struct Step {
    enum class Kind : std::uint8_t {
        // Users. `who`: a phone; `whom`: a user.
        watch,
        unwatch,
        refresh,
        publish,  ///< `value`: bit 0 open, bit 1 large, then four of the person
        unpublish,
        register_contact,
        unregister,
        policy,          ///< of user `who`: `value` is a presence::Policy
        watch_watchers,  ///< phone `who` of its own user; `value` 0: no more
        rules,           ///< of user `who`: `value` is a seed for them; 0: none
        // Nodes.
        crash_phone,   ///< for `value` ms
        crash_server,  ///< for `value` ms
        stop_server,   ///< properly, and back after `value` ms
        jump,          ///< the wall clock of host `who`, by `value` ms
        store,         ///< of server `who`: `value` % 1000 ms slow at most / failures in percent
        // The network.
        weather,    ///< `who`: loss, `whom`: duplication, in percent; `value`: delay_max in ms
        mtu,        ///< `value` bytes; 0: none
        piece,      ///< `value` bytes of a stream at a time
        partition,  ///< phone `who` and server `whom`, for `value` ms; bit 0 and 1: directions
        rebind,     ///< the NAT of phone `who` forgets
        cut,        ///< the connections of phone `who`; `value` 1: in silence
        names,      ///< of server `who`: `whom` is a NameState; answers live for `value` s
        // Neighbours.
        garbage,
        replay,
        forged_notify,
        forged_response,
        flood,
    };
    static constexpr std::size_t kind_count = 27;
    Time at = 0;
    Kind kind = Kind::watch;
    unsigned who = 0, whom = 0;
    std::int64_t value = 0;
};
/// What the name system says of a server's domain.
enum class NameState : std::uint8_t {
    right,        ///< the server
    dead_first,   ///< a dead server of a better priority, then the right one
    dead_beside,  ///< a dead server of the same priority
    moved,        ///< other names and other weights for the same
    failing,      ///< no answer
    gone,         ///< no such domain
};
inline constexpr unsigned name_states = 6;

using History = std::vector<Step>;

/// The history that the seed of `setup` gives, in order of time.
History history_of(const Setup& setup);
/// "   12.300 s  phone 3 watches u2"
std::string text_of(const Step& step);

}  // namespace sim
