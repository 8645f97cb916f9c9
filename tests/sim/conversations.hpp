#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "tests/sim/wire.hpp"
#include "tests/sim/world.hpp"

namespace sim {

/// What a host said so far, and what it may say next: the invariants of the wire. One for each
/// start of a host, since it forgets with it.
class Conversations {
public:
    Conversations(World& world, std::string name) : world_(world), name_(std::move(name)) {}

    /// A message that leaves. `at`: what the host's monotonic clock says.
    void sent(std::string_view text, const Wire& wire, std::int64_t at);
    /// A message that arrives.
    void arrived(const Wire& wire);

    /// NOTIFYs of this dialog that no SUBSCRIBE or decision asked for are held to the rate.
    void set_rate(std::int64_t interval) { interval_ = interval; }
    /// Requests are signed, and no copy of one is good twice.
    void set_signed(bool on) { signed_ = on; }
    /// Messages arrive that nobody here has read: what was asked for is not known any more.
    void strangers_speak() { strangers_speak_ = true; }
    /// What it answers may be a phone's answer, or its own where that came too late.
    void agents_answer() { agents_answer_ = true; }
    /// A decision changed: the next NOTIFY of each dialog is forced by it.
    void decided() { ++decisions_; }
    /// Whether the next NOTIFY may leave because the state changed: not to whoever is politely
    /// blocked.
    void tell_of_changes(bool on) { tells_of_changes_ = on; }

private:
    /// The requests of one direction of a dialog, or of one series outside any.
    struct Series {
        std::uint32_t cseq = 0;
        /// The latest, by branch and by what they say: several may be under way.
        std::array<std::pair<std::uint64_t, std::uint64_t>, 6> sent{};
        std::size_t next = 0;
        std::int64_t sent_at = 0;  ///< the latest, for the first time
        bool by_datagram = false, answered = false;
        bool over = false;  ///< a NOTIFY said terminated
        bool gone = false;  ///< the other side said so
        // The rate: how many NOTIFYs came of changes alone since when.
        std::uint64_t decisions = 0;
        bool forced = true;
        std::int64_t since = 0;
        unsigned unforced = 0;
    };
    void carried(std::string_view text, const Wire& wire);
    void request(std::string_view text, const Wire& wire, std::int64_t at);
    void response(const Wire& wire, std::int64_t at);
    void notify(Series& series, const Wire& wire, std::int64_t at);
    void fail(std::string_view invariant, const Wire& wire, std::string_view what);

    World& world_;
    std::string name_;
    std::int64_t interval_ = 0;
    std::uint64_t decisions_ = 0;
    bool signed_ = false, strangers_speak_ = false, agents_answer_ = false;
    bool tells_of_changes_ = true;
    std::unordered_map<std::uint64_t, Series> series_;
    struct Made {
        std::uint64_t tag = 0;
        std::int64_t at = 0;
        std::uint32_t cseq = 0;
    };
    std::unordered_set<std::uint64_t> outside_;                  ///< SUBSCRIBEs without a To tag
    std::unordered_map<std::uint64_t, Made> made_by_;            ///< SUBSCRIBEs -> To tag of 2xx
    std::unordered_set<std::uint64_t> answered_;                 ///< requests that got a 2xx
    std::unordered_map<std::uint64_t, std::string> asked_with_;  ///< PUBLISH -> SIP-If-Match
    std::unordered_map<std::string, std::uint64_t> accepted_;    ///< entity-tag -> PUBLISH
    std::unordered_map<std::string, std::uint64_t> given_;       ///< entity-tag -> PUBLISH
    std::unordered_map<std::uint64_t, std::uint32_t> taken_;     ///< dialog -> CSeq of NOTIFY
};

}  // namespace sim
