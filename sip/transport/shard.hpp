#pragma once

#include <algorithm>
#include <span>

#include "sip/base/address_range.hpp"
#include "sip/base/common_counts.hpp"
#include "sip/base/entropy.hpp"
#include "sip/base/interner.hpp"
#include "sip/base/limits.hpp"
#include "sip/base/memory.hpp"
#include "sip/base/place.hpp"
#include "sip/base/reserve.hpp"
#include "sip/base/siphash.hpp"
#include "sip/base/timer_queue.hpp"
#include "sip/base/tracer.hpp"
#include "sip/message/leniency.hpp"
#include "sip/transport/counters.hpp"
#include "sip/transport/source.hpp"

namespace sip {

/// What every part of one stack shares: single-threaded, no globals. Made first, gone last.
struct Shard {
    Shard(const Limits& limits_given, const Leniency& leniency_given, Entropy& entropy_given,
          Tracer* tracer_given, std::span<std::byte> arena = {},
          const WorkerPlace& place_given = {}, CommonCounts* common_given = nullptr)
        : limits(limits_given),
          leniency(leniency_given),
          memory(limits_given.memory_bytes, arena),
          entropy(entropy_given),
          key(place_given.is_alone() ? HashKey{entropy_given.next(), entropy_given.next()}
                                     : place_given.common_key()),
          texts(memory, key),
          place(place_given),
          common(common_given),
          timers(memory),
          tracer(tracer_given) {
        limits.memory_bytes = memory.cap();
        memory.set_reserve(std::min(reserve_bytes, memory.cap() / 16));
        if (!scratch_block.resize(memory, limits.response_bytes)) ++counters.limit_memory;
    }

    /// Of the memory cap, for answers that keep no state (503 above all).
    static constexpr std::size_t reserve_bytes = 131'072;

    Limits limits;
    Leniency leniency;
    Memory memory;
    Entropy& entropy;
    HashKey key;     ///< of several workers the same
    Interner texts;  ///< that many have: addresses, Contacts, route sets
    WorkerPlace place;
    CommonCounts* common;  ///< null: we count alone
    TimerQueue timers;
    AddressRanges exempt;  ///< from rates, from quotas by address, and from jitter
    Tracer* tracer;        ///< null: nobody listens
    Counters counters;
    Block scratch_block;
    bool has_room = true;  ///< Limits::reserve: nothing was refused
    std::size_t timers_reserved = 0, texts_reserved = 0;

    /// Limits::reserve: these tables take what `count` entries need.
    template <class... Table>
    void reserve(std::size_t count, Table&... tables) {
        if (limits.reserve) has_room = (sip::reserve(tables, memory, count) && ...) && has_room;
    }
    /// So many objects more may have deadlines.
    void reserve_timers(std::size_t count) {
        timers_reserved += count;
        reserve(timers_reserved, timers);
    }
    /// So many different texts more may be kept at one time.
    void reserve_texts(std::size_t count) {
        texts_reserved += count;
        reserve(texts_reserved, texts);
    }

    /// Sixteen digits of entropy for what comes back to us in messages.
    std::uint64_t mint() { return place.mark(entropy.next()); }

    /// Room to write one message of our own in. Empty when memory refused it at the start.
    std::span<char> scratch() { return {scratch_block.data(), scratch_block.size()}; }

    bool is_exempt(const Source& source) const { return exempt.contains(source.remote.address); }

    void decision(const Now& now, std::string_view what, std::string_view reason,
                  std::string_view subject, std::uint16_t status = 0, std::string_view about = {}) {
        if (tracer != nullptr) tracer->decision(now, {what, reason, subject, status, about});
    }
};

}  // namespace sip
