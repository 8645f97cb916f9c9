#pragma once

#include <cstdint>
#include <optional>

#include "sip/base/clock.hpp"
#include "sip/base/token_bucket.hpp"

namespace sip {

/// What several stacks, the workers of one server, count together, so that nobody has more of
/// anything for spreading over them: quotas and rates of users and addresses, uses of nonces. Who
/// runs the stacks implements it, for calls from all their threads at once; none of them waits for
/// another. A stack that is alone has none, and counts for itself.
///
/// Keys are keyed hashes that are the same in all stacks.
class CommonCounts {
public:
    // Quotas: how many of something there are under a key. See Tally.
    enum class Counted : std::uint8_t { yes, too_many, no_room };
    static constexpr std::uint32_t any_number = UINT32_MAX;
    virtual std::uint32_t count(std::uint64_t key) = 0;
    /// One more, unless there are `most` already, or there is no room for a new key. Nobody ever
    /// has more than that; of two that come for the last one at once, none may get it.
    [[nodiscard]] virtual Counted add(std::uint64_t key, std::uint32_t most) = 0;
    /// Takes back one `add` of that key.
    virtual void remove(std::uint64_t key) = 0;

    // Rates. See Admission.
    /// These always have a bucket of their own.
    static constexpr std::uint64_t strangers = 1, refusals = 2, keys_kept = 8;
    static constexpr std::uint8_t told_most = 3;
    struct Taken {
        bool taken = false;
        bool told = false;       ///< not taken, and one of the first `told_max` since it was full
        bool had_place = false;  ///< false: it shares a bucket with all others that have none
    };
    /// A token of the bucket of `key`. `told_max`: at most `told_most`.
    virtual Taken take(Instant now, std::uint64_t key, const Rate& rate, std::uint8_t told_max) = 0;
    /// Keeps the key until then. False: one that was to be kept longer has gone for it.
    virtual bool keep(Instant now, std::uint64_t key, Instant until) = 0;
    virtual bool is_kept(Instant now, std::uint64_t key) = 0;

    // Nonces. See NonceTable.
    /// Counts a use of a nonce that is good until then. False: it was used with this count, or
    /// can be counted no further.
    virtual bool use_nonce(std::uint64_t key, Instant until,
                           std::optional<std::uint32_t> count) = 0;

protected:
    ~CommonCounts() = default;
};

}  // namespace sip
