#include "sip/auth/nonce_table.hpp"

#include <algorithm>
#include <array>
#include <span>

#include "sip/base/text.hpp"

namespace sip {

namespace {

constexpr std::size_t stamp_digits = 16;
constexpr std::size_t mac_digits = NonceTable::nonce_bytes - stamp_digits;
constexpr std::uint32_t window = 64;

std::optional<std::uint64_t> parse_stamp(std::string_view text) {
    std::uint64_t stamp = 0;
    for (const char c : text) {
        // Upper case would make a second spelling of one nonce.
        if (hex_value(c) < 0 || c != to_lower(c)) return {};
        stamp = stamp << 4 | static_cast<unsigned>(hex_value(c));
    }
    return stamp;
}

HmacSha256 with_new_key(Entropy& entropy) {
    std::array<char, 32> key;
    entropy.fill(std::as_writable_bytes(std::span(key)));
    return HmacSha256({key.data(), key.size()});
}

}  // namespace

/// Puts the slot whose nonce was made first at the front of the heap.
struct NonceTable::MadeLater {
    const Vector<Entry>& entries;
    bool operator()(std::uint32_t a, std::uint32_t b) const {
        return entries[a].issued > entries[b].issued;
    }
};

NonceTable::NonceTable(Memory& memory, Entropy& entropy, std::size_t limit, Duration lifetime,
                       const WorkerPlace& place, CommonCounts* common)
    : keyed_(with_new_key(entropy)),
      place_(place),
      common_(common),
      limit_(limit == 0 ? 1 : limit),
      lifetime_(lifetime),
      entries_(memory),
      by_age_(memory),
      index_(memory) {
    offset_ = entropy.next();
    table_key_.k0 = entropy.next();
}

void NonceTable::write_mac(Appender& out, std::uint64_t stamp, std::string_view realm) const {
    Room<stamp_digits> text;
    text.hex(stamp);
    HmacSha256 mac = keyed_;
    mac.update(text.view());
    mac.update(realm);
    const HmacSha256::Digest digest = mac.finish();
    for (std::size_t i = 0; i < mac_digits / 2; ++i) out.hex(digest[i], 2);
}

void NonceTable::write(Appender& out, const Now& now, std::string_view realm) {
    const auto marked = [this](std::int64_t moment) {
        return static_cast<std::int64_t>(place_.mark(static_cast<std::uint64_t>(moment)));
    };
    std::int64_t issued = marked(now.mono.time_since_epoch().count());
    if (issued <= last_issued_)
        issued = last_issued_ + (place_.is_alone() ? 1 : std::int64_t{WorkerPlace::workers_max});
    last_issued_ = issued;
    const std::uint64_t stamp = static_cast<std::uint64_t>(issued) + offset_;
    out.hex(stamp);
    write_mac(out, stamp, realm);
}

bool NonceTable::expired(const Now& now, std::int64_t issued) const {
    const std::int64_t at = now.mono.time_since_epoch().count();
    return at > issued && Duration(at - issued) > lifetime_;
}

NonceTable::Check NonceTable::check(const Now& now, std::string_view realm,
                                    std::string_view nonce) const {
    if (nonce.size() != nonce_bytes) return {};
    const auto stamp = parse_stamp(slice(nonce, 0, stamp_digits));
    if (!stamp) return {};
    Room<mac_digits> mac;
    write_mac(mac, *stamp, realm);
    if (!equal_in_constant_time(mac.view(), slice(nonce, stamp_digits))) return {};
    Check check;
    check.issued = static_cast<std::int64_t>(*stamp - offset_);
    check.state = State::expired;
    if (expired(now, check.issued) || check.issued <= forgotten_up_to_) return check;
    check.state = State::current;
    check.left = lifetime_ - Duration(now.mono.time_since_epoch().count() - check.issued);
    return check;
}

std::uint32_t NonceTable::slot_for(const Now& now, std::int64_t issued) {
    const bool oldest_is_done = !by_age_.empty() && expired(now, entries_[by_age_[0]].issued);
    if (!oldest_is_done && entries_.size() < limit_ && by_age_.reserve(by_age_.size() + 1) &&
        index_.reserve_one() && entries_.push({})) {
        const auto slot = static_cast<std::uint32_t>(entries_.size() - 1);
        (void)by_age_.push(slot);
        return slot;
    }
    if (by_age_.empty() || issued < entries_[by_age_[0]].issued) {
        // It would be the oldest, and so the first to go: it goes at once, used up.
        forgotten_up_to_ = std::max(forgotten_up_to_, issued);
        ++forgotten_;
        return HashIndex::none;
    }
    // The slot goes to the back of the heap, whence `use` pushes it again with its new moment.
    std::pop_heap(by_age_.begin(), by_age_.end(), MadeLater{entries_});
    const std::uint32_t slot = by_age_.back();
    forgotten_up_to_ = std::max(forgotten_up_to_, entries_[slot].issued);
    ++forgotten_;
    index_.erase(hash_of(entries_[slot].issued), slot);
    return slot;
}

void NonceTable::trim(const Now& now) {
    for (const Entry& entry : entries_)
        if (!expired(now, entry.issued)) return;
    for (std::size_t i = 0; i < entries_.size(); ++i)
        index_.erase(hash_of(entries_[i].issued), static_cast<std::uint32_t>(i));
    entries_.clear();
    by_age_.clear();
    entries_.trim();
    by_age_.trim();
    index_.trim();
}

NonceTable::Use NonceTable::count_up(Entry& entry, std::optional<std::uint32_t> count) {
    if (!count) {
        if (entry.used_without_count) return Use::repeated;
        entry.used_without_count = true;
        return Use::first;
    }
    if (entry.seen == 0 || *count > entry.highest) {
        const std::uint32_t ahead = entry.seen == 0 ? window : *count - entry.highest;
        entry.seen = (ahead < window ? entry.seen << ahead : 0) | 1;
        entry.highest = *count;
        return Use::first;
    }
    const std::uint32_t behind = entry.highest - *count;
    if (behind >= window || (entry.seen >> behind & 1) != 0) return Use::repeated;
    entry.seen |= std::uint64_t{1} << behind;
    return Use::first;
}

NonceTable::Use NonceTable::use(const Now& now, std::int64_t issued,
                                std::optional<std::uint32_t> count) {
    const std::uint64_t hash = hash_of(issued);
    if (common_ != nullptr) {
        const Instant until{std::chrono::nanoseconds{issued} + lifetime_};
        return common_->use_nonce(hash, until, count) ? Use::first : Use::repeated;
    }
    std::uint32_t slot =
        index_.find(hash, [this, issued](std::uint32_t i) { return entries_[i].issued == issued; });
    if (slot != HashIndex::none) return count_up(entries_[slot], count);
    slot = slot_for(now, issued);
    if (slot == HashIndex::none) return Use::first;
    entries_[slot] = {issued, 0, 0, false};
    std::push_heap(by_age_.begin(), by_age_.end(), MadeLater{entries_});
    // The room was reserved, or an entry was taken out just now.
    (void)index_.insert(hash, slot);
    return count_up(entries_[slot], count);
}

}  // namespace sip
