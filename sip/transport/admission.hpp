#pragma once

#include <string_view>

#include "sip/base/set_table.hpp"
#include "sip/base/token_bucket.hpp"
#include "sip/transport/shard.hpp"

namespace sip {

/// How much anybody may bring: by source address, by user, and all strangers together (threats 16,
/// 24). A stranger is a source that has proved no identity lately. Networks that are exempt are
/// asked nothing.
///
/// What is kept of a source or user is a few bytes in a bounded table, and as soon as its bucket is
/// full again its place is free. A source that finds no place shares one bucket with all others
/// that find none. All of it is of all workers of a server together (CommonCounts).
class Admission {
public:
    explicit Admission(Shard& shard);

    enum class Answer : std::uint8_t {
        admit,
        refuse,  ///< 503 with Retry-After, and nothing is kept: one of the first over the rate
        drop,
    };
    /// A message came from there. Before anything of it is read.
    Answer source(const Now& now, const Address& from);
    /// A request came from there that belongs to nothing that holds.
    Answer stranger(const Now& now, const Address& from);
    /// The user who proved to be `address_of_record` asks for something. False: to be refused.
    [[nodiscard]] bool user(const Now& now, const Address& from,
                            std::string_view address_of_record);

    /// An identity was proved from there.
    void proved(const Now& now, const Address& from);
    bool is_known(const Now& now, const Address& from);
    bool is_exempt(const Address& from) const { return shard_.exempt.contains(from); }

    /// What one connection from there may bring.
    Rate rate_of(const Now& now, const Address& from);
    /// Gives back what only a load of the past needed.
    void trim(Instant now);
    /// Sources and users whose buckets are not full, or were not when they were looked at last.
    std::size_t size() const { return buckets_.size() + known_.size(); }

private:
    struct Bucket {
        std::uint64_t key = 0;
        TokenBucket tokens;
        std::uint8_t refused = 0;  ///< since it was full last
    };
    struct Known {
        std::uint64_t key = 0;
        Instant until{};
    };
    void count_refusal(std::uint64_t refusals, std::uint64_t& limit);
    Bucket& bucket_of(const Now& now, std::uint64_t key);
    /// As the buckets of all workers have it. `admit`, or what is to be done with it.
    Answer common_answer(const Now& now, std::uint64_t key, const Rate& rate,
                         std::uint8_t told_max);
    bool take_of_all(const Now& now, std::uint64_t key, TokenBucket& ours, const Rate& rate);

    Shard& shard_;
    SetTable<Bucket> buckets_;
    SetTable<Known> known_;
    Bucket others_;  ///< of all that find no place
    TokenBucket strangers_, refusals_;
};

}  // namespace sip
