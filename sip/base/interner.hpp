#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include "sip/base/siphash.hpp"
#include "sip/base/split_table.hpp"

namespace sip {

class Interner;

/// A text that whoever has the same one shares: addresses, Contacts, route sets. Empty by default.
/// Every one is gone before its Interner is.
class Interned {
public:
    Interned() = default;
    Interned(const Interned& other) : entry_(other.entry_) {
        if (entry_ != nullptr) ++entry_->count;
    }
    Interned(Interned&& other) noexcept : entry_(std::exchange(other.entry_, nullptr)) {}
    Interned& operator=(Interned other) noexcept {
        std::swap(entry_, other.entry_);
        return *this;
    }
    ~Interned() { reset(); }
    void reset();

    std::string_view view() const {
        if (entry_ == nullptr) return {};
        return {reinterpret_cast<const char*>(entry_ + 1), entry_->size};
    }
    /// That of its text under the interner's key.
    std::uint64_t hash() const { return entry_ == nullptr ? 0 : entry_->hash; }
    bool empty() const { return entry_ == nullptr; }
    /// Whether it is the same text.
    friend bool operator==(const Interned& a, const Interned& b) { return a.entry_ == b.entry_; }

private:
    friend class Interner;
    struct Entry {
        Interner* owner;
        Entry* next;
        std::uint64_t hash;
        std::uint32_t count, size;
    };
    explicit Interned(Entry* entry) : entry_(entry) {}

    Entry* entry_ = nullptr;
};

/// Keeps each text once, however many have it, in a block of its own, for as long as somebody does.
class Interner {
public:
    Interner(Memory& memory, const HashKey& key) : memory_(&memory), key_(key), table_(memory) {}

    /// Finds or makes it. False: memory refused, and `out` is empty.
    [[nodiscard]] bool intern(std::string_view text, Interned& out) {
        return intern(text, hash_of(text), out);
    }
    /// The same where its hash is known already.
    [[nodiscard]] bool intern(std::string_view text, std::uint64_t hash, Interned& out);
    std::uint64_t hash_of(std::string_view text) const { return table_hash(key_, text); }
    /// Takes what a table of `count` texts needs now; it is empty before. False: refused.
    [[nodiscard]] bool reserve(std::size_t count);
    /// How many different ones there are.
    std::size_t size() const { return table_.size(); }
    /// Gives its memory back if it is empty.
    void trim() { table_.trim(); }

private:
    friend class Interned;
    struct Access {
        Interned::Entry*& next(Interned::Entry* entry) const { return entry->next; }
        std::uint64_t hash(const Interned::Entry* entry) const { return entry->hash; }
    };
    void release(Interned::Entry* entry);

    Memory* memory_;
    HashKey key_;
    SplitTable<Interned::Entry*, nullptr> table_;
};

inline void Interned::reset() {
    if (entry_ != nullptr && --entry_->count == 0) entry_->owner->release(entry_);
    entry_ = nullptr;
}

}  // namespace sip
