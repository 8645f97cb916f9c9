#include "sip/registrar/registrant.hpp"

#include <algorithm>

#include "sip/base/text.hpp"
#include "sip/message/contact.hpp"
#include "sip/message/delta_seconds.hpp"
#include "sip/message/parameters.hpp"
#include "sip/message/token_list.hpp"

namespace sip {
namespace {

constexpr Duration reconnect_delay = seconds{1};
constexpr std::size_t uri_room = 512;

/// RFC 5626 4.5: half to all of 30 s, doubled with each failure, up to half an hour.
Duration flow_recovery(Shard& shard, std::uint32_t failures) {
    constexpr std::uint32_t base_s = 30, most_s = 1800;
    const std::uint32_t whole_s = std::min(most_s, base_s << std::min(failures, 6U));
    return milliseconds{whole_s * 500 + shard.entropy.next() % (whole_s * 500 + 1)};
}

}  // namespace

Registrant::Registrant(const Core& core)
    : core_(core),
      slab_(core.shard.memory, core.shard.limits.own_registrations),
      notices_(core.shard.memory, core.shard.limits.notices) {
    const Limits& limits = core.shard.limits;
    core.shard.reserve(limits.own_registrations, slab_);
    core.shard.reserve(limits.notices, notices_);
    core.shard.reserve_timers(limits.own_registrations);
}

Registrant::~Registrant() {
    slab_.for_each([&](Handle, Registration& r) { r.timers.detach(shard().timers); });
}

Expected<Handle> Registrant::make(const RegisterOptions& options) {
    const auto address = parse_uri(options.peer.uri, shard().leniency);
    if (!address) return tl::unexpected(address.error());
    if (!address->is_sip()) return failure(Condition::malformed, "only SIP URIs are registered");
    if (!options.contact.empty()) {
        const auto contact = parse_uri(options.contact, shard().leniency);
        if (!contact) return tl::unexpected(contact.error());
    }
    if (options.q.value_or(0) > 1000) return failure(Condition::malformed, "q is above 1");
    if (options.reg_id == 0) return failure(Condition::malformed, "reg-id starts at 1");
    if (const auto checked = parse_parameters(options.capabilities); !checked)
        return tl::unexpected(checked.error());
    if (options.expires_s == 0)
        return failure(Condition::malformed, "a registration lasts longer than 0 s");
    // RFC 3261 10.2: the Request-URI is the domain, without a user.
    Room<uri_room> domain;
    domain << address->scheme_name() << ':' << address->host;
    if (address->port != 0) domain << ':' << address->port;
    if (domain.overflowed()) return failure(Condition::malformed, "the domain is too long");
    const Handle handle = slab_.create();
    if (!handle) {
        ++(slab_.full() ? shard().counters.limit_own_registrations : shard().counters.limit_memory);
        return failure(Condition::overloaded, "too many registrations");
    }
    Registration& made = *slab_.find(handle);
    UacOptions peer = options.peer;
    peer.uri = domain.view();
    peer.to = options.peer.uri;
    peer.instance = options.instance;
    const auto opened = made.uac.open(core_, peer);
    if (!opened) {
        slab_.destroy(handle);
        return tl::unexpected(opened.error());
    }
    if (!made.contact.assign(shard().memory, options.contact) ||
        !made.capabilities.assign(shard().memory, options.capabilities) ||
        !made.timers.attach(shard().timers, {part_, handle})) {
        ++shard().counters.limit_memory;
        slab_.destroy(handle);
        return failure(Condition::overloaded, "no memory for a registration");
    }
    if (!call_id_) call_id_ = made.uac.call_id_bytes();
    made.uac.share_call_id(*call_id_);
    made.expires_s = options.expires_s;
    made.q = options.q;
    made.reg_id = options.reg_id;
    made.once = options.once;
    return handle;
}

void Registrant::forget(Handle handle) {
    Registration& r = *slab_.find(handle);
    Uac::give_up(core_, r.attempt);
    r.timers.detach(shard().timers);
    slab_.destroy(handle);
}

void Registrant::keep_flow(Handle handle, FlowId flow) {
    Registration& r = *slab_.find(handle);
    if (r.bond.flow() != flow) core_.transport.bind(r.bond, flow, {part_, handle});
}

Expected<RegistrationId> Registrant::register_contact(const Now& now,
                                                      const RegisterOptions& options) {
    const auto made = make(options);
    if (!made) return tl::unexpected(made.error());
    slab_.find(*made)->doing = Operation::add;
    const auto sent = send(now, *made, true);
    if (!sent) {
        forget(*made);
        return tl::unexpected(sent.error());
    }
    return RegistrationId{*made};
}

bool Registrant::refresh(const Now& now, RegistrationId id) {
    Registration* r = slab_.find(id.handle);
    if (r == nullptr || r->attempt.outstanding || r->timers.running(Name::retry)) return false;
    r->doing = Operation::add;
    send_or_fail(now, id.handle, true);
    return true;
}

bool Registrant::unregister(const Now& now, RegistrationId id) {
    Registration* r = slab_.find(id.handle);
    if (r == nullptr) return false;
    r->leaving = true;
    if (r->attempt.outstanding) return true;  // what is on its way is answered first
    if (!r->established) {
        // It only waited to be sent: nothing stands at the registrar.
        tell(notice_of(id.handle, RegistrationNotice::Kind::removed, {}));
        forget(id.handle);
        return true;
    }
    if (r->timers.running(Name::retry)) return true;
    r->doing = Operation::remove;
    send_or_fail(now, id.handle, true);
    return true;
}

std::optional<RegistrationNotice> Registrant::next_notice() {
    if (notices_.empty()) return {};
    return notices_.pop();
}

RegistrationNotice Registrant::notice_of(Handle handle, RegistrationNotice::Kind kind,
                                         const Cause& cause) {
    RegistrationNotice notice;
    notice.kind = kind;
    notice.registration = {handle};
    notice.status = cause.status;
    notice.phrase = SharedBytes::copy(shard().memory, cause.phrase);
    return notice;
}

void Registrant::tell(RegistrationNotice&& notice) {
    if (!notices_.push(std::move(notice))) ++shard().counters.limit_notices;
}

Expected<void> Registrant::send(const Now& now, Handle handle, bool first_try) {
    Registration& r = *slab_.find(handle);
    if (first_try) r.attempt = {};
    r.asked_s = r.doing == Operation::remove ? 0 : r.expires_s;
    const auto way = r.uac.find_way(now, core_, {part_, handle}, r.attempt);
    if (!way) return tl::unexpected(way.error());
    if (!*way) return {};
    Room<uri_room> own;
    std::string_view contact = r.contact.view();
    if (contact.empty()) contact = r.uac.write_contact_uri(own, core_);
    if (own.overflowed()) return failure(Condition::too_large, "our contact is too long");
    // RFC 3261 10.2.4: CSeq rises with each REGISTER of the Call-ID, whatever it is about.
    UacRequest request(core_, r.uac, Method::register_, ++cseq_, r.attempt);
    Appender& out = request.writer().begin(HeaderId::contact);
    out << '<' << contact << '>';
    if (r.q) {
        const std::uint32_t q = *r.q;
        out << ";q=" << q / 1000 << '.' << q / 100 % 10 << q / 10 % 10 << q % 10;
    }
    out << ";expires=" << r.asked_s;
    const std::string_view instance = r.uac.instance();
    const bool outbound = !instance.empty() && !r.plain;
    if (!instance.empty()) out << ";+sip.instance=\"<" << instance << ">\"";
    if (outbound) out << ";reg-id=" << r.reg_id;
    out << r.capabilities.view();
    request.writer().end();
    request.header(HeaderId::expires, r.asked_s);
    if (outbound) request.header(HeaderId::supported, "path, outbound");
    const auto sent = request.send(now, part_, handle, r.attempt);
    if (sent && r.attempt.flow != FlowId{}) keep_flow(handle, r.attempt.flow);
    return sent;
}

void Registrant::send_or_fail(const Now& now, Handle handle, bool first_try) {
    slab_.find(handle)->timers.stop(shard().timers, Name::refresh);
    const auto sent = send(now, handle, first_try);
    if (sent) return;
    const UacFailure why = Uac::failure_of(slab_.find(handle)->attempt, sent.error());
    failed(now, handle, {why.status, why.phrase, why.retry_after_s}, why.silent.has_value());
}

void Registrant::on_located(const Now& now, Handle handle, LookupId id) {
    Registration* r = slab_.find(handle);
    if (r != nullptr && r->uac.located(now, core_, id, r->attempt))
        send_or_fail(now, handle, false);
}

void Registrant::on_request(const Now& now, const Request& request) {
    core_.refuse(now, request, {Condition::method_not_allowed, {}});
}

void Registrant::on_response(const Now& now, Handle handle, const Response& response) {
    Registration* r = slab_.find(handle);
    if (r == nullptr) return;
    std::uint32_t asked_s = r->asked_s;
    switch (r->uac.judge(now, core_, response, Method::register_, asked_s, r->attempt)) {
        case UacVerdict::wait: return;
        case UacVerdict::done: accepted(now, handle, response); return;
        case UacVerdict::again:
            if (asked_s > r->asked_s) r->expires_s = asked_s;
            send_or_fail(now, handle, false);
            return;
        case UacVerdict::failed: break;
    }
    if (response.status == 439 && !r->plain && !r->uac.instance().empty()) {
        // RFC 5626 4.2.1: the first hop keeps no flows; an ordinary registration may do.
        r->plain = true;
        send_or_fail(now, handle, false);
        return;
    }
    failed(now, handle,
           {response.status, response.message.reason, retry_after_of(response.message)}, false);
}

void Registrant::on_failure(const Now& now, Handle handle, Failure why) {
    Registration* r = slab_.find(handle);
    if (r == nullptr || !r->attempt.outstanding) return;
    r->attempt.outstanding = false;
    if (Uac::fall_back(now, core_, r->attempt, why)) {
        send_or_fail(now, handle, false);
        return;
    }
    failed(now, handle, {static_cast<std::uint16_t>(why == Failure::timeout ? 408 : 503), {}, {}},
           true);
}

/// RFC 3261 10.2.4: the 2xx lists every binding; ours says how long it lasts.
std::uint32_t Registrant::granted(const Registration& r, const MessageView& response) const {
    Room<uri_room> own;
    std::string_view text = r.contact.view();
    if (text.empty()) text = r.uac.write_contact_uri(own, core_);
    const auto ours = parse_uri(text, shard().leniency);
    for (const HeaderField& field : response.headers) {
        if (field.id != HeaderId::contact || !ours) continue;
        std::string_view rest = field.value;
        while (const auto contact = next_contact(rest, shard().leniency)) {
            if (!*contact || (*contact)->star) break;
            if ((*contact)->expires && equivalent((*contact)->address.uri, *ours))
                return *(*contact)->expires;
        }
    }
    return granted_expires(response, r.asked_s);
}

namespace {

/// All Contact fields of a response as one comma list; empty when there is none, or no memory.
SharedBytes contacts_of(Shard& shard, const MessageView& response) {
    std::size_t size = 0;
    for (const HeaderField& field : response.headers)
        if (field.id == HeaderId::contact) size += field.value.size() + 2;
    Block room;
    if (size == 0 || !room.resize(shard.memory, size)) return {};
    Appender out({room.data(), room.size()});
    for (const HeaderField& field : response.headers)
        if (field.id == HeaderId::contact) out << (out.size() == 0 ? "" : ", ") << field.value;
    return SharedBytes::copy(shard.memory, out.view());
}

}  // namespace

void Registrant::accepted(const Now& now, Handle handle, const Response& response) {
    Registration& r = *slab_.find(handle);
    const Cause cause{response.status, response.message.reason, {}};
    const bool removed = r.doing == Operation::remove;
    r.doing = Operation::none;
    r.established = true;
    r.failures = 0;
    RegistrationNotice notice = notice_of(
        handle, removed ? RegistrationNotice::Kind::removed : RegistrationNotice::Kind::registered,
        cause);
    notice.contacts = contacts_of(shard(), response.message);
    if (removed) {
        tell(std::move(notice));
        forget(handle);
        return;
    }
    keep_alive(now, r, response.message);
    const std::uint32_t granted_s = granted(r, response.message);
    notice.expires_s = granted_s;
    tell(std::move(notice));
    r.timers.set(shard().timers, Name::expires, later(now.mono, seconds{granted_s}));
    if (r.leaving) {
        r.doing = Operation::remove;
        send_or_fail(now, handle, true);
    } else if (!r.once) {
        r.timers.set(shard().timers, Name::refresh, later(now.mono, refresh_delay(granted_s)));
    }
}

/// RFC 5626 4.4: where the registrar keeps the flow, it answers pings; else they are sent for the
/// sake of what stands between.
void Registrant::keep_alive(const Now& now, const Registration& r, const MessageView& response) {
    if (r.uac.instance().empty()) return;
    const bool outbound = lists_token(response, HeaderId::require, "outbound");
    Duration every = ping_default;
    for (const HeaderField& field : response.headers) {
        if (!outbound || !equal_ignoring_case(field.name, "Flow-Timer")) continue;
        const auto asked = parse_delta_seconds(field.value);
        if (asked && *asked > 0) every = seconds{*asked};
    }
    core_.transport.keep_alive(now, r.bond.flow(), every, outbound);
}

void Registrant::failed(const Now& now, Handle handle, const Cause& cause, bool silent) {
    Registration& r = *slab_.find(handle);
    const Operation did = r.doing;
    r.doing = Operation::none;
    const bool may_wait = silent ? r.established && did == Operation::add && !r.leaving
                                 : asks_to_wait(cause.status, cause.retry_after_s, r.failures);
    if (!may_wait || (r.leaving && !r.established)) {
        tell(notice_of(handle, RegistrationNotice::Kind::failed, cause));
        forget(handle);
        return;
    }
    if (r.failures < 32) ++r.failures;
    const Duration pause =
        r.uac.instance().empty() ? back_off(r.failures) : flow_recovery(shard(), r.failures);
    const Duration delay = std::max<Duration>(pause, seconds{cause.retry_after_s.value_or(0)});
    r.timers.set(shard().timers, Name::retry, later(now.mono, delay));
    RegistrationNotice notice = notice_of(handle, RegistrationNotice::Kind::waiting, cause);
    notice.retry_after_s = seconds_left(now.mono, later(now.mono, delay));
    tell(std::move(notice));
}

void Registrant::on_flow_lost(const Now& now, Handle handle) {
    Registration* r = slab_.find(handle);
    if (r == nullptr) return;
    // Nobody reaches us by it any more; a REGISTER opens another.
    const Instant soon = later(now.mono, reconnect_delay);
    if (r->timers.running(Name::refresh) && soon < r->timers.at(Name::refresh))
        r->timers.set(shard().timers, Name::refresh, soon);
}

void Registrant::on_timer(const Now& now, Handle handle) {
    for (;;) {
        Registration* r = slab_.find(handle);
        if (r == nullptr) return;
        const auto name = r->timers.pop_due(shard().timers, now.mono);
        if (!name) return;
        if (*name == Name::expires) {
            if (!r->once || r->attempt.outstanding || r->leaving) continue;
            tell(notice_of(handle, RegistrationNotice::Kind::removed, {}));
            forget(handle);
            return;
        }
        if (r->attempt.outstanding) continue;
        r->doing = r->leaving ? Operation::remove : Operation::add;
        send_or_fail(now, handle, true);
    }
}

}  // namespace sip
