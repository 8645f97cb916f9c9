#include "sip/dialog/uac.hpp"

#include <algorithm>

#include "sip/base/text.hpp"
#include "sip/dialog/request_head.hpp"
#include "sip/message/contact.hpp"
#include "sip/message/delta_seconds.hpp"
#include "sip/message/uri.hpp"

namespace sip {
namespace {

/// The socket to send from, where the caller named none that fits.
Expected<Target> settle(const Core& core, Target target, const Uri& uri) {
    const Listeners& listeners = core.transport.listeners();
    if (target.remote.port == 0) return core.transport.locate(uri);
    if (target.transport != Transport::udp) return target;
    const auto* named = listeners.datagram(target.listener);
    if (named != nullptr && named->local.address.is_v4() == target.remote.address.is_v4())
        return target;
    const auto* fit = listeners.towards(Transport::udp, target.remote.address);
    if (fit == nullptr) return failure(Condition::internal, "no UDP socket of that address family");
    target.listener = fit->id;
    return target;
}

}  // namespace

Expected<void> Uac::open(const Core& core, const UacOptions& options) {
    Shard& shard = core.shard;
    const auto uri = parse_uri(options.uri, shard.leniency);
    if (!uri) return tl::unexpected(uri.error());
    for (std::string_view other : {options.to, options.from}) {
        if (other.empty()) continue;
        const auto parsed = parse_uri(other, shard.leniency);
        if (!parsed) return tl::unexpected(parsed.error());
    }
    const auto target = settle(core, options.next_hop, *uri);
    if (!target) return tl::unexpected(target.error());
    // RFC 3261 26.2.2: a SIPS URI goes by TLS from the first hop on.
    if (uri->scheme == Scheme::sips && !is_secure(target->transport))
        return failure(Condition::scheme_not_supported, "sips goes by TLS alone");
    sips_ = uri->scheme == Scheme::sips;
    if (!uri_.assign(shard.memory, options.uri) || !to_.assign(shard.memory, options.to) ||
        !from_.assign(shard.memory, options.from) ||
        !contact_user_.assign(shard.memory, options.contact_user)) {
        ++shard.counters.limit_memory;
        return failure(Condition::overloaded, "no memory for the request");
    }
    next_hop_ = *target;
    credentials_ = options.credentials;
    renew(shard.entropy);
    return {};
}

void Uac::renew(Entropy& entropy) {
    Appender(call_id_).hex(entropy.next()).hex(entropy.next());
    Appender(tag_).hex(entropy.next());
    cseq_ = 0;
}

ContactForm Uac::contact_form(const Core& core) const {
    return {contact_user(), sips_, core.shard.leniency.transport_tls_in_contact};
}

std::string_view Uac::write_contact_uri(Appender& out, const Core& core) const {
    MessageWriter writer(out);
    write_contact(writer, core.transport.listeners(), next_hop_, contact_form(core));
    return split_at(split_at(out.view(), '<').after, '>').before;
}

void UacTargets::add(const Core& core, std::string_view own, const MessageView& response) {
    const Shard& shard = core.shard;
    const auto from = parse_uri(own, shard.leniency);
    if (!from) return;
    const std::uint64_t own_hash = hash_of(shard.key, *from);
    for (const HeaderField& field : response.headers) {
        if (field.id != HeaderId::contact) continue;
        std::string_view rest = field.value;
        while (const auto contact = next_contact(rest, shard.leniency)) {
            if (!*contact || (*contact)->star) break;
            // RFC 3261 19.1.5: header fields that a URI names are no part of a Request-URI.
            const std::string_view text = split_at((*contact)->address.uri.text, '?').before;
            const auto uri = parse_uri(text, shard.leniency);
            if (!uri || uri->parameters.has("method")) continue;
            if (from->scheme == Scheme::sips && uri->scheme != Scheme::sips) continue;
            const auto target = core.transport.locate(*uri);
            if (!target || core.transport.listeners().is_ours(target->remote)) continue;
            const std::uint64_t hash = hash_of(shard.key, *uri);
            bool known = hash == own_hash;
            for (std::size_t i = 0; i < count_; ++i) known |= targets_[i].hash == hash;
            if (known || count_ == targets_.size()) continue;
            if (!targets_[count_].uri.assign(core.shard.memory, text)) {
                ++core.shard.counters.limit_memory;
                return;
            }
            targets_[count_].hash = hash;
            targets_[count_].q = (*contact)->q;
            ++count_;
        }
    }
}

bool UacTargets::next() {
    std::size_t best = count_;
    for (std::size_t i = 0; i < count_; ++i)
        if (!targets_[i].tried && (best == count_ || targets_[i].q > targets_[best].q)) best = i;
    if (best == count_) return false;
    targets_[best].tried = true;
    current_ = best;
    return true;
}

UacVerdict Uac::judge(const Core& core, const Response& response, Method method,
                      std::uint32_t& expires_s, UacAttempt& attempt) const {
    const UacVerdict verdict = judge_here(response, method, expires_s, attempt);
    if (verdict != UacVerdict::failed || attempt.in_dialog) return verdict;
    if (response.status < 400) attempt.targets.add(core, uri(), response.message);
    if (!attempt.targets.next()) return verdict;
    attempt.digest = {};
    return UacVerdict::again;
}

UacVerdict Uac::judge_here(const Response& response, Method method, std::uint32_t& expires_s,
                           UacAttempt& attempt) const {
    if (!attempt.outstanding || response.transaction.handle != attempt.transaction.handle)
        return UacVerdict::wait;
    if (response.status < 200) return UacVerdict::wait;
    attempt.outstanding = false;
    if (response.status < 300) return UacVerdict::done;
    if (response.status == 401 || response.status == 407) {
        if (credentials_ == nullptr) return UacVerdict::failed;
        return credentials_->answer(response.message, name_of(method), attempt.digest)
                   ? UacVerdict::again
                   : UacVerdict::failed;
    }
    if (response.status == 423 && !attempt.lengthened) {
        const auto least = parse_delta_seconds(response.message.value_of(HeaderId::min_expires));
        if (!least || *least <= expires_s || expires_s == 0) return UacVerdict::failed;
        attempt.lengthened = true;
        expires_s = *least;
        return UacVerdict::again;
    }
    return UacVerdict::failed;
}

bool Uac::fall_back(const Core& core, UacAttempt& attempt, Failure why) {
    if (!attempt.for_size || why != Failure::transport)
        return !attempt.in_dialog && attempt.targets.next();
    core.transport.remember_udp_only(attempt.remote);
    attempt.for_size = false;
    return true;
}

std::optional<std::uint32_t> retry_after_of(const MessageView& response) {
    const HeaderField* field = response.find(HeaderId::retry_after);
    if (field == nullptr) return {};
    const auto parsed = parse_retry_after(field->value);
    if (!parsed) return {};
    return parsed->seconds;
}

bool asks_to_wait(std::uint16_t status, const std::optional<std::uint32_t>& retry_after_s,
                  std::uint32_t failures) {
    if (!retry_after_s) return false;
    return status == 480 || status == 500 || status == 503 || (status == 413 && failures == 0);
}

std::uint32_t granted_expires(const MessageView& response, std::uint32_t asked_s) {
    const auto granted = parse_delta_seconds(response.value_of(HeaderId::expires));
    return granted ? std::min(*granted, asked_s) : asked_s;
}

Duration refresh_delay(std::uint32_t expires_s) {
    const Duration whole = seconds{expires_s};
    const Duration transaction = seconds{32};
    Duration delay = whole / 3;
    if (whole >= 3 * transaction / 2) delay = std::min(whole / 2, whole - transaction);
    return std::max<Duration>(delay, seconds{1});
}

Duration back_off(std::uint32_t failures) {
    if (failures == 0) return {};
    if (failures > 6) return back_off_max;
    return std::min<Duration>(seconds{1 << (failures - 1)}, back_off_max);
}

}  // namespace sip
