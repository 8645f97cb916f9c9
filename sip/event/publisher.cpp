#include "sip/event/publisher.hpp"

#include <algorithm>

#include "sip/base/text.hpp"
#include "sip/message/delta_seconds.hpp"
#include "sip/message/token_list.hpp"

namespace sip {
namespace {

/// What a compositor that names no Expires is taken to grant.
constexpr std::uint32_t expires_unsaid_s = 3600;

}  // namespace

Publisher::Publisher(const Core& core)
    : core_(core),
      slab_(core.shard.memory, core.shard.limits.own_publications),
      notices_(core.shard.memory, core.shard.limits.notices) {}

Publisher::~Publisher() {
    slab_.for_each([&](Handle, Publication& p) { p.timers.detach(shard().timers); });
}

// ---- What the application asks for --------------------------------------------------------------

Expected<Handle> Publisher::make(const PublishOptions& options) {
    if (!is_token(options.event)) return failure(Condition::malformed, "the event is no token");
    if (!options.etag.empty() && !is_token(options.etag))
        return failure(Condition::malformed, "the entity-tag is no token");
    if (options.expires_s == 0U)
        return failure(Condition::malformed, "a publication lasts longer than 0 s");
    const Handle handle = slab_.create();
    if (!handle) {
        ++(slab_.full() ? shard().counters.limit_own_publications : shard().counters.limit_memory);
        return failure(Condition::overloaded, "too many publications");
    }
    Publication& made = *slab_.find(handle);
    const auto opened = made.uac.open(core_, options.peer);
    if (!opened) {
        slab_.destroy(handle);
        return tl::unexpected(opened.error());
    }
    Memory& memory = shard().memory;
    bool kept = made.event.assign(memory, options.event) &&
                made.content_type.assign(memory, options.content_type);
    if (!options.body.empty()) {
        made.body = SharedBytes::copy(memory, options.body);
        kept = kept && made.body;
    }
    if (!options.etag.empty()) {
        made.etag = SharedBytes::copy(memory, options.etag);
        kept = kept && made.etag;
    }
    if (!kept || !made.timers.attach(shard().timers, {part_, handle})) {
        ++shard().counters.limit_memory;
        slab_.destroy(handle);
        return failure(Condition::overloaded, "no memory for a publication");
    }
    made.expires_s = options.expires_s;
    made.once = options.once;
    return handle;
}

void Publisher::forget(Handle handle) {
    Publication& publication = *slab_.find(handle);
    Uac::give_up(core_, publication.attempt);
    publication.timers.detach(shard().timers);
    slab_.destroy(handle);
}

Expected<PublishId> Publisher::begin(const Now& now, const PublishOptions& options,
                                     Operation first) {
    const auto made = make(options);
    if (!made) return tl::unexpected(made.error());
    Publication& publication = *slab_.find(*made);
    if (is_busy(publication.uac.uri())) {
        publication.wanted = first;
        return PublishId{*made};
    }
    publication.doing = first;
    const auto sent = send(now, *made, true);
    if (!sent) {
        forget(*made);
        return tl::unexpected(sent.error());
    }
    return PublishId{*made};
}

Expected<PublishId> Publisher::publish(const Now& now, const PublishOptions& options) {
    if (options.body.empty() || options.content_type.empty())
        return failure(Condition::malformed, "a publication has a body and its type");
    // RFC 3903 4.2: an entity-tag that may be good is tried first.
    return begin(now, options, options.etag.empty() ? Operation::initial : Operation::modify);
}

Expected<PublishId> Publisher::remove_tag(const Now& now, const PublishOptions& options) {
    if (options.etag.empty()) return failure(Condition::malformed, "no entity-tag is given");
    return begin(now, options, Operation::remove);
}

bool Publisher::modify(const Now&, PublishId id, std::string_view body) {
    Publication* publication = slab_.find(id.handle);
    if (publication == nullptr || body.empty()) return false;
    // What is being taken away ends; new state is another publication.
    if (std::max(publication->doing, publication->wanted) == Operation::remove) return false;
    SharedBytes copy = SharedBytes::copy(shard().memory, body);
    if (!copy) {
        ++shard().counters.limit_memory;
        return false;
    }
    publication->body = std::move(copy);
    want(id.handle, Operation::modify);
    return true;
}

bool Publisher::remove(const Now&, PublishId id) {
    Publication* publication = slab_.find(id.handle);
    if (publication == nullptr) return false;
    want(id.handle, Operation::remove);
    return true;
}

std::optional<PublicationNotice> Publisher::next_notice() {
    if (notices_.empty()) return {};
    return notices_.pop();
}

PublicationNotice Publisher::notice_of(Handle handle, PublicationNotice::Kind kind,
                                       const Cause& cause) {
    PublicationNotice notice;
    notice.kind = kind;
    notice.publication = {handle};
    notice.status = cause.status;
    notice.etag = slab_.find(handle)->etag;
    notice.phrase = SharedBytes::copy(shard().memory, cause.phrase);
    if (!cause.accept.empty()) notice.accept = SharedBytes::copy(shard().memory, cause.accept);
    return notice;
}

void Publisher::tell(PublicationNotice&& notice) {
    if (!notices_.push(std::move(notice))) ++shard().counters.limit_notices;
}

// ---- PUBLISH ------------------------------------------------------------------------------------

/// RFC 3903 4: no new PUBLISH for a Request-URI before the former one is answered.
bool Publisher::is_busy(std::string_view uri) {
    bool busy = false;
    slab_.for_each(
        [&](Handle, const Publication& p) { busy |= p.attempt.outstanding && p.uac.uri() == uri; });
    return busy;
}

void Publisher::want(Handle handle, Operation operation) {
    Publication& publication = *slab_.find(handle);
    publication.wanted = std::max(publication.wanted, operation);
    changed_ = true;
}

bool Publisher::is_ready(const Publication& p) {
    return p.wanted != Operation::none && !p.attempt.outstanding &&
           !p.timers.running(Name::retry) && !is_busy(p.uac.uri());
}

bool Publisher::pull(const Now& now) {
    if (!changed_) return false;
    Handle next;
    slab_.for_each([&](Handle handle, const Publication& p) {
        if (!next && is_ready(p)) next = handle;
    });
    changed_ = static_cast<bool>(next);
    if (next) go_on(now, next);
    return static_cast<bool>(next);
}

void Publisher::go_on(const Now& now, Handle handle) {
    Publication& p = *slab_.find(handle);
    const Operation next = p.wanted;
    p.wanted = Operation::none;
    if (next == Operation::remove && !p.etag) {
        end(handle, PublicationNotice::Kind::removed, {});
        return;
    }
    p.doing = !p.etag ? Operation::initial : next;
    send_or_fail(now, handle, true);
}

void Publisher::send_or_fail(const Now& now, Handle handle, bool first_try) {
    const auto sent = send(now, handle, first_try);
    if (sent) return;
    const UacFailure why = Uac::failure_of(slab_.find(handle)->attempt, sent.error());
    failed(now, handle, {why.status, why.phrase, why.retry_after_s, {}}, why.silent.has_value());
}

void Publisher::on_located(const Now& now, Handle handle, LookupId id) {
    Publication* p = slab_.find(handle);
    if (p != nullptr && p->uac.located(now, core_, id, p->attempt))
        send_or_fail(now, handle, false);
}

Expected<void> Publisher::send(const Now& now, Handle handle, bool first_try) {
    Publication& p = *slab_.find(handle);
    if (first_try) p.attempt = {};
    p.asked_s = p.doing == Operation::remove ? 0 : p.expires_s.value_or(0);
    const auto way = p.uac.find_way(now, core_, {part_, handle}, p.attempt);
    if (!way) return tl::unexpected(way.error());
    if (!*way) return {};
    const bool has_body = p.doing == Operation::initial || p.doing == Operation::modify;
    UacRequest request(core_, p.uac, Method::publish, p.uac.next_cseq(), p.attempt);
    request.header(HeaderId::event, p.event.view());
    if (p.doing != Operation::initial) request.header(HeaderId::sip_if_match, p.etag.view());
    if (p.doing == Operation::remove || p.expires_s) request.header(HeaderId::expires, p.asked_s);
    return request.send(now, part_, handle, p.attempt, p.content_type.view(),
                        has_body ? p.body : SharedBytes{});
}

void Publisher::on_request(const Now& now, const Request& request) {
    core_.refuse(now, request, {Condition::method_not_allowed, {}});
}

void Publisher::on_response(const Now& now, Handle handle, const Response& response) {
    Publication* p = slab_.find(handle);
    if (p == nullptr) return;
    std::uint32_t asked_s = p->asked_s;
    switch (p->uac.judge(now, core_, response, Method::publish, asked_s, p->attempt)) {
        case UacVerdict::wait: return;
        case UacVerdict::done: accepted(now, handle, response); return;
        case UacVerdict::again:
            if (asked_s > p->asked_s) p->expires_s = asked_s;
            send_or_fail(now, handle, false);
            return;
        case UacVerdict::failed: break;
    }
    failed(
        now, handle,
        {response.status, response.message.reason, retry_after_of(response.message),
         response.status == 415 ? response.message.value_of(HeaderId::accept) : std::string_view{}},
        false);
}

void Publisher::on_failure(const Now& now, Handle handle, Failure why) {
    Publication* p = slab_.find(handle);
    if (p == nullptr || !p->attempt.outstanding) return;
    p->attempt.outstanding = false;
    if (Uac::fall_back(now, core_, p->attempt, why)) {
        send_or_fail(now, handle, false);
        return;
    }
    failed(now, handle,
           {static_cast<std::uint16_t>(why == Failure::timeout ? 408 : 503), {}, {}, {}}, true);
}

void Publisher::accepted(const Now& now, Handle handle, const Response& response) {
    Publication& p = *slab_.find(handle);
    const Cause cause{response.status, response.message.reason, {}, {}};
    if (p.doing == Operation::remove) {
        // RFC 3903 4.5: the entity-tag that comes with it names nothing.
        end(handle, PublicationNotice::Kind::removed, cause);
        return;
    }
    const std::string_view etag = response.message.value_of(HeaderId::sip_etag);
    // Without one (or memory for it) the next PUBLISH is an initial one.
    p.etag =
        etag.empty() || !is_token(etag) ? SharedBytes{} : SharedBytes::copy(shard().memory, etag);
    if (p.doing != Operation::refresh) p.published = p.body;
    p.doing = Operation::none;
    changed_ = true;
    p.established = true;
    p.failures = 0;
    const auto said = parse_delta_seconds(response.message.value_of(HeaderId::expires));
    const std::uint32_t most = p.expires_s.value_or(UINT32_MAX);
    const std::uint32_t granted_s =
        std::min(said ? *said : p.expires_s.value_or(expires_unsaid_s), most);
    p.timers.set(shard().timers, Name::expires, later(now.mono, seconds{granted_s}));
    if (!p.once)
        p.timers.set(shard().timers, Name::refresh, later(now.mono, refresh_delay(granted_s)));
    PublicationNotice notice = notice_of(handle, PublicationNotice::Kind::published, cause);
    notice.expires_s = granted_s;
    tell(std::move(notice));
}

void Publisher::failed(const Now& now, Handle handle, const Cause& cause, bool silent) {
    Publication& p = *slab_.find(handle);
    const Operation did = p.doing;
    p.doing = Operation::none;
    changed_ = true;
    if (cause.status == 412 && did != Operation::initial) {
        // RFC 3903 5: the tag is dead; the same is never sent again, the whole state is.
        p.etag = {};
        if (did == Operation::remove || p.wanted == Operation::remove) {
            end(handle, PublicationNotice::Kind::removed, cause);
        } else if (!p.body) {
            end(handle, PublicationNotice::Kind::failed, cause);
        } else {
            want(handle, Operation::initial);
        }
        return;
    }
    const bool may_wait = silent ? p.established && did != Operation::remove
                                 : asks_to_wait(cause.status, cause.retry_after_s, p.failures);
    if (may_wait) {
        wait(now, handle, did, cause);
        return;
    }
    if (!silent && did == Operation::modify && p.published) {
        // What stands under the tag is what it was before, and is kept fresh.
        if (p.wanted == Operation::none) p.body = p.published;
        tell(notice_of(handle, PublicationNotice::Kind::refused, cause));
        return;
    }
    end(handle, PublicationNotice::Kind::failed, cause);
}

void Publisher::wait(const Now& now, Handle handle, Operation operation, const Cause& cause) {
    Publication& p = *slab_.find(handle);
    p.wanted = std::max(p.wanted, operation);
    if (p.failures < 32) ++p.failures;
    const Duration delay =
        std::max<Duration>(back_off(p.failures), seconds{cause.retry_after_s.value_or(0)});
    p.timers.set(shard().timers, Name::retry, later(now.mono, delay));
    PublicationNotice notice = notice_of(handle, PublicationNotice::Kind::waiting, cause);
    notice.retry_after_s = seconds_left(now.mono, later(now.mono, delay));
    tell(std::move(notice));
}

void Publisher::end(Handle handle, PublicationNotice::Kind kind, const Cause& cause) {
    tell(notice_of(handle, kind, cause));
    forget(handle);
    changed_ = true;
}

void Publisher::on_timer(const Now& now, Handle handle) {
    for (;;) {
        Publication* p = slab_.find(handle);
        if (p == nullptr) return;
        const auto name = p->timers.pop_due(shard().timers, now.mono);
        if (!name) return;
        switch (*name) {
            case Name::refresh: want(handle, Operation::refresh); break;
            case Name::retry: changed_ = true; break;
            case Name::expires:
                if (p->attempt.outstanding) break;
                p->etag = {};
                if (p->once && p->wanted == Operation::none)
                    end(handle, PublicationNotice::Kind::removed, {});
                break;
        }
    }
}

}  // namespace sip
