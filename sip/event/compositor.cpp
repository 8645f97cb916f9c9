#include "sip/event/compositor.hpp"

#include <algorithm>

#include "sip/base/jitter.hpp"
#include "sip/base/text.hpp"
#include "sip/event/event_headers.hpp"
#include "sip/message/media_type.hpp"
#include "sip/message/token_list.hpp"

namespace sip {
namespace {

/// Only the hour rule of SUBSCRIBE and REGISTER asks for it; RFC 3903 6 step 4 has none.
constexpr bool no_hour_rule = false;

}  // namespace

Compositor::Compositor(const Core& core, EventPackages& packages, Resources& resources,
                       StateListener& listener)
    : core_(core),
      packages_(packages),
      resources_(resources),
      listener_(listener),
      slab_(core.shard.memory, core.shard.limits.publications),
      staged_(core.shard.memory, core.shard.limits.waiting_requests) {}

Compositor::~Compositor() {
    staged_.for_each([&](Handle handle, Staged&) { staged_.destroy(handle); });
    slab_.for_each([&](Handle handle, Entry&) { destroy(handle); });
}

bool Compositor::serves(const Request& request) {
    Room<512> name;
    write_address_of_record(name, request.essentials.request_uri);
    if (name.overflowed()) return false;
    for (std::size_t i = 0; i < packages_.size(); ++i)
        if (packages_.at(i).exists(name.view())) return true;
    return false;
}

Expected<void> Compositor::check(const Request& request, Wanted& wanted) const {
    const MessageView& message = request.message;
    Appender name(wanted.name_room);
    write_address_of_record(name, request.essentials.request_uri);
    wanted.name = name.view();
    // RFC 3903 6 step 2.
    const auto event = read_event(message, packages_);
    if (!event) return tl::unexpected(event.error());
    wanted.package = event->package;
    const EventPackage& package = packages_.at(wanted.package);
    if (package.traits().publish.empty())
        return failure(Condition::bad_event, "This package is not published");
    if (!package.may_publish(wanted.name, request.identity.address_of_record))
        return failure(Condition::forbidden, "Not your own presence");
    if (!package.exists(wanted.name)) return failure(Condition::not_found, "No such address");
    // Step 3.
    if (const HeaderField* field = message.find(HeaderId::sip_if_match)) {
        if (!is_token(field->value))
            return failure(Condition::malformed, "SIP-If-Match: one entity-tag expected");
        wanted.if_match = field->value;
    }
    // Step 4.
    const auto expires = read_expires(message, package.traits(), no_hour_rule);
    if (!expires) return tl::unexpected(expires.error());
    wanted.expires_s = *expires;
    return {};
}

void Compositor::on_request(const Now& now, const Request& request) {
    ++core_.shard.counters.publishes;
    Wanted wanted;
    if (const auto checked = check(request, wanted); !checked) {
        refuse(now, request, wanted, checked.error());
        return;
    }
    const std::uint64_t resource = resources_.hash_of(wanted.package, wanted.name);
    if (core_.staging.is_busy(resource)) {
        if (!core_.staging.wait(resource, request))
            refuse(now, request, wanted, {Condition::overloaded, "Too many requests wait"});
        return;
    }
    const Handle handle = staged_.create();
    if (!handle) {
        ++core_.shard.counters.limit_memory;
        refuse(now, request, wanted, {Condition::overloaded, "No memory for the publication"});
        return;
    }
    // RFC 3903 6 step 4: what is granted may be less than what was asked for.
    const EventPackage::Traits& traits = packages_.at(wanted.package).traits();
    wanted.expires_s =
        shortened(core_.shard.entropy, wanted.expires_s,
                  core_.shard.is_exempt(request.source) ? 0 : traits.expires_jitter_percent,
                  traits.expires_min_s);
    Staged& staged = *staged_.find(handle);
    staged.resource = resource;
    staged.transaction = request.transaction;
    staged.expires = seconds{wanted.expires_s};
    staged.tag = new_tag();
    if (const auto prepared = prepare(now, request, wanted, staged); !prepared) {
        staged_.destroy(handle);
        refuse(now, request, wanted, prepared.error());
        return;
    }
    stage(now, request, wanted, handle);
}

/// RFC 3903 4, table 1: which operation it is; and steps 3 and 5 of section 6.
Expected<void> Compositor::prepare(const Now& now, const Request& request, const Wanted& wanted,
                                   Staged& staged) {
    const bool has_body = !request.message.body.empty();
    if (wanted.if_match.empty()) {
        if (!has_body) return failure(Condition::malformed, "Neither a body nor SIP-If-Match");
        if (const auto body = prepare_body(now, request, wanted, staged); !body) return body;
        if (wanted.expires_s == 0) return {};  // step 5: stored for no time at all
        return prepare_entry(now, request, wanted, staged);
    }
    const ResourceId resource = resources_.find(wanted.package, wanted.name, staged.resource);
    staged.entry = resource ? find(resource, wanted.if_match) : Handle{};
    if (!staged.entry) return failure(Condition::conditional_failed, "Conditional Request Failed");
    note_call(request, *slab_.find(staged.entry));
    if (wanted.expires_s == 0) {
        staged.operation = Operation::remove;
        return {};
    }
    staged.operation = has_body ? Operation::modify : Operation::refresh;
    return has_body ? prepare_body(now, request, wanted, staged) : Expected<void>{};
}

Expected<void> Compositor::prepare_body(const Now& now, const Request& request,
                                        const Wanted& wanted, Staged& staged) {
    const MessageView& message = request.message;
    EventPackage& package = packages_.at(wanted.package);
    if (message.body.size() > core_.shard.limits.publication_bytes) {
        ++core_.shard.counters.limit_publication_bytes;
        return failure(Condition::body_too_large, "Publication is too large");
    }
    const HeaderField* encoding = message.find(HeaderId::content_encoding);
    if (encoding != nullptr && !equal_ignoring_case(encoding->value, "identity"))
        return failure(Condition::media_not_supported, "Content-Encoding is not supported");
    const HeaderField* type = message.find(HeaderId::content_type);
    if (type == nullptr) return failure(Condition::malformed, "Content-Type is missing");
    const auto media = parse_media_type(type->value);
    if (!media) return tl::unexpected(media.error());
    bool known = false;
    for (std::string_view name : package.traits().publish) known |= is_media_type(*media, name);
    if (!known) return failure(Condition::media_not_supported, "Content-Type is not supported");
    // The form that is kept may be longer than what came: escapes, prefixes, ids.
    const std::size_t most = 2 * message.body.size() + 4096;
    std::span<char> room = core_.shard.scratch();
    Block large;
    if (room.size() < most) {
        if (!large.resize(core_.shard.memory, most)) {
            ++core_.shard.counters.limit_memory;
            return failure(Condition::overloaded, "No memory for the publication");
        }
        room = {large.data(), large.size()};
    }
    room = room.first(most);
    const auto size = package.accept_publication(
        now, {wanted.name, type->value, message.body, request.identity.address_of_record}, room);
    if (!size) return tl::unexpected(size.error());
    if (!staged.body.assign(core_.shard.memory, {room.data(), *size})) {
        ++core_.shard.counters.limit_memory;
        return failure(Condition::overloaded, "No memory for the publication");
    }
    return {};
}

std::uint64_t Compositor::call_of(const Request& request) const {
    return mix(table_hash(core_.shard.key, request.essentials.call_id),
               site_hash(core_.shard.key, request.source.remote.address));
}

/// What came later of the call that made a publication.
void Compositor::note_call(const Request& request, Entry& entry) const {
    if (entry.call == call_of(request))
        entry.cseq = std::max(entry.cseq, request.essentials.cseq.number);
}

template <class Visit>
void Compositor::for_each_superseded(ResourceId resource, Visit visit) {
    for (std::uint32_t i = resources_.at(resource).first_publication; i != UINT32_MAX;) {
        const Handle handle = slab_.handle_at(i);
        i = slab_.at(i).next;
        if (slab_.at(handle.index).superseded) visit(handle);
    }
}

/// A publisher that lost the 200 publishes anew, and what it published before would live on until
/// it expires. How many go; the package says which, of the same authenticated user alone.
std::size_t Compositor::mark_superseded(const Now& now, const Request& request, ResourceId resource,
                                        std::string_view body) {
    EventPackage& package = packages_.at(resources_.at(resource).package);
    const std::uint64_t call = call_of(request);
    std::size_t count = 0;
    for (std::uint32_t i = resources_.at(resource).first_publication; i != UINT32_MAX;
         i = slab_.at(i).next) {
        Entry& entry = slab_.at(i);
        const bool same_call = entry.call == call;
        // A PUBLISH that was overtaken on its way takes nobody's place.
        const bool late = same_call && request.essentials.cseq.number <= entry.cseq;
        entry.superseded = !late && request.identity.authenticated &&
                           entry.publisher.view() == request.identity.address_of_record &&
                           package.supersedes(body, entry.body.view(), same_call);
        if (!entry.superseded) continue;
        ++count;
        core_.shard.decision(now, "publication", "takes the place of one whose answer was lost",
                             entry.publisher.view());
    }
    return count;
}

Expected<void> Compositor::prepare_entry(const Now& now, const Request& request,
                                         const Wanted& wanted, Staged& staged) {
    Shard& shard = core_.shard;
    const ResourceId known = resources_.find(wanted.package, wanted.name, staged.resource);
    const std::size_t superseded =
        known ? mark_superseded(now, request, known, staged.body.view()) : 0;
    if (known &&
        resources_.at(known).publications >= shard.limits.publications_per_resource + superseded) {
        ++shard.counters.limit_publications_per_resource;
        return failure(Condition::forbidden, "Too many publications for this address");
    }
    const ResourceId resource = resources_.obtain(wanted.package, wanted.name, staged.resource);
    if (!resource) return failure(Condition::overloaded, "Too many resources");
    const Handle handle = slab_.create();
    if (!handle) {
        ++(slab_.full() ? shard.counters.limit_publications : shard.counters.limit_memory);
        resources_.release(resource);
        return failure(Condition::overloaded, "Too many publications");
    }
    Entry& entry = *slab_.find(handle);
    entry.resource = resource;
    ++resources_.at(resource).publications;
    entry.chain = shard.entropy.next();
    // It goes on where the newest that it supersedes ends: watchers see the same tuples.
    for_each_superseded(resource, [&, first = true](Handle old) mutable {
        if (first) entry.chain = slab_.find(old)->chain;
        first = false;
    });
    entry.call = call_of(request);
    entry.cseq = request.essentials.cseq.number;
    if (!entry.timers.attach(shard.timers, {part_, handle}) ||
        !entry.publisher.assign(shard.memory, request.identity.address_of_record)) {
        ++shard.counters.limit_memory;
        destroy(handle);
        return failure(Condition::overloaded, "No memory for the publication");
    }
    staged.entry = handle;
    staged.operation = Operation::initial;
    return {};
}

void Compositor::refuse(const Now& now, const Request& request, const Wanted& wanted,
                        const Error& error) {
    const std::uint16_t status = status_of(error.condition);
    core_.tell_refused(now, request, error.rule, status);
    Reply reply(core_.shard, request, status, error.rule);
    const EventPackage::Traits& traits = packages_.at(wanted.package).traits();
    if (status == 489) write_allow_events(reply.writer(), packages_);
    if (status == 423) reply.header(HeaderId::min_expires, traits.expires_min_s);
    if (status == 415) {
        if (request.message.has(HeaderId::content_encoding))
            reply.header(HeaderId::accept_encoding, "identity");
        else
            write_accept(reply.writer(), traits.publish);
    }
    if (status == 503 || status == 500)
        reply.header(HeaderId::retry_after, core_.shard.limits.retry_after_s);
    core_.respond(now, request, reply);
}

void Compositor::stage(const Now& now, const Request& request, const Wanted& wanted,
                       Handle handle) {
    Staged& staged = *staged_.find(handle);
    {
        Reply reply(core_.shard, request, 200);
        reply.header(HeaderId::sip_etag, {staged.tag.data(), staged.tag.size()});
        reply.header(HeaderId::expires, wanted.expires_s);
        core_.prove(now, request, reply);
        staged.accepted = reply.finish();
    }
    if (!staged.accepted) {
        // Nothing has happened; what was taken for it makes room for an answer.
        if (const Entry* entry = slab_.find(staged.entry); entry != nullptr && !entry->live)
            destroy(staged.entry);
        staged_.destroy(handle);
        refuse(now, request, wanted, {Condition::overloaded, "No room for the answer"});
        return;
    }
    // What is published for no time at all leaves nothing that could be stored.
    const bool stores = core_.staging.has_store() && staged.operation != Operation::nothing;
    if (stores) {
        Reply reply(core_.shard, request, 500, "The change could not be stored");
        reply.header(HeaderId::retry_after, core_.shard.limits.retry_after_s);
        staged.refused = reply.finish();
    }
    if (!stores) {
        on_committed(now, handle);
        return;
    }
    if (Entry* entry = slab_.find(staged.entry)) entry->staged = true;
    if (core_.staging.stage(part_, handle, staged.resource, records_of(now, staged))) return;
    if (Packet busy = core_.too_many_changes(request)) staged.refused = std::move(busy);
    on_commit_failed(now, handle);
}

PublicationRecord Compositor::record_of(const Now& now, const Entry& entry) const {
    const Resources::Resource& resource = resources_.at(entry.resource);
    PublicationRecord record;
    record.resource = resource.name.view();
    record.chain = entry.chain;
    record.package = packages_.at(resource.package).traits().name;
    record.etag = {entry.tag.data(), entry.tag.size()};
    record.publisher = entry.publisher.view();
    record.body = entry.body.view();
    record.changed_at_ms = entry.changed_wall_ms;
    if (entry.live) record.expires_at_ms = wall_ms_at(now, entry.timers.at(Name::expires));
    return record;
}

SharedBytes Compositor::records_of(const Now& now, const Staged& staged) {
    PublicationRecord record = record_of(now, *slab_.find(staged.entry));
    record.etag = {staged.tag.data(), staged.tag.size()};
    record.expires_at_ms = wall_ms_at(now, later(now.mono, staged.expires));
    if (staged.operation != Operation::refresh) {
        record.body = staged.body.view();
        record.changed_at_ms = now.wall_ms;
    }
    return make_records(core_.shard.memory, [&](RecordWriter& out) {
        if (staged.operation == Operation::initial)
            for_each_superseded(slab_.find(staged.entry)->resource, [&](Handle old) {
                out.write(RecordChange::remove, record_of(now, *slab_.find(old)));
            });
        out.write(staged.operation == Operation::remove ? RecordChange::remove : RecordChange::put,
                  record);
    });
}

void Compositor::on_committed(const Now& now, Handle object) {
    Staged* staged = staged_.find(object);
    SIP_ASSERT(staged != nullptr);
    core_.servers.respond(now, staged->transaction, 200, staged->accepted);
    apply(now, *staged);
    staged_.destroy(object);
}

void Compositor::on_commit_failed(const Now& now, Handle object) {
    Staged* staged = staged_.find(object);
    SIP_ASSERT(staged != nullptr);
    core_.servers.respond(now, staged->transaction, 500, staged->refused);
    if (Entry* entry = slab_.find(staged->entry)) {
        entry->staged = false;
        if (!entry->live) destroy(staged->entry);
    }
    staged_.destroy(object);
}

void Compositor::apply(const Now& now, Staged& staged) {
    Entry* entry = slab_.find(staged.entry);
    if (entry == nullptr) return;
    entry->staged = false;
    entry->tag = staged.tag;
    if (staged.operation == Operation::remove) {
        unlink(staged.entry);
        tell(now, *entry);
        destroy(staged.entry);
        return;
    }
    entry->timers.set(core_.shard.timers, Name::expires, later(now.mono, staged.expires));
    if (staged.operation == Operation::refresh) return;  // RFC 3903 6: no NOTIFY
    entry->body = std::move(staged.body);
    entry->changed = now.mono;
    entry->changed_wall_ms = now.wall_ms;
    if (staged.operation == Operation::initial)
        for_each_superseded(entry->resource, [&](Handle old) {
            ++core_.shard.counters.publications_superseded;
            destroy(old);
        });
    if (entry->live) unlink(staged.entry);
    link_first(staged.entry);
    tell(now, *entry);
}

void Compositor::tell(const Now& now, const Entry& entry) {
    const Resources::Resource& resource = resources_.at(entry.resource);
    listener_.state_changed(now, resource.package, resource.name.view());
}

void Compositor::on_timer(const Now& now, Handle object) {
    Entry* entry = slab_.find(object);
    if (entry == nullptr || !entry->timers.pop_due(core_.shard.timers, now.mono)) return;
    if (entry->staged) {
        // A refresh may be on its way to the store; what comes of it decides.
        entry->timers.set(core_.shard.timers, Name::expires, later(now.mono, seconds{1}));
        return;
    }
    // RFC 3903 6: what is not refreshed in time is removed, and watchers hear of it.
    unlink(object);
    tell(now, *entry);
    destroy(object);
}

Handle Compositor::find(ResourceId resource, std::string_view tag) {
    for (std::uint32_t i = resources_.at(resource).first_publication; i != UINT32_MAX;
         i = slab_.at(i).next)
        if (equal_in_constant_time({slab_.at(i).tag.data(), slab_.at(i).tag.size()}, tag))
            return slab_.handle_at(i);
    return {};
}

/// RFC 3903 8.3: 96 bits that nobody can guess, and that never come again.
Compositor::EntityTag Compositor::new_tag() {
    EntityTag tag;
    std::array<std::byte, tag.size() / 2> bytes{};
    core_.shard.entropy.fill(bytes);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        constexpr std::string_view digits = "0123456789abcdef";
        const auto byte = std::to_integer<std::size_t>(bytes[i]);
        tag[2 * i] = digits[byte >> 4U];
        tag[2 * i + 1] = digits[byte & 0xFU];
    }
    return tag;
}

void Compositor::link_first(Handle handle) {
    Entry& entry = *slab_.find(handle);
    Resources::Resource& resource = resources_.at(entry.resource);
    entry.previous = UINT32_MAX;
    entry.next = resource.first_publication;
    if (entry.next != UINT32_MAX) slab_.at(entry.next).previous = handle.index;
    resource.first_publication = handle.index;
    entry.live = true;
}

void Compositor::unlink(Handle handle) {
    Entry& entry = *slab_.find(handle);
    if (!entry.live) return;
    if (entry.previous != UINT32_MAX)
        slab_.at(entry.previous).next = entry.next;
    else
        resources_.at(entry.resource).first_publication = entry.next;
    if (entry.next != UINT32_MAX) slab_.at(entry.next).previous = entry.previous;
    entry.live = false;
}

void Compositor::destroy(Handle handle) {
    Entry& entry = *slab_.find(handle);
    unlink(handle);
    entry.timers.detach(core_.shard.timers);
    Resources::Resource& resource = resources_.at(entry.resource);
    --resource.publications;
    const ResourceId released = entry.resource;
    slab_.destroy(handle);
    resources_.release(released);
}

}  // namespace sip
