#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "sip/auth/hmac.hpp"
#include "sip/base/buffer.hpp"
#include "sip/base/clock.hpp"
#include "sip/base/common_counts.hpp"
#include "sip/base/entropy.hpp"
#include "sip/base/hash_index.hpp"
#include "sip/base/memory.hpp"
#include "sip/base/place.hpp"
#include "sip/base/siphash.hpp"

namespace sip {

/// Makes a server's nonces and tells what each is still good for.
///
/// A nonce is the moment it was made and a MAC over that and its realm: making one costs no
/// memory, and nobody else can make one. Only a nonce that a right response has used takes an
/// entry here, to count its uses. When `limit` are held, the one made first goes, and with it all
/// nonces made before it: what is no longer known is refused, never taken twice. The same holds
/// when memory is refused.
class NonceTable {
public:
    static constexpr std::size_t nonce_bytes = 48;

    /// Draws its keys from `entropy`, once. `limit` of 0 counts as 1.
    /// Those of several workers that draw the same keys know each other's nonces. `common`: where
    /// all their uses are counted; null: by each for itself.
    NonceTable(Memory& memory, Entropy& entropy, std::size_t limit, Duration lifetime,
               const WorkerPlace& place = {}, CommonCounts* common = nullptr);

    /// A new nonce, unlike any before it.
    void write(Appender& out, const Now& now, std::string_view realm);

    enum class State : std::uint8_t {
        foreign,  ///< not made here, or not for this realm
        expired,  ///< over its lifetime, or older than what is remembered
        current,
    };
    struct Check {
        State state = State::foreign;
        std::int64_t issued = 0;  ///< nanoseconds of the monotonic clock; not of a foreign one
        Duration left{};          ///< until it expires; of a current one
    };
    Check check(const Now& now, std::string_view realm, std::string_view nonce) const;

    enum class Use : std::uint8_t {
        first,     ///< good, and remembered
        repeated,  ///< this count, or the one use without count, has been seen
    };
    /// Counts a use of a current nonce, which only a right response may do. `count` is its nc;
    /// without one (RFC 2069) a nonce is good once. A count below the highest is good when it is
    /// new and at most 63 behind, as requests sent in parallel may overtake each other.
    Use use(const Now& now, std::int64_t issued, std::optional<std::uint32_t> count);

    std::size_t size() const { return entries_.size(); }
    /// Forgets all entries and gives their memory back, once the last of them has expired.
    void trim(const Now& now);
    /// How many entries the limit, or want of memory, has pushed out so far.
    std::uint64_t forgotten() const { return forgotten_; }
    Duration lifetime() const { return lifetime_; }

private:
    struct Entry {
        std::int64_t issued;
        std::uint64_t seen;  ///< bit i: the count `highest - i` was used
        std::uint32_t highest;
        bool used_without_count;
    };
    struct MadeLater;
    std::uint64_t hash_of(std::int64_t issued) const {
        return mix(table_key_.k0, static_cast<std::uint64_t>(issued) * 0x9e3779b97f4a7c15ULL);
    }
    void write_mac(Appender& out, std::uint64_t stamp, std::string_view realm) const;
    std::uint32_t slot_for(const Now& now, std::int64_t issued);
    bool expired(const Now& now, std::int64_t issued) const;
    static Use count_up(Entry& entry, std::optional<std::uint32_t> count);

    HmacSha256 keyed_;      ///< the MAC, its key taken in: copied for each use
    std::uint64_t offset_;  ///< hides the uptime
    HashKey table_key_;
    WorkerPlace place_;
    CommonCounts* common_;
    std::size_t limit_;
    Duration lifetime_;
    std::int64_t last_issued_ = INT64_MIN;
    std::uint64_t forgotten_ = 0;
    std::int64_t forgotten_up_to_ = INT64_MIN;  ///< the newest entry that had to go
    Vector<Entry> entries_;
    Vector<std::uint32_t> by_age_;  ///< heap of slots, the first made at the front
    HashIndex index_;
};

}  // namespace sip
