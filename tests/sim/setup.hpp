#pragma once

#include <cstdint>
#include <string>

#include "sip/base/ids.hpp"
#include "tests/sim/host_clock.hpp"

namespace sim {

/// What a world is made of, all of it drawn from the seed unless it is given.
struct Setup {
    std::uint64_t seed = 1;
    unsigned servers = 1;
    unsigned users = 6;    ///< each with an account at every server; what is watched is a user
    unsigned phones = 19;  ///< phone p belongs to user p % users
    unsigned steps = 100;
    Time length = 3600 * second;  ///< of the history, before the network heals
    std::uint32_t expires_s = 600;
    bool digest = true;
    bool store = false;
    bool tight = false;  ///< limits so small that they are met; not everybody is served then
    bool hostile = true;
    bool calm = false;  ///< no weather, no faults: every change must arrive in time
    unsigned nat_percent = 30, tcp_percent = 30, tls_percent = 20;
    unsigned names_percent = 0;    ///< phones that find their servers by name (RFC 3263)
    std::int64_t drift_max = 200;  ///< parts in a million
    unsigned delay_max_ms = 50;
    unsigned jitter_percent = 0;  ///< of what servers grant
    bool rules = false;           ///< users have rules (RFC 5025) now and then, and publish persons
    bool watcher_info = false;    ///< users look who watches them (RFC 3857) now and then
    bool relays = false;          ///< servers carry on what is for phones (RFC 3261 16)
    /// One phone in three is a presence agent of its own (RFC 3856 6.11.2).
    bool agents = false;
    unsigned workers = 1;  ///< of each server

    /// Whose server a user's presence is at.
    unsigned home_of(unsigned user) const { return user % servers; }
    std::string domain_of(unsigned server) const {
        return "d" + std::to_string(server) + ".example";
    }
    std::string address_of(unsigned user, unsigned server) const {
        return "u" + std::to_string(user) + "@" + domain_of(server);
    }
    /// A presentity's address-of-record.
    std::string presentity(unsigned user) const { return address_of(user, home_of(user)); }
};

/// What the caller wants otherwise than the seed does; 0: as the seed has it.
struct Wishes {
    unsigned parties = 0;  ///< servers and phones
    unsigned steps = 0;
};
Setup setup_of(std::uint64_t seed, const Wishes& wishes);

}  // namespace sim
