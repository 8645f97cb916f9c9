#pragma once

#include <cstdint>

#include "sip/base/hash_index.hpp"
#include "sip/base/ring.hpp"
#include "sip/transaction/request.hpp"
#include "sip/transaction/response_tails.hpp"
#include "sip/transport/shard.hpp"

namespace sip {

/// Non-INVITE server transactions that were answered by datagram, until Timer J fires (RFC 3261
/// 17.2.2). Of each no more is kept than it takes to know a copy of its request, and to make from
/// that copy the response that it was answered with, byte for byte.
///
/// All wait for the same time, so they stand in the order in which they were answered: no deadline
/// of one is ever moved, and the first in line is the next to go. A record and its share of both
/// tables is at most 114 bytes.
class CompletedTransactions {
public:
    struct Record {
        RequestKey key;
        std::uint64_t merge = 0;  ///< 0: it cannot be merged with another
        Instant until{};          ///< Timer J
        std::uint64_t to_tag = 0;
        ResponseTails::Tail tail;
        std::uint16_t status = 0;
        bool proved = false;       ///< its sender was no stranger
        std::uint32_t number = 0;  ///< of the transaction that it was; for the tracer
    };
    static_assert(sizeof(Record) <= 80);

    CompletedTransactions(Shard& shard, TimerOwner owner);
    ~CompletedTransactions();

    /// Keeps one for so long. `reason` and `bytes`: see ResponseTails. Where there are as many as
    /// may be, the one that is due first goes at once. False: memory refused, nothing is kept.
    [[nodiscard]] bool add(const Now& now, Record&& record, std::string_view reason,
                           std::string_view bytes);
    /// Null: no such, or its time is over.
    const Record* find(const Now& now, const RequestKey& key);
    /// The newest of that merge key.
    const Record* find_merge(const Now& now, std::uint64_t merge);
    /// The response of `record` to a copy of its request; empty: no memory.
    Packet response(const Record& record, const MessageView& request, const Source& source);

    /// Forgets those whose time is over, some at a time: the timer is due again where there are
    /// more. `visit(const Record&)` sees each before.
    template <class Visit>
    void expire(const Now& now, Visit visit) {
        for (int left = 64; left > 0 && size_ > 0 && front().until <= now.mono; --left) {
            visit(static_cast<const Record&>(front()));
            drop();
        }
        rearm();
    }
    std::size_t size() const { return size_; }
    std::size_t longest_search() const;
    void trim();

private:
    static constexpr std::uint32_t chunk_size = 64, numbers = UINT32_C(1) << 31;
    struct Chunk {
        alignas(Record) unsigned char room[chunk_size * sizeof(Record)];
        void* place(std::uint32_t i) { return room + i * sizeof(Record); }
        Record* at(std::uint32_t i) { return std::launder(static_cast<Record*>(place(i))); }
    };
    enum class Name : std::uint8_t { j };

    /// Records have numbers that rise, round and round; the first of a chunk is a multiple of its
    /// size.
    std::uint32_t behind(std::uint32_t number) const {
        return (number - first_ / chunk_size * chunk_size) % numbers;
    }
    Record& at(std::uint32_t number) {
        const std::uint32_t place = behind(number);
        return *chunks_.at(place / chunk_size)->at(place % chunk_size);
    }
    Record& front() { return at(first_); }
    void drop();
    void rearm();
    bool make_room();
    bool add_spare();
    void let_go(Chunk* chunk);

    Shard& shard_;
    TimerOwner owner_;
    ResponseTails tails_;
    Ring<Chunk*> chunks_;
    Ring<Chunk*> spare_;  ///< at hand; kept with Limits::reserve alone
    std::uint32_t first_ = 0, next_ = 0;
    std::size_t size_ = 0;
    // An entry of an index names the newest record of its hash. It goes last of them, so the others
    // need not be found.
    HashIndex by_request_, by_merge_;
    Timers<Name, 1> timers_;
    bool attached_ = false;
};

}  // namespace sip
