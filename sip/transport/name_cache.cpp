#include "sip/transport/name_cache.hpp"

#include <algorithm>
#include <cstring>

#include "sip/base/text.hpp"
#include "sip/transport/transport_layer.hpp"

namespace sip {
namespace {

constexpr std::size_t label_max = 63;
/// Records of one answer that are looked at, whatever the limit.
constexpr std::size_t records_most = 256;

LookupId id_of(Handle handle) {
    return LookupId{static_cast<std::uint64_t>(handle.generation) << 32 | handle.index};
}
Handle handle_of(LookupId id) {
    const auto value = static_cast<std::uint64_t>(id);
    return {static_cast<std::uint32_t>(value), static_cast<std::uint32_t>(value >> 32)};
}

SipService service_named(std::string_view name) {
    if (equal_ignoring_case(name, "SIP+D2U")) return SipService::udp;
    if (equal_ignoring_case(name, "SIP+D2T")) return SipService::tcp;
    if (equal_ignoring_case(name, "SIPS+D2T")) return SipService::tls;
    return SipService::other;
}

bool is_sip_service(std::string_view name) {
    return equal_ignoring_case(slice(name, 0, 4), "SIP+") ||
           equal_ignoring_case(slice(name, 0, 5), "SIPS+");
}

/// An address that one host can have.
bool is_host_address(const Address& address, RecordType type) {
    if (address.is_v4() != (type == RecordType::a) || address.is_unspecified()) return false;
    return address.is_v4() ? address.bytes[12] != 0 && address.bytes[12] < 224
                           : address.bytes[0] != 0xff;
}

}  // namespace

// ---- Names --------------------------------------------------------------------------------------

DomainName::DomainName(std::string_view prefix, std::string_view text) {
    if (!text.empty() && text.back() == '.') text.remove_suffix(1);
    if (text.empty() || prefix.size() + text.size() > most || parse_numeric_host(text)) return;
    std::size_t label = 0, size = 0;
    for (char c : prefix) text_[size++] = c;
    for (char c : text) {
        if (c == '.') {
            if (label == 0) return;
            label = 0;
        } else if (!(is_alphanumeric(c) || c == '-' || c == '_') || ++label > label_max) {
            return;
        }
        text_[size++] = to_lower(c);
    }
    if (label > 0) size_ = size;
}

bool DomainName::is_invalid() const {
    constexpr std::string_view top = "invalid";
    if (view() == top) return true;
    return view().size() > top.size() && view().ends_with(top) &&
           view()[view().size() - top.size() - 1] == '.';
}

// ---- Records ------------------------------------------------------------------------------------

std::size_t KeptRecords::size() const {
    std::uint32_t count = 0;
    if (bytes_.view().size() < sizeof count) return 0;
    std::memcpy(&count, bytes_.view().data(), sizeof count);
    return count;
}

KeptRecord KeptRecords::at(std::size_t i) const {
    SIP_ASSERT(i < size());
    KeptRecord record;
    std::memcpy(&record, bytes_.view().data() + sizeof(std::uint32_t) + i * sizeof record,
                sizeof record);
    return record;
}

std::string_view KeptRecords::name_of(const KeptRecord& record) const {
    return slice(bytes_.view(), record.name_at, record.name_size);
}

/// What of an answer can be used; no byte of it is trusted. `ttl_s` becomes the shortest of all.
SharedBytes NameCache::keep(RecordType type, std::span<const NameRecord> records,
                            std::uint32_t& ttl_s) {
    const std::size_t most = std::min<std::size_t>(shard_.limits.name_records, records_most);
    SmallVector<KeptRecord, records_most> kept;
    Block names;
    if (!names.resize(shard_.memory, std::min(records.size(), most) * DomainName::most)) {
        if (!records.empty()) ++shard_.counters.limit_memory;
        if (!records.empty()) return {};
    }
    Appender text({names.data(), names.size()});
    for (const NameRecord& record : records) {
        ttl_s = std::min(ttl_s, record.ttl_s);
        KeptRecord one{
            record.address, record.priority, record.weight, record.port, SipService::tcp, 0, 0};
        DomainName name;
        if (type == RecordType::a || type == RecordType::aaaa) {
            if (!is_host_address(record.address, type)) continue;
        } else {
            // RFC 2782: a target is a name, never an address; "." says that nobody is there.
            const bool root = record.target.empty() || record.target == ".";
            name = DomainName(record.target);
            if (name.empty() && !(root && type == RecordType::srv)) continue;
            if (type == RecordType::srv && !root && record.port == 0) continue;
        }
        if (type == RecordType::naptr) {
            if (!equal_ignoring_case(record.flags, "s") || !record.regexp.empty() ||
                !is_sip_service(record.service))
                continue;
            one.service = service_named(record.service);
        }
        if (kept.size() == most) {
            ++shard_.counters.limit_name_records;
            break;
        }
        one.name_at = static_cast<std::uint32_t>(text.size());
        one.name_size = static_cast<std::uint32_t>(name.view().size());
        text << name.view();
        const bool pushed = kept.push(one);
        SIP_ASSERT(pushed);
    }
    const auto count = static_cast<std::uint32_t>(kept.size());
    const std::size_t head = sizeof count + count * sizeof(KeptRecord);
    for (KeptRecord& record : kept) record.name_at += static_cast<std::uint32_t>(head);
    SharedBytes made =
        SharedBytes::make(shard_.memory, head + text.size(), [&](std::span<char> room) {
            std::memcpy(room.data(), &count, sizeof count);
            if (count > 0)
                std::memcpy(room.data() + sizeof count, kept.begin(), count * sizeof(KeptRecord));
            if (text.size() > 0) std::memcpy(room.data() + head, text.view().data(), text.size());
        });
    if (!made) ++shard_.counters.limit_memory;
    return made;
}

// ---- The cache ----------------------------------------------------------------------------------

NameCache::NameCache(Shard& shard, TransportLayer& transport)
    : shard_(shard),
      transport_(transport),
      entries_(shard.memory,
               std::size_t{shard.limits.name_cache_entries} + shard.limits.name_questions),
      by_name_(shard.memory) {
    shard.reserve(entries_.limit(), entries_, by_name_);
}

NameCache::~NameCache() = default;

NameCache::Entry* NameCache::find(RecordType type, const DomainName& name, std::uint64_t hash) {
    const std::uint32_t index = by_name_.find(hash, [&](std::uint32_t i) {
        const Entry& entry = entries_.at(i);
        return entry.type == type && entry.name.view() == name.view();
    });
    return index == HashIndex::none ? nullptr : &entries_.at(index);
}

void NameCache::destroy(Entry& entry) {
    if (entry.asking) --asking_;
    answered_.take_all(entry.waiting);  // nobody answered them
    bytes_ -= sizeof(Entry) + entry.name.size() + entry.records.bytes();
    by_name_.erase(entry.hash, entry.self.index);
    entries_.destroy(entry.self);
}

void NameCache::make_room() {
    while (!known_.alone() && (entries_.size() - asking_ > shard_.limits.name_cache_entries ||
                               bytes_ > shard_.limits.name_cache_bytes || entries_.full())) {
        ++shard_.counters.limit_name_cache;
        destroy(*static_cast<Entry*>(known_.next()));
    }
}

NameCache::Entry* NameCache::make(RecordType type, const DomainName& name, std::uint64_t hash) {
    make_room();
    const Handle handle = entries_.create();
    if (!handle) {
        ++shard_.counters.limit_memory;
        return nullptr;
    }
    Entry& entry = *entries_.find(handle);
    if (!entry.name.assign(shard_.memory, name.view()) || !by_name_.insert(hash, handle.index)) {
        ++shard_.counters.limit_memory;
        entries_.destroy(handle);
        return nullptr;
    }
    entry.self = handle;
    entry.type = type;
    entry.hash = hash;
    bytes_ += sizeof(Entry) + entry.name.size();
    return &entry;
}

/// False: it cannot be asked now.
bool NameCache::begin_question(const Now& now, Entry& entry) {
    const SharedBytes name = SharedBytes::copy(shard_.memory, entry.name.view());
    if (!name) {
        ++shard_.counters.limit_memory;
        return false;
    }
    if (!transport_.emit(Resolve{id_of(entry.self), entry.type, name})) return false;
    ++shard_.counters.name_questions;
    ++asking_;
    entry.asking = true;
    entry.until = later(now.mono, shard_.limits.name_lookup_time);
    entry.join(asked_);
    return true;
}

void NameCache::ask(const Now& now, RecordType type, const DomainName& name, NameWaiter& waiter) {
    const std::uint64_t hash =
        mix(table_hash(shard_.key, name.view()), static_cast<std::uint64_t>(type));
    waiter.pending = false;
    waiter.kind = NameAnswer::Kind::failed;
    waiter.records = {};
    Entry* entry = find(type, name, hash);
    if (entry != nullptr && entry->asking && entry->until <= now.mono) {
        // The edge owes an answer; who waited has given up.
        destroy(*entry);
        entry = nullptr;
    }
    if (entry != nullptr && !entry->asking) {
        if (now.mono < entry->until) {
            entry->join(known_);
            waiter.kind = entry->kind;
            waiter.records = entry->records;
            return;
        }
        destroy(*entry);
        entry = nullptr;
    }
    if (entry == nullptr) {
        if (!asked_.alone()) {
            Entry& oldest = *static_cast<Entry*>(asked_.next());
            if (oldest.until <= now.mono) destroy(oldest);
        }
        if (asking_ >= shard_.limits.name_questions) {
            ++shard_.counters.limit_name_questions;
            return;
        }
        entry = make(type, name, hash);
        if (entry == nullptr) return;
        if (!begin_question(now, *entry)) {
            destroy(*entry);
            return;
        }
    }
    waiter.pending = true;
    waiter.join(entry->waiting);
}

void NameCache::resolved(const Now& now, const NameAnswer& answer) {
    Entry* entry = entries_.find(handle_of(answer.id));
    if (entry == nullptr || !entry->asking) return;
    const Limits& limits = shard_.limits;
    --asking_;
    entry->asking = false;
    entry->kind = answer.kind;
    Duration lasts = limits.name_failure_ttl;
    if (answer.kind == NameAnswer::Kind::found) {
        std::uint32_t ttl_s = UINT32_MAX;
        SharedBytes kept = keep(entry->type, answer.records, ttl_s);
        if (!kept) entry->kind = NameAnswer::Kind::failed;
        entry->records = KeptRecords(std::move(kept));
        bytes_ += entry->records.bytes();
        // RFC 2181 8: a number with the highest bit set is none.
        if (ttl_s > INT32_MAX) ttl_s = 0;
        lasts = std::min<Duration>(seconds{ttl_s}, limits.name_ttl_max);
        if (entry->records.size() == 0) lasts = std::min(lasts, limits.name_negative_ttl_max);
    } else if (answer.kind == NameAnswer::Kind::nothing) {
        lasts = std::min<Duration>(seconds{answer.negative_ttl_s}, limits.name_negative_ttl_max);
    } else {
        ++shard_.counters.name_failures;
    }
    entry->until = later(now.mono, lasts);
    entry->join(known_);
    for (Linked* each = entry->waiting.next(); each != &entry->waiting; each = each->next()) {
        auto& waiter = *static_cast<NameWaiter*>(each);
        waiter.kind = entry->kind;
        waiter.records = entry->records;
    }
    answered_.take_all(entry->waiting);
    // RFC 1035 3.2.1: what has no time to live is for those who asked alone.
    if (lasts <= Duration{}) destroy(*entry);
    make_room();
}

std::optional<Handle> NameCache::next_answered() {
    if (answered_.alone()) return {};
    auto& waiter = *static_cast<NameWaiter*>(answered_.next());
    waiter.leave();
    waiter.pending = false;
    return waiter.owner;
}

void NameCache::trim() {
    while (!known_.alone()) destroy(*static_cast<Entry*>(known_.next()));
    entries_.trim();
    by_name_.trim();
}

}  // namespace sip
