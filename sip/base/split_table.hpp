#pragma once

#include <cstddef>
#include <cstdint>

#include "sip/base/assert.hpp"
#include "sip/base/memory.hpp"

namespace sip {

/// Finds objects by keyed hash, chained by a link in each: about one reference of room an object
/// beside that. Linear hashing: an insertion adds at most one bucket and moves what stands in one
/// other, so that no insertion ever moves all; and there are as many buckets as objects.
///
/// A Ref is a pointer or an index, `none` names nothing. An Access gives `Ref& next(Ref)`, the
/// link, and `std::uint64_t hash(Ref)`, which stays the same while it is in the table.
template <class Ref, Ref none>
class SplitTable {
    static constexpr std::size_t chunk_size = 64;

public:
    explicit SplitTable(Memory& memory) : memory_(&memory), chunks_(memory) {}
    SplitTable(const SplitTable&) = delete;
    SplitTable& operator=(const SplitTable&) = delete;
    ~SplitTable() { release(); }

    /// Room for one more, so that the next insert cannot fail. False: refused.
    [[nodiscard]] bool reserve_one() {
        if (size_ < chunks_.size() * chunk_size) return true;
        void* raw = memory_->allocate(chunk_size * sizeof(Ref));
        if (raw == nullptr) return false;
        Ref* chunk = static_cast<Ref*>(raw);
        if (!chunks_.push(chunk)) {
            memory_->release(raw, chunk_size * sizeof(Ref));
            return false;
        }
        for (std::size_t i = 0; i < chunk_size; ++i) new (chunk + i) Ref(none);
        return true;
    }
    /// False: memory refused. Twice the same is a bug of the caller.
    template <class Access>
    [[nodiscard]] bool insert(Ref ref, Access access) {
        if (!reserve_one()) return false;
        ++size_;
        if (buckets_ < size_) split(access);
        Ref& head = bucket(place_of(access.hash(ref)));
        access.next(ref) = head;
        head = ref;
        return true;
    }
    /// Removes what is there.
    template <class Access>
    void erase(Ref ref, Access access) {
        Ref* link = &bucket(place_of(access.hash(ref)));
        while (*link != ref) {
            SIP_ASSERT(*link != none);
            link = &access.next(*link);
        }
        *link = access.next(ref);
        --size_;
    }
    /// The first one in the bucket of `hash` for which `is_it(ref)` holds; `none` otherwise. Others
    /// than those of that hash are asked about, too.
    template <class Access, class Predicate>
    Ref find(std::uint64_t hash, Access access, Predicate is_it) const {
        if (size_ == 0) return none;
        for (Ref at = const_cast<SplitTable*>(this)->bucket(place_of(hash)); at != none;
             at = access.next(at))
            if (is_it(at)) return at;
        return none;
    }
    /// Gives its memory back if it is empty.
    void trim() {
        if (size_ == 0) release();
    }
    std::size_t size() const { return size_; }
    /// The most that any search asks about; found by going through all. For tests.
    template <class Access>
    std::size_t longest_chain(Access access) const {
        std::size_t longest = 0;
        for (std::size_t i = 0; i < buckets_; ++i) {
            std::size_t length = 0;
            for (Ref at = const_cast<SplitTable*>(this)->bucket(i); at != none;
                 at = access.next(at))
                ++length;
            if (length > longest) longest = length;
        }
        return longest;
    }

private:
    Ref& bucket(std::size_t i) { return chunks_[i / chunk_size][i % chunk_size]; }
    /// `round_` buckets, and those that the first ones of them were split into.
    std::size_t place_of(std::uint64_t hash) const {
        const std::size_t place = static_cast<std::size_t>(hash) & (2 * round_ - 1);
        return place < buckets_ ? place : place & (round_ - 1);
    }
    template <class Access>
    void split(Access access) {
        if (buckets_ == 0) {
            buckets_ = 1;
            return;
        }
        if (buckets_ == 2 * round_) round_ = buckets_;
        const std::size_t from = buckets_ - round_;
        Ref at = bucket(from);
        bucket(from) = none;
        ++buckets_;
        while (at != none) {
            const Ref next = access.next(at);
            Ref& head = bucket(place_of(access.hash(at)));
            access.next(at) = head;
            head = at;
            at = next;
        }
    }
    void release() {
        for (Ref* chunk : chunks_) memory_->release(chunk, chunk_size * sizeof(Ref));
        chunks_.clear();
        chunks_.trim();
        buckets_ = 0;
        round_ = 1;
    }

    Memory* memory_;
    Vector<Ref*> chunks_;
    std::size_t size_ = 0, buckets_ = 0;
    std::size_t round_ = 1;  ///< a power of two: buckets of which some have been split
};

}  // namespace sip
