#include "sip/dialog/uac.hpp"

#include <algorithm>

#include "sip/base/ranges.hpp"
#include "sip/base/text.hpp"
#include "sip/dialog/request_head.hpp"
#include "sip/message/contact.hpp"
#include "sip/message/delta_seconds.hpp"
#include "sip/message/uri.hpp"

namespace sip {
namespace {

/// The socket to send from, where the caller named none that fits. Port 0: to be looked up.
Expected<Target> settle(const Core& core, Target target, const Uri& uri) {
    const Listeners& listeners = core.transport.listeners();
    if (target.remote.port == 0) {
        if (uri.scheme == Scheme::pres || uri.scheme == Scheme::im) return Target{};
        auto located = core.transport.locate(uri);
        if (!located && located.error().condition == Condition::not_found) return Target{};
        return located;
    }
    if (target.transport != Transport::udp) return target;
    const auto* named = listeners.datagram(target.listener);
    if (named != nullptr && named->local.address.is_v4() == target.remote.address.is_v4())
        return target;
    const auto* fit = listeners.towards(Transport::udp, target.remote.address);
    if (fit == nullptr) return failure(Condition::internal, "no UDP socket of that address family");
    target.listener = fit->id;
    return target;
}

/// `locate` failed for want of a name system alone.
bool may_be_asked(const Error& error, const Uri& uri) {
    const DomainName name(uri.host);
    return error.condition == Condition::not_found && !name.empty() && !name.is_invalid();
}

bool is_same(const Target& a, const Target& b) {
    return a.transport == b.transport && a.remote == b.remote;
}

/// What was learnt of the servers of one URI is nothing to the next.
void turn_to_next_uri(UacAttempt& attempt) {
    attempt.digest = {};
    attempt.placed = attempt.by_name = attempt.exhausted = false;
    attempt.not_found = {};
    attempt.tried.clear();
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
    for (char c : options.instance)
        if (c <= ' ' || c == '<' || c == '>' || c == '"' || c == '\\')
            return failure(Condition::malformed, "the instance is no URN");
    const auto hop =
        options.next_hop_uri.empty() ? uri : parse_uri(options.next_hop_uri, shard.leniency);
    if (!hop) return tl::unexpected(hop.error());
    const auto target = settle(core, options.next_hop, *hop);
    if (!target) return tl::unexpected(target.error());
    // RFC 3261 26.2.2: a SIPS URI goes by TLS from the first hop on.
    if (uri->scheme == Scheme::sips && target->remote.port != 0 && !is_secure(target->transport))
        return failure(Condition::scheme_not_supported, "sips goes by TLS alone");
    sips_ = uri->scheme == Scheme::sips;
    if (!hop_uri_.assign(shard.memory, options.next_hop_uri) ||
        !uri_.assign(shard.memory, options.uri) || !to_.assign(shard.memory, options.to) ||
        !from_.assign(shard.memory, options.from) ||
        !contact_user_.assign(shard.memory, options.contact_user) ||
        !instance_.assign(shard.memory, options.instance) ||
        !asserted_.assign(shard.memory, options.asserted)) {
        ++shard.counters.limit_memory;
        return failure(Condition::overloaded, "no memory for the request");
    }
    next_hop_ = *target;
    hop_by_name_ = target->remote.port == 0;
    credentials_ = options.credentials;
    keep_alive_ = options.keep_alive;
    renew(shard);
    return {};
}

void Uac::renew(Shard& shard) {
    Appender(call_id_).hex(shard.entropy.next()).hex(shard.entropy.next());
    Appender(tag_).hex(shard.mint());
    cseq_ = 0;
}

ContactForm Uac::contact_form(const Core& core) const {
    return {contact_user(), sips_, core.shard.leniency.transport_tls_in_contact, instance()};
}

std::string_view Uac::write_contact_uri(Appender& out, const Core& core) const {
    MessageWriter writer(out);
    ContactForm form = contact_form(core);
    form.instance = {};
    write_contact(writer, core.transport.listeners(), next_hop_, form);
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
            if (target ? core.transport.listeners().is_ours(target->remote)
                       : !may_be_asked(target.error(), *uri))
                continue;
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

UacVerdict Uac::judge(const Now& now, const Core& core, const Response& response, Method method,
                      std::uint32_t& expires_s, UacAttempt& attempt) const {
    const UacVerdict verdict = judge_here(response, method, expires_s, attempt);
    if (verdict != UacVerdict::failed) return verdict;
    if (response.status == 503 && attempt.by_name) {
        server_failed(now, core, attempt, 503, retry_after_of(response.message), {});
        return UacVerdict::again;
    }
    if (attempt.in_dialog) return verdict;
    if (response.status < 400) attempt.targets.add(core, uri(), response.message);
    if (!attempt.targets.next()) return verdict;
    turn_to_next_uri(attempt);
    return UacVerdict::again;
}

UacVerdict Uac::judge_here(const Response& response, Method method, std::uint32_t& expires_s,
                           UacAttempt& attempt) const {
    if (!attempt.outstanding || response.transaction.handle != attempt.transaction.handle)
        return UacVerdict::wait;
    if (response.status < 200) {
        attempt.heard = true;
        return UacVerdict::wait;
    }
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

bool Uac::fall_back(const Now& now, const Core& core, UacAttempt& attempt, Failure why) {
    if (attempt.for_size && why == Failure::transport) {
        core.transport.remember_udp_only(attempt.remote);
        attempt.for_size = false;
        return true;
    }
    // RFC 3263 4.3: who has said 100 is there, and may have done what he was asked.
    if (attempt.by_name && !(attempt.heard && why == Failure::timeout)) {
        server_failed(now, core, attempt, why == Failure::timeout ? 408 : 503, {}, why);
        return true;
    }
    if (attempt.in_dialog || !attempt.targets.next()) return false;
    turn_to_next_uri(attempt);
    return true;
}

// ---- Where it goes ------------------------------------------------------------------------------

void Uac::server_failed(const Now& now, const Core& core, UacAttempt& attempt, std::uint16_t status,
                        std::optional<std::uint32_t> retry_after_s, std::optional<Failure> silent) {
    std::optional<Duration> how_long;
    if (retry_after_s) how_long = seconds{*retry_after_s};
    core.locator.failed(now, attempt.target, how_long);
    if (!attempt.tried.push(attempt.target)) attempt.exhausted = true;
    attempt.placed = false;
    attempt.failed_status = status;
    attempt.failed_retry_after_s = retry_after_s;
    attempt.failed_silently = silent;
    // Its nonce is of no use elsewhere.
    attempt.digest = {};
}

void Uac::place(const Target& target, bool by_name, UacAttempt& attempt) {
    attempt.target = target;
    attempt.by_name = by_name;
    attempt.placed = true;
}

/// The first of `found` that was not tried; the one that was used before goes first.
bool Uac::choose(const Now& now, const Core& core, const Locator::Targets& found,
                 UacAttempt& attempt) {
    const auto may_go = [&](const Target& target) {
        // RFC 3261 26.2.2: SIPS is never downgraded.
        return !core.transport.listeners().is_ours(target.remote) &&
               (is_secure(target.transport) || !attempt.needs_tls) &&
               !any_of(attempt.tried, [&](const Target& each) { return is_same(each, target); });
    };
    const Target* chosen = nullptr;
    for (const Target& target : found) {
        if (!may_go(target)) continue;
        const bool is_kept = is_same(target, next_hop_) && !core.locator.has_failed(now, target);
        if (chosen == nullptr || is_kept) chosen = &target;
        if (is_kept) break;
    }
    if (chosen == nullptr) return false;
    place(*chosen, true, attempt);
    if (hop_by_name_ && !attempt.in_dialog && attempt.targets.current().empty())
        next_hop_ = *chosen;
    return true;
}

Expected<bool> Uac::look_up(const Now& now, const Core& core, const Locator::Owner& owner,
                            UacAttempt& attempt, const Dialog* dialog) {
    std::string_view hop = attempt.targets.current();
    if (dialog != nullptr) {
        const auto direct = dialog->next_hop(core.transport);
        if (direct) {
            place(*direct, false, attempt);
            return true;
        }
        if (direct.error().condition != Condition::not_found) return tl::unexpected(direct.error());
        hop = dialog->next_hop_uri();
    } else if (hop.empty()) {
        const bool is_tried =
            any_of(attempt.tried, [&](const Target& each) { return is_same(each, next_hop_); });
        if (next_hop_.remote.port != 0 && !is_tried &&
            (!hop_by_name_ || !core.locator.has_failed(now, next_hop_))) {
            place(next_hop_, hop_by_name_, attempt);
            return true;
        }
        hop = hop_uri_.empty() ? uri() : hop_uri_.view();
    }
    const auto parsed = parse_uri(hop, core.shard.leniency);
    if (!parsed) return tl::unexpected(parsed.error());
    const auto begun = core.locator.begin(now, *parsed, owner);
    if (!begun) return tl::unexpected(begun.error());
    attempt.lookup = begun->id;
    if (begun->id != LookupId{}) {
        attempt.outstanding = true;
        return false;
    }
    if (!choose(now, core, begun->targets, attempt))
        return failure(Condition::not_found, "no server is left to be tried");
    return true;
}

Expected<bool> Uac::find_way(const Now& now, const Core& core, const Locator::Owner& owner,
                             UacAttempt& attempt, const Dialog* dialog) {
    attempt.in_dialog = dialog != nullptr;
    attempt.needs_tls = sips_ || (dialog != nullptr && dialog->needs_tls());
    Error error{Condition::not_found, "no server is left to be tried"};
    if (attempt.not_found) error = *attempt.not_found;
    if (attempt.sent >= UacAttempt::sent_max) attempt.exhausted = true;
    while (!attempt.placed) {
        if (!attempt.exhausted) {
            const auto found = look_up(now, core, owner, attempt, dialog);
            if (found) return *found;
            error = found.error();
            attempt.exhausted = true;
        }
        if (dialog != nullptr && attempt.tried.empty() && next_hop_.remote.port != 0 &&
            (is_secure(next_hop_.transport) || !attempt.needs_tls)) {
            place(next_hop_, hop_by_name_, attempt);
            break;
        }
        if (dialog != nullptr || attempt.sent >= UacAttempt::sent_max || !attempt.targets.next())
            return tl::unexpected(error);
        turn_to_next_uri(attempt);
    }
    return true;
}

bool Uac::located(const Now& now, const Core& core, LookupId id, UacAttempt& attempt) {
    if (attempt.lookup != id || id == LookupId{}) return false;
    attempt.lookup = {};
    attempt.outstanding = false;
    const auto found = core.locator.take(id);
    if (!found) attempt.not_found = found.error();
    if (!found || !choose(now, core, *found, attempt)) attempt.exhausted = true;
    return true;
}

void Uac::give_up(const Core& core, UacAttempt& attempt) {
    if (!attempt.outstanding) return;
    if (attempt.lookup != LookupId{})
        core.locator.abandon(attempt.lookup);
    else
        core.clients.abandon(attempt.transaction);
    attempt.lookup = {};
    attempt.outstanding = false;
}

UacFailure Uac::failure_of(const UacAttempt& attempt, const Error& error) {
    if (attempt.failed_status == 0) return {503, error.rule, {}, Failure::transport};
    UacFailure failure{
        attempt.failed_status, {}, attempt.failed_retry_after_s, attempt.failed_silently};
    if (!failure.silent) failure.phrase = reason_of(failure.status);
    return failure;
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
