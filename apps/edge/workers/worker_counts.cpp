#include "apps/edge/workers/worker_counts.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "sip/base/siphash.hpp"

namespace edge {

namespace {

using Word = std::uint64_t;
constexpr auto relaxed = std::memory_order_relaxed;

constexpr std::size_t line_bytes = 64;
constexpr std::size_t ways = 4;          ///< in a set of keys and instants: one line
constexpr std::size_t nonces_a_set = 7;  ///< one line each, and one for what is of the set
constexpr std::size_t nonce_words = 6;   ///< of bits
constexpr std::size_t counts_max = std::size_t{1} << 22;

std::size_t sets_for(std::size_t entries, std::size_t a_set) {
    return std::bit_ceil(std::max<std::size_t>(1, (entries + a_set - 1) / a_set));
}

/// Keys of users and addresses that may have something at one time.
std::size_t keys_of(const sip::Limits& limits, unsigned workers) {
    const std::size_t each = std::size_t{limits.subscriptions} + limits.undecided_watchers +
                             std::size_t{2} * limits.server_transactions + limits.flows;
    return std::min(each * workers, counts_max);
}

// A count: 40 bits of its key and 24 of the number. 0: free.
constexpr Word number_mask = (Word{1} << 24) - 1;
constexpr Word tag_of(std::uint64_t key) { return key & ~number_mask; }

// An instant: nanoseconds, but for the lowest two bits, which number those who were told.
constexpr Word told_mask = 3;
Word word_of(sip::Instant instant) {
    const auto count = instant.time_since_epoch().count();
    return count < 0 ? 0 : static_cast<Word>(count) & ~told_mask;
}

}  // namespace

WorkerCounts::Table::Table(std::size_t sets, std::size_t lines_a_set)
    : words_a_set_(lines_a_set * words_a_line), mask_(sets - 1) {
    const std::size_t bytes = sets * words_a_set_ * sizeof(Word) + line_bytes;
    block_.reset(std::calloc(bytes, 1));
    if (!block_) std::abort();  // nothing has begun yet
    void* start = block_.get();
    std::size_t room = bytes;
    start_ = static_cast<Word*>(std::align(line_bytes, bytes - line_bytes, start, room));
}

// At least half of the places stays free: of two sets of eight one has room then, whatever keys.
WorkerCounts::WorkerCounts(const sip::Limits& limits, unsigned workers)
    : counts_(sets_for(keys_of(limits, workers) * 2, words_a_line), 1),
      rates_(sets_for(limits.rate_buckets, ways), 1),
      kept_(sets_for(limits.known_sources, ways), 1),
      nonces_(sets_for(limits.nonces, nonces_a_set), nonces_a_set + 1) {}

/// Another one than `set` gives, if there is another.
std::span<Word> WorkerCounts::Table::other_set(std::uint64_t key) const {
    if (mask_ == 0) return set(key);
    return set(key + 1 + sip::mix(key, 1) % mask_);
}

// Quotas ------------------------------------------------------------------------------------------
//
// A key may have its count in any places of two sets, and in more than one of them, where two
// threads entered it at one time: what it has is their sum, which is right at every moment. Where
// it is to have no more than so many, whoever has added to one place looks at all of them after
// it, and takes its own back: of two such threads at least one sees what the other has added, for
// these words are changed and read in one order.

namespace {

/// The places of both sets of a key, or of one that is both; `visit(place)` until it gives true.
template <class Table, class Visit>
bool in_places(const Table& table, std::uint64_t key, Visit visit) {
    const std::span<Word> first = table.set(key), second = table.other_set(key);
    for (Word& word : first)
        if (visit(std::atomic_ref<Word>(word))) return true;
    if (first.data() == second.data()) return false;
    for (Word& word : second)
        if (visit(std::atomic_ref<Word>(word))) return true;
    return false;
}

std::size_t free_places(std::span<Word> set) {
    std::size_t free = 0;
    for (Word& word : set) free += std::atomic_ref<Word>(word).load(relaxed) == 0;
    return free;
}

}  // namespace

std::uint32_t WorkerCounts::count(std::uint64_t key) {
    Word sum = 0;
    in_places(counts_, key, [&](Ref place) {
        const Word found = place.load();
        if (tag_of(found) == tag_of(key)) sum += found & number_mask;
        return false;
    });
    return static_cast<std::uint32_t>(std::min<Word>(sum, UINT32_MAX));
}

namespace {

/// One less in that place. False: it is no longer of this key.
bool take_one(std::atomic_ref<Word> place, Word tag) {
    Word found = place.load(relaxed);
    while (found != 0 && tag_of(found) == tag) {
        const Word left = (found & number_mask) == 1 ? 0 : found - 1;
        if (place.compare_exchange_weak(found, left)) return true;
    }
    return false;
}

}  // namespace

sip::CommonCounts::Counted WorkerCounts::keep_if_few(Ref place, std::uint64_t key,
                                                     std::uint32_t most) {
    if (most == any_number || count(key) <= most) return Counted::yes;
    if (!take_one(place, tag_of(key))) remove(key);
    return Counted::too_many;
}

sip::CommonCounts::Counted WorkerCounts::add(std::uint64_t key, std::uint32_t most) {
    const Word tag = tag_of(key);
    std::size_t free = 0;
    std::optional<Counted> counted;
    in_places(counts_, key, [&](Ref place) {
        Word found = place.load(relaxed);
        free += found == 0;
        while (found != 0 && tag_of(found) == tag && (found & number_mask) != number_mask) {
            if ((found & number_mask) >= most)
                counted = Counted::too_many;
            else if (place.compare_exchange_weak(found, found + 1))
                counted = keep_if_few(place, key, most);
            else
                continue;
            return true;
        }
        return false;
    });
    if (counted) return *counted;
    if (most == 0) return Counted::too_many;
    // Of two sets the one with more room: so they fill up evenly, and nearly whole.
    std::span<Word> set = counts_.set(key), other = counts_.other_set(key);
    if (2 * free_places(set) < free) std::swap(set, other);
    for (const std::span<Word> each : {set, other})
        for (Word& word : each) {
            Word none = 0;
            if (Ref(word).load(relaxed) == 0 && Ref(word).compare_exchange_strong(none, tag | 1))
                return keep_if_few(Ref(word), key, most);
        }
    return Counted::no_room;
}

void WorkerCounts::remove(std::uint64_t key) {
    const Word tag = tag_of(key);
    // It is there: where a round misses it, others were changing these places.
    while (!in_places(counts_, key, [&](Ref place) { return take_one(place, tag); })) {
    }
}

// Rates -------------------------------------------------------------------------------------------
//
// A cell is a key and an instant. One whose instant is past is free: a full bucket is as good as a
// new one, so its key is exchanged and nothing else. What races there are cost or give a token.

struct WorkerCounts::Cell {
    Word* key = nullptr;
    Word* instant = nullptr;
    explicit operator bool() const { return key != nullptr; }
};

WorkerCounts::Cell WorkerCounts::find(std::span<Word> set, std::uint64_t key) {
    for (std::size_t i = 0; i < ways; ++i)
        if (Ref(set[2 * i]).load(relaxed) == key) return {&set[2 * i], &set[2 * i + 1]};
    return {};
}

namespace {

/// The place of the earliest instant.
std::size_t earliest(std::span<Word> set) {
    std::size_t first = 0;
    Word least = UINT64_MAX;
    for (std::size_t i = 0; i < ways; ++i) {
        const Word at = std::atomic_ref<Word>(set[2 * i + 1]).load(relaxed);
        if (at < least) {
            least = at;
            first = i;
        }
    }
    return first;
}

}  // namespace

sip::CommonCounts::Taken WorkerCounts::take_from(Ref bucket, sip::Instant now,
                                                 const sip::Rate& rate, std::uint8_t told_max) {
    const sip::Duration each = sip::Duration{sip::seconds{1}} / rate.per_second;
    const Word cost = std::max<Word>(static_cast<Word>(each.count()) & ~told_mask, 4);
    const Word most = cost * std::max(rate.at_once, 1U), at = word_of(now);
    Word found = bucket.load(relaxed);
    for (;;) {
        const bool is_full = (found & ~told_mask) <= at;
        const Word full_at = is_full ? at : found & ~told_mask,
                   told = is_full ? 0 : found & told_mask;
        const bool taken = full_at + cost - at <= most;
        if (!taken && told >= told_max) return {false, false, true};
        const Word wanted = taken ? (full_at + cost) | told : full_at | (told + 1);
        if (bucket.compare_exchange_weak(found, wanted, relaxed)) return {taken, !taken, true};
    }
}

sip::CommonCounts::Taken WorkerCounts::take(sip::Instant now, std::uint64_t key,
                                            const sip::Rate& rate, std::uint8_t told_max) {
    if (!rate.limits()) return {true, false, true};
    if (key < keys_kept) return take_from(Ref(own_[key].bucket), now, rate, told_max);
    const std::span<Word> set = rates_.set(key >> 32);
    for (std::size_t i = 0; i < ways; ++i) {
        if (const Cell cell = find(set, key))
            return take_from(Ref(*cell.instant), now, rate, told_max);
        const std::size_t first = earliest(set);
        const Word there = Ref(set[2 * first + 1]).load(relaxed) & ~told_mask;
        if (there > word_of(now)) break;
        Word old = Ref(set[2 * first]).load(relaxed);
        (void)Ref(set[2 * first]).compare_exchange_strong(old, key, relaxed);
    }
    Taken shared = take_from(Ref(others_), now, rate, told_max);
    shared.had_place = false;
    return shared;
}

bool WorkerCounts::keep(sip::Instant now, std::uint64_t key, sip::Instant until) {
    const std::span<Word> set = kept_.set(key >> 32);
    bool had_room = true;
    for (std::size_t i = 0; i < 2 * ways; ++i) {
        if (const Cell cell = find(set, key)) {
            Ref(*cell.instant).store(word_of(until), relaxed);
            return had_room;
        }
        const std::size_t first = earliest(set);
        const bool is_free = Ref(set[2 * first + 1]).load(relaxed) <= word_of(now);
        Word old = Ref(set[2 * first]).load(relaxed);
        if (Ref(set[2 * first]).compare_exchange_strong(old, key, relaxed))
            had_room = had_room && is_free;
    }
    return false;
}

bool WorkerCounts::is_kept(sip::Instant now, std::uint64_t key) {
    const Cell cell = find(kept_.set(key >> 32), key);
    return cell && Ref(*cell.instant).load(relaxed) > word_of(now);
}

// Nonces ------------------------------------------------------------------------------------------
//
// A nonce has a line: its key, until when it is good, and a bit for each count. No count may be
// taken twice, so one thread at a time enters a nonce into a set, and nothing waits for it: who
// finds it at work is given a new nonce. What has to go raises the instant up to which this set
// has forgotten: nothing that is good no longer than that is entered again.

namespace {

constexpr std::size_t entering = 0, forgotten = 1;             // words of a set's first line
constexpr std::size_t key_word = 0, until_word = 1, bits = 2;  // of a nonce's

}  // namespace

std::span<WorkerCounts::Word> WorkerCounts::find_nonce(std::span<Word> set, std::uint64_t key) {
    for (std::size_t i = 1; i <= nonces_a_set; ++i)
        if (Ref(set[i * words_a_line + key_word]).load() == key)
            return set.subspan(i * words_a_line, words_a_line);
    return {};
}

/// Its place may be given to another meanwhile; then the bit was another's, and counts for nothing.
bool WorkerCounts::use(std::span<Word> nonce, std::uint64_t key, std::uint32_t bit) {
    const Word mask = Word{1} << bit % 64;
    if ((Ref(nonce[bits + bit / 64]).fetch_or(mask) & mask) != 0) return false;
    return Ref(nonce[key_word]).load() == key;
}

bool WorkerCounts::enter_alone(std::span<Word> set, std::uint64_t key, Word until,
                               std::uint32_t bit) {
    if (const auto nonce = find_nonce(set, key); !nonce.empty()) return use(nonce, key, bit);
    if (Ref(set[forgotten]).load() >= until) return false;
    std::span<Word> oldest;
    for (std::size_t i = 1; i <= nonces_a_set; ++i) {
        const auto each = set.subspan(i * words_a_line, words_a_line);
        if (oldest.empty() || Ref(each[until_word]).load() < Ref(oldest[until_word]).load())
            oldest = each;
    }
    const Word gone = std::min(Ref(oldest[until_word]).load(), until);
    if (gone > Ref(set[forgotten]).load()) Ref(set[forgotten]).store(gone);
    // It would be the first to go: it goes at once, used up.
    if (gone == until) return true;
    Ref(oldest[key_word]).store(0);
    for (std::size_t i = 0; i < nonce_words; ++i) Ref(oldest[bits + i]).store(0);
    Ref(oldest[until_word]).store(until);
    Ref(oldest[bits + bit / 64]).store(Word{1} << bit % 64);
    Ref(oldest[key_word]).store(key);
    return true;
}

bool WorkerCounts::enter_nonce(std::span<Word> set, std::uint64_t key, Word until,
                               std::uint32_t bit) {
    constexpr int tries = 100;
    for (int i = 0; i < tries; ++i) {
        if (Ref(set[entering]).exchange(1) != 0) continue;
        const bool entered = enter_alone(set, key, until, bit);
        Ref(set[entering]).store(0);
        return entered;
    }
    return false;
}

bool WorkerCounts::use_nonce(std::uint64_t key, sip::Instant until,
                             std::optional<std::uint32_t> count) {
    static_assert(nonce_words * 64 == nonce_counts);
    // RFC 7616 3.4: counts begin at 1. The bit of 0 is that of the use without a count.
    if (count && (*count == 0 || *count >= nonce_counts)) return false;
    const std::uint32_t bit = count.value_or(0);
    const std::span<Word> set = nonces_.set(key);
    if (const auto nonce = find_nonce(set, key); !nonce.empty()) return use(nonce, key, bit);
    return enter_nonce(set, key, word_of(until), bit);
}

}  // namespace edge
