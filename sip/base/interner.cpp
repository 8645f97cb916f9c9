#include "sip/base/interner.hpp"

#include <cstring>
#include <new>

namespace sip {

bool Interner::intern(std::string_view text, std::uint64_t hash, Interned& out) {
    out.reset();
    if (text.empty()) return true;
    using Entry = Interned::Entry;
    Entry* known = table_.find(hash, Access{}, [&](const Entry* entry) {
        return entry->hash == hash && entry->size == text.size() &&
               std::memcmp(static_cast<const void*>(entry + 1), text.data(), text.size()) == 0;
    });
    if (known == nullptr) {
        void* raw = memory_->allocate(sizeof(Entry) + text.size());
        if (raw == nullptr) return false;
        known = new (raw) Entry{this, nullptr, hash, 0, static_cast<std::uint32_t>(text.size())};
        std::memcpy(static_cast<void*>(known + 1), text.data(), text.size());
        if (!table_.insert(known, Access{})) {
            memory_->release(raw, sizeof(Entry) + text.size());
            return false;
        }
    }
    ++known->count;
    out = Interned(known);
    return true;
}

void Interner::release(Interned::Entry* entry) {
    table_.erase(entry, Access{});
    memory_->release(entry, sizeof(Interned::Entry) + entry->size);
}

bool Interner::reserve(std::size_t count) {
    Vector<Interned::Entry> entries(*memory_);
    if (!entries.reserve(count)) return false;
    std::size_t i = 0;
    for (; i < count; ++i)
        if (!entries.push({this, nullptr, i, 0, 0}) || !table_.insert(&entries[i], Access{})) break;
    const bool all = i == count;
    while (i-- > 0) table_.erase(&entries[i], Access{});
    return all;
}

}  // namespace sip
