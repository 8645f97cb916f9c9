#include "sip/transaction/completed_transactions.hpp"

#include <algorithm>
#include <utility>

#include "sip/transaction/reply.hpp"

namespace sip {

CompletedTransactions::CompletedTransactions(Shard& shard, TimerOwner owner)
    : shard_(shard),
      owner_(owner),
      tails_(shard),
      chunks_(shard.memory, SIZE_MAX),
      spare_(shard.memory, SIZE_MAX),
      by_request_(shard.memory),
      by_merge_(shard.memory) {
    if (!shard.limits.reserve) return;
    const std::uint32_t count = shard.limits.completed_transactions;
    // Of the first one and the last one a part may be in use.
    const std::size_t chunks = (count + chunk_size - 1) / chunk_size + 1;
    shard.reserve(count, by_request_, by_merge_);
    shard.reserve(chunks, chunks_, spare_);
    while (shard.has_room && spare_.size() < chunks) shard.has_room = add_spare();
    shard.reserve_timers(1);
}

CompletedTransactions::~CompletedTransactions() {
    while (size_ > 0) drop();
    while (!chunks_.empty()) shard_.memory.release(chunks_.pop(), sizeof(Chunk));
    while (!spare_.empty()) shard_.memory.release(spare_.pop(), sizeof(Chunk));
    if (attached_) timers_.detach(shard_.timers);
}

bool CompletedTransactions::make_room() {
    if (!attached_) attached_ = timers_.attach(shard_.timers, owner_);
    if (!attached_ || !by_request_.reserve_one() || !by_merge_.reserve_one()) return false;
    if (chunks_.size() > behind(next_) / chunk_size) return true;
    if (spare_.empty() && !add_spare()) return false;
    Chunk* chunk = spare_.pop();
    if (chunks_.push(std::move(chunk))) return true;
    let_go(chunk);
    return false;
}

bool CompletedTransactions::add_spare() {
    void* raw = shard_.memory.allocate(sizeof(Chunk));
    if (raw == nullptr) return false;
    if (spare_.push(new (raw) Chunk)) return true;
    shard_.memory.release(raw, sizeof(Chunk));
    return false;
}

void CompletedTransactions::let_go(Chunk* chunk) {
    if (shard_.limits.reserve && spare_.push(std::move(chunk))) return;
    shard_.memory.release(chunk, sizeof(Chunk));
}

bool CompletedTransactions::add(const Now& now, Record&& record, std::string_view reason,
                                std::string_view bytes) {
    const std::uint32_t limit = shard_.limits.completed_transactions;
    if (limit == 0) return false;
    if (size_ >= limit) {
        ++shard_.counters.limit_completed_transactions;
        drop();
    }
    if (!make_room() || !tails_.keep(reason, bytes, record.tail)) {
        ++shard_.counters.limit_memory;
        rearm();
        return false;
    }
    const std::uint32_t number = next_, place_at = behind(number);
    void* place = chunks_.at(place_at / chunk_size)->place(place_at % chunk_size);
    record.until = later(now.mono, 64 * shard_.limits.t1);
    const Record& kept = *new (place) Record(std::move(record));
    next_ = (next_ + 1) % numbers;
    ++size_;
    const auto enter = [&](HashIndex& index, std::uint64_t hash, std::uint32_t older) {
        if (older != HashIndex::none)
            index.replace(hash, older, number);
        else if (!index.insert(hash, number))
            SIP_ASSERT(false);
    };
    enter(by_request_, kept.key.a,
          by_request_.find(kept.key.a, [&](std::uint32_t i) { return at(i).key == kept.key; }));
    if (kept.merge != 0)
        enter(by_merge_, kept.merge, by_merge_.find(kept.merge, [&](std::uint32_t i) {
            return at(i).merge == kept.merge;
        }));
    if (size_ == 1) rearm();
    return true;
}

void CompletedTransactions::drop() {
    Record& record = front();
    const auto leave = [&](HashIndex& index, std::uint64_t hash) {
        const std::uint32_t found = index.find(hash, [&](std::uint32_t i) { return i == first_; });
        if (found != HashIndex::none) index.erase(hash, found);
    };
    leave(by_request_, record.key.a);
    if (record.merge != 0) leave(by_merge_, record.merge);
    tails_.release(record.tail);
    record.~Record();
    first_ = (first_ + 1) % numbers;
    --size_;
    if (first_ % chunk_size == 0) let_go(chunks_.pop());
    if (size_ > 0) return;
    // What comes next begins a chunk.
    first_ = next_ = 0;
    while (!chunks_.empty()) let_go(chunks_.pop());
}

void CompletedTransactions::rearm() {
    if (!attached_) return;
    if (size_ > 0)
        timers_.set(shard_.timers, Name::j, front().until);
    else
        timers_.stop(shard_.timers, Name::j);
}

const CompletedTransactions::Record* CompletedTransactions::find(const Now& now,
                                                                 const RequestKey& key) {
    const std::uint32_t found =
        by_request_.find(key.a, [&](std::uint32_t i) { return at(i).key == key; });
    if (found == HashIndex::none || at(found).until <= now.mono) return nullptr;
    return &at(found);
}

const CompletedTransactions::Record* CompletedTransactions::find_merge(const Now& now,
                                                                       std::uint64_t merge) {
    const std::uint32_t found =
        by_merge_.find(merge, [&](std::uint32_t i) { return at(i).merge == merge; });
    if (found == HashIndex::none || at(found).until <= now.mono) return nullptr;
    return &at(found);
}

Packet CompletedTransactions::response(const Record& record, const MessageView& request,
                                       const Source& source) {
    Room<16> tag;
    tag.hex(record.to_tag);
    Reply reply(shard_, request, source, tag.view(), record.status, tails_.reason_of(record.tail));
    tails_.write(reply.rest(), record.tail);
    return reply.finish_copy();
}

std::size_t CompletedTransactions::longest_search() const {
    return std::max(by_request_.longest_run(), by_merge_.longest_run());
}

void CompletedTransactions::trim() {
    if (size_ > 0) return;
    if (attached_) timers_.detach(shard_.timers);
    attached_ = false;
    chunks_.trim();
    spare_.trim();
    by_request_.trim();
    by_merge_.trim();
    tails_.trim();
}

}  // namespace sip
