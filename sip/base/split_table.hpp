#pragma once

#include <cstddef>
#include <cstdint>

#include "sip/base/assert.hpp"
#include "sip/base/chunks.hpp"
#include "sip/base/inline.hpp"
#include "sip/base/memory.hpp"

namespace sip {

/// Linear hashing: a table that grows by one bucket with each insertion, which moves what stands in
/// one other bucket, so that no insertion ever moves all. There are as many buckets as the most
/// that it had. Where links and buckets stand is the owner's affair.
///
/// A Ref is a pointer or an index, `none` names nothing. An Access gives `Ref& head(std::size_t)`
/// of a bucket, `Ref& next(Ref)`, the link, and `std::uint64_t hash(Ref)`, which stays the same
/// while it is in the table.
template <class Ref, Ref none>
class SplitBuckets {
public:
    /// There is room for `size() + 1` buckets.
    template <class Access>
    void insert(Ref ref, Access access) {
        ++size_;
        if (buckets_ < size_) split(access);
        Ref& head = access.head(place_of(access.hash(ref)));
        access.next(ref) = head;
        head = ref;
    }
    /// Removes the first one in the bucket of `hash` for which `is_it(ref)` holds, which is there.
    template <class Access, class Predicate>
    Ref take(std::uint64_t hash, Access access, Predicate is_it) {
        SIP_ASSERT(size_ > 0);
        Ref* link = &access.head(place_of(hash));
        while (*link == none || !is_it(*link)) {
            SIP_ASSERT(*link != none);
            link = &access.next(*link);
        }
        const Ref taken = *link;
        *link = access.next(taken);
        --size_;
        return taken;
    }
    /// The first one in the bucket of `hash` for which `is_it(ref)` holds; `none` otherwise. Others
    /// than those of that hash are asked about, too.
    template <class Access, class Predicate>
    Ref find(std::uint64_t hash, Access access, Predicate is_it) const {
        for (Ref at = first(hash, access); at != none; at = access.next(at))
            if (is_it(at)) return at;
        return none;
    }
    /// The first one in the bucket of `hash`; `none` where it is empty.
    template <class Access>
    Ref first(std::uint64_t hash, Access access) const {
        return size_ == 0 ? none : access.head(place_of(hash));
    }
    /// Forgets its buckets. It is empty.
    void reset() {
        SIP_ASSERT(size_ == 0);
        buckets_ = 0;
        round_ = 1;
    }
    std::size_t size() const { return size_; }
    /// The most that any search asks about; found by going through all. For tests.
    template <class Access>
    std::size_t longest_chain(Access access) const {
        std::size_t longest = 0;
        for (std::size_t i = 0; i < buckets_; ++i) {
            std::size_t length = 0;
            for (Ref at = access.head(i); at != none; at = access.next(at)) ++length;
            if (length > longest) longest = length;
        }
        return longest;
    }

private:
    /// `round_` buckets, and those that the first ones of them were split into.
    std::size_t place_of(std::uint64_t hash) const {
        const auto place = static_cast<std::size_t>(hash) & (2 * round_ - 1);
        return place < buckets_ ? place : place & (round_ - 1);
    }
    template <class Access>
    void split(Access access) {
        access.head(buckets_) = none;
        if (buckets_ == 0) {
            buckets_ = 1;
            return;
        }
        if (buckets_ == 2 * round_) round_ = buckets_;
        const std::size_t from = buckets_ - round_;
        Ref at = access.head(from);
        access.head(from) = none;
        ++buckets_;
        while (at != none) {
            const Ref next = access.next(at);
            Ref& head = access.head(place_of(access.hash(at)));
            access.next(at) = head;
            head = at;
            at = next;
        }
    }

    std::size_t size_ = 0, buckets_ = 0;
    std::size_t round_ = 1;  ///< a power of two: buckets of which some have been split
};

/// Finds objects by keyed hash, chained by a link in each: about one reference of room an object
/// beside that. An Access is that of SplitBuckets without `head`.
template <class Ref, Ref none>
class SplitTable {
    using Heads = Chunks<Ref, 64>;
    template <class Access>
    struct With : Access {
        Heads& heads;
        Ref& head(std::size_t i) const { return heads[i]; }
    };

public:
    SIP_CALL_FOR_SIZE explicit SplitTable(Memory& memory) : heads_(memory) {}

    /// Room for one more, so that the next insert cannot fail. False: refused.
    [[nodiscard]] bool reserve_one() {
        return buckets_.size() < heads_.capacity() || heads_.grow();
    }
    /// False: memory refused. Twice the same is a bug of the caller.
    template <class Access>
    [[nodiscard]] bool insert(Ref ref, Access access) {
        if (!reserve_one()) return false;
        buckets_.insert(ref, With<Access>{access, heads_});
        return true;
    }
    /// Removes what is there.
    template <class Access>
    void erase(Ref ref, Access access) {
        (void)buckets_.take(access.hash(ref), With<Access>{access, heads_},
                            [&](Ref at) { return at == ref; });
    }
    /// The first one in the bucket of `hash` for which `is_it(ref)` holds; `none` otherwise. Others
    /// than those of that hash are asked about, too.
    template <class Access, class Predicate>
    Ref find(std::uint64_t hash, Access access, Predicate is_it) const {
        return buckets_.find(hash, with(access), is_it);
    }
    /// Gives its memory back if it is empty.
    void trim() {
        if (buckets_.size() > 0) return;
        buckets_.reset();
        heads_.trim();
    }
    std::size_t size() const { return buckets_.size(); }
    /// The most that any search asks about; found by going through all. For tests.
    template <class Access>
    std::size_t longest_chain(Access access) const {
        return buckets_.longest_chain(with(access));
    }

private:
    template <class Access>
    With<Access> with(Access access) const {
        return {access, const_cast<Heads&>(heads_)};
    }

    SplitBuckets<Ref, none> buckets_;
    Heads heads_;
};

}  // namespace sip
