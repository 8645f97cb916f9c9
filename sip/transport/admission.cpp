#include "sip/transport/admission.hpp"

namespace sip {
namespace {

/// A proxy in front of thousands of users is one source.
constexpr std::uint32_t known_factor = 10;
/// So many that are over their rate are told so, until it is quiet again.
constexpr std::uint8_t refused_max = CommonCounts::told_most;
/// And of all strangers together one in so many.
constexpr std::uint32_t refusals_share = 10;

constexpr std::uint64_t some_key(std::uint64_t hash) {
    return hash < CommonCounts::keys_kept ? hash + CommonCounts::keys_kept : hash;
}

Rate rate(std::uint32_t per_second, const Limits& limits, std::uint32_t factor = 1) {
    return {per_second * factor, per_second * factor * limits.rate_burst_s};
}

}  // namespace

Admission::Admission(Shard& shard)
    : shard_(shard),
      buckets_(shard.memory, shard.limits.rate_buckets),
      known_(shard.memory, shard.limits.known_sources) {
    shard.reserve(0, buckets_, known_);
}

/// There was no place in a table: because memory refused one since, or by its limit.
void Admission::count_refusal(std::uint64_t refusals, std::uint64_t& limit) {
    ++(shard_.memory.refusals() != refusals ? shard_.counters.limit_memory : limit);
}

Admission::Bucket& Admission::bucket_of(const Now& now, std::uint64_t key) {
    if (Bucket* found = buckets_.find(key)) {
        if (found->tokens.is_full(now.mono)) found->refused = 0;
        return *found;
    }
    const std::uint64_t refusals = shard_.memory.refusals();
    // One that is full is as good as a new one.
    Bucket* made = buckets_.put(
        key,
        [](const Bucket& a, const Bucket& b) { return a.tokens.full_at() < b.tokens.full_at(); },
        [&](const Bucket& bucket) { return bucket.tokens.is_full(now.mono); });
    if (made != nullptr) return *made;
    count_refusal(refusals, shard_.counters.limit_rate_buckets);
    if (others_.tokens.is_full(now.mono)) others_.refused = 0;
    return others_;
}

Admission::Answer Admission::common_answer(const Now& now, std::uint64_t key, const Rate& rate,
                                           std::uint8_t told_max) {
    const auto taken = shard_.common->take(now.mono, key, rate, told_max);
    if (!taken.had_place) ++shard_.counters.limit_rate_buckets;
    if (taken.taken) return Answer::admit;
    return taken.told ? Answer::refuse : Answer::drop;
}

/// Of a bucket that all share, whoever they are.
bool Admission::take_of_all(const Now& now, std::uint64_t key, TokenBucket& ours,
                            const Rate& rate) {
    if (shard_.common == nullptr) return ours.take(now.mono, rate);
    return shard_.common->take(now.mono, key, rate, 0).taken;
}

Rate Admission::rate_of(const Now& now, const Address& from) {
    if (is_exempt(from)) return {};
    return rate(shard_.limits.rate_source, shard_.limits, is_known(now, from) ? known_factor : 1);
}

Admission::Answer Admission::source(const Now& now, const Address& from) {
    const Rate rate = rate_of(now, from);
    if (!rate.limits()) return Answer::admit;
    const std::uint64_t key = some_key(site_hash(shard_.key, from));
    if (shard_.common != nullptr) {
        const Answer answer = common_answer(now, key, rate, refused_max);
        if (answer != Answer::admit) ++shard_.counters.limit_rate_source;
        return answer;
    }
    Bucket& bucket = bucket_of(now, key);
    if (bucket.tokens.take(now.mono, rate)) return Answer::admit;
    ++shard_.counters.limit_rate_source;
    if (bucket.refused == refused_max) return Answer::drop;
    ++bucket.refused;
    return Answer::refuse;
}

Admission::Answer Admission::stranger(const Now& now, const Address& from) {
    const Limits& limits = shard_.limits;
    if (limits.rate_strangers == 0 || is_exempt(from) || is_known(now, from)) return Answer::admit;
    if (take_of_all(now, CommonCounts::strangers, strangers_, rate(limits.rate_strangers, limits)))
        return Answer::admit;
    ++shard_.counters.limit_rate_strangers;
    const std::uint32_t told = limits.rate_strangers / refusals_share + 1;
    return take_of_all(now, CommonCounts::refusals, refusals_, {told, told}) ? Answer::refuse
                                                                             : Answer::drop;
}

bool Admission::user(const Now& now, const Address& from, std::string_view address_of_record) {
    const Limits& limits = shard_.limits;
    if (limits.rate_user == 0 || is_exempt(from)) return true;
    const std::uint64_t hash =
        mix(table_hash(shard_.key, address_of_record), table_hash(shard_.key, "user"));
    const Rate users = rate(limits.rate_user, limits);
    const bool admitted = shard_.common != nullptr
                              ? common_answer(now, some_key(hash), users, 0) == Answer::admit
                              : bucket_of(now, some_key(hash)).tokens.take(now.mono, users);
    if (admitted) return true;
    ++shard_.counters.limit_rate_user;
    return false;
}

void Admission::proved(const Now& now, const Address& from) {
    if (is_exempt(from)) return;
    const std::uint64_t key = some_key(site_hash(shard_.key, from));
    const Instant until = later(now.mono, shard_.limits.known_source_lifetime);
    if (shard_.common != nullptr) {
        if (!shard_.common->keep(now.mono, key, until)) ++shard_.counters.limit_known_sources;
        return;
    }
    if (Known* known = known_.find(key)) {
        known->until = until;
        return;
    }
    const std::uint64_t refusals = shard_.memory.refusals();
    const auto older = [](const Known& a, const Known& b) { return a.until < b.until; };
    Known* made =
        known_.put(key, older, [&](const Known& known) { return known.until <= now.mono; });
    if (made == nullptr) {
        count_refusal(refusals, shard_.counters.limit_known_sources);
        made = known_.put(key, older, [](const Known&) { return true; });
    }
    if (made != nullptr) made->until = until;
}

bool Admission::is_known(const Now& now, const Address& from) {
    const std::uint64_t key = some_key(site_hash(shard_.key, from));
    if (shard_.common != nullptr) return shard_.common->is_kept(now.mono, key);
    const Known* known = known_.find(key);
    return known != nullptr && known->until > now.mono;
}

void Admission::trim(Instant now) {
    bool needed = false;
    buckets_.for_each([&](const Bucket& bucket) { needed |= !bucket.tokens.is_full(now); });
    if (!needed) buckets_.reset();
    needed = false;
    known_.for_each([&](const Known& known) { needed |= known.until > now; });
    if (!needed) known_.reset();
}

}  // namespace sip
