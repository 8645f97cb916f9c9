#include "sip/registrar/registrar.hpp"

#include <algorithm>

#include "sip/base/civil_time.hpp"
#include "sip/base/domains.hpp"
#include "sip/base/jitter.hpp"
#include "sip/base/text.hpp"
#include "sip/message/delta_seconds.hpp"
#include "sip/message/token_list.hpp"

namespace sip {
namespace {

/// RFC 3261 10.3 step 7: an interval of an hour or more is never too brief.
constexpr std::uint32_t hour_s = 3600;

/// RFC 3261 25.1 qvalue.
void write_q(Appender& out, std::uint16_t q) {
    if (q >= 1000) {
        out << "1.0";
        return;
    }
    const char digits[3] = {static_cast<char>('0' + q / 100), static_cast<char>('0' + q / 10 % 10),
                            static_cast<char>('0' + q % 10)};
    const std::size_t size = q % 10 != 0 ? 3 : q % 100 != 0 ? 2 : 1;
    out << "0." << std::string_view(digits, size);
}

/// Calls `visit(const Contact&)` for each value until one gives an error.
template <class Visit>
Expected<void> each_contact(const MessageView& message, const Leniency& leniency, Visit visit) {
    for (const HeaderField& field : message.headers) {
        if (field.id != HeaderId::contact) continue;
        std::string_view rest = field.value;
        while (const auto contact = next_contact(rest, leniency)) {
            if (!*contact) return tl::unexpected(contact->error());
            if (const auto visited = visit(**contact); !visited) return visited;
        }
    }
    return {};
}

void write_parameters(Appender& out, const Parameters& parameters) {
    std::string_view rest = parameters.text();
    while (const auto parameter = Parameters::next(rest)) {
        if (equal_ignoring_case(parameter->name, "q") ||
            equal_ignoring_case(parameter->name, "expires"))
            continue;
        // RFC 5627 5.1: what a UA repeats of ours is not its to say.
        if (equal_ignoring_case(parameter->name, "pub-gruu") ||
            equal_ignoring_case(parameter->name, "temp-gruu"))
            continue;
        write_parameter(out, *parameter);
    }
}

void write_path(Appender& out, const MessageView& message) {
    bool first = true;
    for (const HeaderField& field : message.headers) {
        if (field.id != HeaderId::path) continue;
        out << (first ? "" : ", ") << field.value;
        first = false;
    }
}

/// Every value of Path is a SIPS URI, or there is none.
bool has_sips_path(const MessageView& message, const Leniency& leniency) {
    for (const HeaderField& field : message.headers) {
        if (field.id != HeaderId::path) continue;
        std::string_view rest = field.value;
        while (const auto hop = next_name_addr(rest, leniency))
            if (!*hop || (*hop)->uri.scheme != Scheme::sips) return false;
    }
    return true;
}

/// RFC 5630 5.1.1.1: of SIP and SIPS forms of one contact the later takes the place of the other.
bool is_same_contact(Uri a, const Uri& b) {
    if (a.is_sip() && b.is_sip()) a.scheme = b.scheme;
    return equivalent(a, b);
}

}  // namespace

Registrar::Registrar(const Core& core, const Directory& directory, RegistrationListener& listener,
                     const Options& options)
    : core_(core),
      directory_(directory),
      listener_(listener),
      options_(options),
      slab_(core.shard.memory, core.shard.limits.bindings),
      addresses_(core.shard.memory, core.shard.limits.bindings),
      staged_(core.shard.memory, core.shard.limits.waiting_requests),
      by_name_(core.shard.memory),
      by_id_(core.shard.memory) {}

Registrar::~Registrar() {
    staged_.for_each([&](Handle handle, Staged&) { staged_.destroy(handle); });
    slab_.for_each([&](Handle handle, Entry&) { destroy(handle); });
}

std::string_view Registrar::Registration::part(Part which) const {
    const auto i = static_cast<std::size_t>(which);
    const std::size_t start = i == 0 ? 0 : ends[i - 1];
    return slice(strings.view(), start, ends[i] - start);
}

/// Alike to whoever looks at bindings: Call-ID, CSeq and expiry aside.
bool Registrar::Registration::looks_like(const Registration& other) const {
    return part(Part::contact) == other.part(Part::contact) &&
           part(Part::parameters) == other.part(Part::parameters) &&
           part(Part::path) == other.part(Part::path) && q == other.q && has_q == other.has_q;
}

Registrar::Binding Registrar::binding_of(const Entry& entry) const {
    const Registration& values = entry.values;
    return {values.part(Part::contact),
            values.part(Part::parameters),
            values.part(Part::path),
            values.q,
            values.has_q,
            entry.id,
            entry.expires_at,
            entry.changed,
            entry.changed_wall_ms,
            entry.bond.flow(),
            values.reg_id,
            values.source.listener,
            values.nat && !is_reliable(values.source.transport) ? values.source.remote : Endpoint{},
            entry.mark};
}

void Registrar::mark(std::string_view address_of_record, std::uint64_t id, Mark mark) {
    const Handle handle = find(address_of_record);
    if (!handle) return;
    for (std::uint32_t i = addresses_.find(handle)->first; i != UINT32_MAX; i = slab_.at(i).next)
        if (Entry& entry = slab_.at(i); entry.id == id) {
            // Who is tried at each refresh, and fails each time, would be so without end.
            const bool again = mark == Mark::until_refresh && entry.marked_before;
            entry.mark = again ? Mark::while_registered : mark;
            entry.marked_before = true;
        }
}

std::uint64_t Registrar::resource_hash(std::string_view name) const {
    return mix(table_hash(core_.shard.key, name), table_hash(core_.shard.key, "registrations"));
}

/// RFC 3261 10.3 step 1.
bool Registrar::serves(const Request& request) {
    const Uri& uri = request.essentials.request_uri;
    return uri.is_sip() && !find_domain(options_.domains, uri.host).empty();
}

/// RFC 3261 10.3 steps 4 and 5, and what of step 6 needs no binding.
Expected<void> Registrar::check(const Request& request, Wanted& wanted) const {
    const Uri& to = request.essentials.to.uri;
    if (!to.is_sip()) return failure(Condition::malformed, "To: a sip or sips URI expected");
    Appender name(wanted.name_room);
    write_address_of_record(name, to);
    if (name.overflowed()) return failure(Condition::not_found, "To: address is too long");
    wanted.name = name.view();
    if (request.identity.address_of_record != wanted.name)
        return failure(Condition::forbidden, "Not your own address");
    if (!directory_.exists(wanted.name)) return failure(Condition::not_found, "No such address");
    return check_contacts(request, wanted);
}

Expected<void> Registrar::check_contacts(const Request& request, Wanted& wanted) const {
    const MessageView& message = request.message;
    wanted.expires_s = options_.expires_default_s;
    bool zero = false;
    if (const HeaderField* field = message.find(HeaderId::expires)) {
        // RFC 3261 20.19 with 10.3: a value that cannot be read counts as 3600.
        const auto asked = parse_delta_seconds(field->value);
        wanted.expires_s = asked ? *asked : hour_s;
        zero = asked && *asked == 0;
    }
    std::size_t sips = 0;
    const auto counted =
        each_contact(message, core_.shard.leniency, [&](const Contact& contact) -> Expected<void> {
            wanted.star |= contact.star;
            const bool is_sips = contact.address.uri.scheme == Scheme::sips;
            sips += is_sips && !contact.star ? 1 : 0;
            if (++wanted.contacts > contacts_max)
                return failure(Condition::forbidden, "Too many contacts in one request");
            return {};
        });
    if (!counted) return counted;
    // RFC 5630 5.2: a SIPS resource is bound securely all the way.
    if (sips > 0 &&
        (sips != wanted.contacts || request.essentials.request_uri.scheme != Scheme::sips ||
         !has_sips_path(message, core_.shard.leniency)))
        return failure(Condition::mismatch, "SIPS Contact among SIP URIs");
    if (wanted.star && (wanted.contacts != 1 || !zero))
        return failure(Condition::malformed, "Contact: * needs Expires 0 and no other contact");
    return check_outbound(request, wanted);
}

/// RFC 5626 6.
Expected<void> Registrar::check_outbound(const Request& request, Wanted& wanted) const {
    std::size_t lasting = 0;
    bool has_reg_id = false;
    const auto counted =
        each_contact(request.message, core_.shard.leniency, [&](const Contact& contact) {
            if (contact.expires.value_or(wanted.expires_s) > 0) ++lasting;
            has_reg_id |= read_outbound(contact.address.parameters).reg_id != 0;
            return Expected<void>{};
        });
    if (!counted || !has_reg_id) return counted;
    if (lasting > 1) return failure(Condition::malformed, "One contact a flow: reg-id with others");
    const auto verdict = judge_outbound(request, core_.shard.leniency);
    if (verdict == OutboundVerdict::lacking) return failure(Condition::no_outbound, {});
    wanted.outbound = verdict == OutboundVerdict::applied;
    return {};
}

void Registrar::on_request(const Now& now, const Request& request) {
    ++core_.shard.counters.registers;
    Wanted wanted;
    if (const auto checked = check(request, wanted); !checked) {
        refuse(now, request, checked.error());
        return;
    }
    const std::uint64_t resource = resource_hash(wanted.name);
    if (core_.staging.is_busy(resource)) {
        if (!core_.staging.wait(resource, request))
            refuse(now, request, {Condition::overloaded, "Too many requests wait"});
        return;
    }
    if (wanted.contacts == 0) {
        answer_query(now, request, wanted);
        return;
    }
    const Handle handle = staged_.create();
    if (!handle) {
        ++core_.shard.counters.limit_memory;
        refuse(now, request, {Condition::overloaded, "No memory for the registration"});
        return;
    }
    Staged& staged = *staged_.find(handle);
    staged.transaction = request.transaction;
    const auto prepared = prepare(request, wanted, staged);
    if (!prepared) {
        discard(staged);
        staged_.destroy(handle);
        refuse(now, request, prepared.error());
        return;
    }
    stage(now, request, wanted, handle);
}

void Registrar::answer_query(const Now& now, const Request& request, const Wanted& wanted) {
    const Packet packet = accept(now, request, wanted, nullptr);
    if (packet)
        core_.servers.respond(now, request.transaction, 200, packet);
    else
        core_.respond(now, request, 500, "Response would be too long");
}

Expected<void> Registrar::prepare(const Request& request, const Wanted& wanted, Staged& staged) {
    if (wanted.star) return prepare_removal_of_all(request, wanted, staged);
    const auto prepared = each_contact(
        request.message, core_.shard.leniency,
        [&](const Contact& contact) { return prepare_change(request, wanted, contact, staged); });
    if (!prepared) return prepared;
    return check_quota(wanted, staged);
}

/// RFC 3261 10.3 step 6.
Expected<void> Registrar::prepare_removal_of_all(const Request& request, const Wanted& wanted,
                                                 Staged& staged) {
    const Handle address = find(wanted.name);
    if (!address) return {};
    for (std::uint32_t i = addresses_.find(address)->first; i != UINT32_MAX; i = slab_.at(i).next) {
        if (const auto order = check_order(request, slab_.at(i)); !order) return order;
    }
    staged.all = address;
    return {};
}

Expected<std::uint32_t> Registrar::granted(const Request& request, const Contact& contact,
                                           const Wanted& wanted) const {
    const std::uint32_t asked = contact.expires ? *contact.expires : wanted.expires_s;
    if (asked > 0 && asked < options_.expires_min_s && asked < hour_s)
        return failure(Condition::interval_too_brief, "Expires is below the minimum");
    return shortened(core_.shard.entropy, std::min(asked, options_.expires_max_s),
                     core_.shard.is_exempt(request.source) ? 0 : options_.expires_jitter_percent,
                     options_.expires_min_s);
}

/// RFC 3261 10.3 step 7: the same Call-ID with a CSeq that is not higher came late.
Expected<void> Registrar::check_order(const Request& request, const Entry& entry) const {
    if (entry.values.part(Part::call_id) == request.essentials.call_id &&
        request.essentials.cseq.number <= entry.values.cseq)
        return failure(Condition::out_of_order, "CSeq is not above that of the binding");
    return {};
}

/// RFC 3261 10.3 step 7, for one contact. A contact that stands twice in a request counts as it
/// stands last.
Expected<void> Registrar::prepare_change(const Request& request, const Wanted& wanted,
                                         const Contact& contact, Staged& staged) {
    const auto expires_s = granted(request, contact, wanted);
    if (!expires_s) return tl::unexpected(expires_s.error());
    // RFC 5627 5.1: it would lead back to itself.
    const Uri& uri = contact.address.uri;
    if (options_.gives_gruu && is_gruu(uri) && !find_domain(options_.domains, uri.host).empty())
        return failure(Condition::forbidden, "A GRUU is no contact");
    auto values = read(request, contact, *expires_s);
    if (!values) return tl::unexpected(values.error());
    const bool remove = *expires_s == 0;
    if (wanted.outbound) values->reg_id = read_outbound(contact.address.parameters).reg_id;
    if (Change* known = find_change(staged, wanted, contact)) {
        known->remove = remove;
        known->values = std::move(*values);
        return {};
    }
    Handle entry = find_entry(wanted, contact);
    const bool made = !entry;
    if (made && remove) return {};
    if (made) {
        const auto fresh = make(wanted);
        if (!fresh) return tl::unexpected(fresh.error());
        entry = *fresh;
    } else if (const auto order = check_order(request, *slab_.find(entry)); !order) {
        return order;
    }
    Change& change = staged.changes[staged.count++];
    change.entry = entry;
    change.made = made;
    change.remove = remove;
    change.values = std::move(*values);
    return {};
}

Expected<Registrar::Registration> Registrar::read(const Request& request, const Contact& contact,
                                                  std::uint32_t expires_s) const {
    Shard& shard = core_.shard;
    Registration values;
    values.q = contact.q;
    values.has_q = contact.has_q;
    values.cseq = request.essentials.cseq.number;
    values.expires_s = expires_s;
    values.source = request.source;
    values.direct = is_first_hop(request);
    values.nat = is_behind_nat(request, contact.address.uri);
    std::span<char> room = shard.scratch();
    Appender out(room.first(room.size() < shard.limits.binding_bytes ? room.size()
                                                                     : shard.limits.binding_bytes));
    const auto close = [&](Part part) {
        values.ends[static_cast<std::size_t>(part)] = static_cast<std::uint32_t>(out.size());
    };
    out << contact.address.uri.text;
    close(Part::contact);
    write_parameters(out, contact.address.parameters);
    close(Part::parameters);
    // RFC 3327 5.3.
    write_path(out, request.message);
    close(Part::path);
    out << request.essentials.call_id;
    close(Part::call_id);
    if (out.overflowed()) {
        ++shard.counters.limit_binding_bytes;
        return failure(Condition::malformed, "Contact, Path and Call-ID are too long to keep");
    }
    if (!values.strings.assign(shard.memory, out.view())) {
        ++shard.counters.limit_memory;
        return failure(Condition::overloaded, "No memory for the registration");
    }
    return values;
}

Expected<void> Registrar::check_quota(const Wanted& wanted, const Staged& staged) {
    const Handle address = find(wanted.name);
    if (!address) return {};
    std::size_t after = addresses_.find(address)->live;
    bool adds = false;
    for (std::size_t i = 0; i < staged.count; ++i) {
        const Change& change = staged.changes[i];
        if (change.made && !change.remove) {
            adds = true;
            ++after;
        } else if (!change.made && change.remove) {
            --after;
        }
    }
    if (!adds || after <= core_.shard.limits.bindings_per_address) return {};
    ++core_.shard.counters.limit_bindings_per_address;
    return failure(Condition::forbidden, "Too many bindings for this address");
}

/// Whether `contact` means that binding: by its instance and reg-id where RFC 5626 applies, else by
/// its URI.
bool Registrar::is_of(const Registration& values, const Wanted& wanted,
                      const Contact& contact) const {
    const OutboundContact flow =
        wanted.outbound ? read_outbound(contact.address.parameters) : OutboundContact{};
    if (flow.reg_id != values.reg_id) return false;
    if (flow.reg_id != 0)
        return read_outbound(Parameters(values.part(Part::parameters))).instance == flow.instance;
    const auto uri = parse_uri(values.part(Part::contact), core_.shard.leniency);
    return uri && is_same_contact(*uri, contact.address.uri);
}

Registrar::Change* Registrar::find_change(Staged& staged, const Wanted& wanted,
                                          const Contact& contact) {
    for (std::size_t i = 0; i < staged.count; ++i)
        if (is_of(staged.changes[i].values, wanted, contact)) return &staged.changes[i];
    return nullptr;
}

Handle Registrar::find_entry(const Wanted& wanted, const Contact& contact) {
    const Handle address = find(wanted.name);
    if (!address) return {};
    for (std::uint32_t i = addresses_.find(address)->first; i != UINT32_MAX; i = slab_.at(i).next)
        if (is_of(slab_.at(i).values, wanted, contact)) return slab_.handle_at(i);
    return {};
}

Expected<Handle> Registrar::make(const Wanted& wanted) {
    Shard& shard = core_.shard;
    const Handle address = obtain(wanted.name);
    if (!address) return failure(Condition::overloaded, "Too many registrations");
    const Handle handle = slab_.create();
    if (!handle) {
        ++(slab_.full() ? shard.counters.limit_bindings : shard.counters.limit_memory);
        if (addresses_.find(address)->references == 0) {
            by_name_.erase(addresses_.find(address)->hash, address.index);
            addresses_.destroy(address);
        }
        return failure(Condition::overloaded, "Too many registrations");
    }
    Entry& entry = *slab_.find(handle);
    entry.address = address;
    entry.id = shard.mint();
    ++addresses_.find(address)->references;
    if (!entry.timers.attach(shard.timers, {part_, handle})) {
        ++shard.counters.limit_memory;
        destroy(handle);
        return failure(Condition::overloaded, "No memory for the registration");
    }
    return handle;
}

void Registrar::refuse(const Now& now, const Request& request, const Error& error) {
    if (error.condition != Condition::interval_too_brief) {
        core_.refuse(now, request, error);
        return;
    }
    core_.tell_refused(now, request, error.rule, 423);
    Reply reply(core_.shard, request, 423, error.rule);
    reply.header(HeaderId::min_expires, options_.expires_min_s);
    core_.respond(now, request, reply);
}

/// RFC 3261 10.3 step 8: all bindings as they are once `staged` (may be null) holds.
Packet Registrar::accept(const Now& now, const Request& request, const Wanted& wanted,
                         const Staged* staged) {
    Reply reply(core_.shard, request, 200);
    const bool gruus =
        options_.gives_gruu && lists_token(request.message, HeaderId::supported, "gruu");
    const auto write = [&](const Registration& values, Handle of, std::uint32_t expires_s) {
        Appender& out = reply.writer().begin(HeaderId::contact);
        out << '<' << values.part(Part::contact) << '>';
        if (values.has_q) write_q(out << ";q=", values.q);
        out << ";expires=" << expires_s << values.part(Part::parameters);
        if (gruus) write_gruus(out, wanted, values, of);
        reply.writer().end();
    };
    const std::size_t changes = staged == nullptr ? 0 : staged->count;
    const Handle address = wanted.star ? Handle{} : find(wanted.name);
    for (std::uint32_t i = address ? addresses_.find(address)->first : UINT32_MAX; i != UINT32_MAX;
         i = slab_.at(i).next) {
        const Entry& entry = slab_.at(i);
        bool changed = false;
        for (std::size_t c = 0; c < changes; ++c) changed |= staged->changes[c].entry.index == i;
        if (!changed)
            write(entry.values, slab_.handle_at(i), seconds_left(now.mono, entry.expires_at));
    }
    for (std::size_t c = 0; c < changes; ++c)
        if (!staged->changes[c].remove)
            write(staged->changes[c].values, staged->changes[c].entry,
                  staged->changes[c].values.expires_s);
    if (wanted.outbound && staged != nullptr) {
        if (lists_token(request.message, HeaderId::supported, "outbound"))
            reply.header(HeaderId::require, "outbound");
        if (is_first_hop(request)) {
            Room<16> timer;
            timer << core_.shard.limits.flow_keep_alive_s;
            reply.writer().header("Flow-Timer", timer.view());
        }
    }
    // RFC 3327 5.3: what was stored is shown to a UA that understands it.
    if (lists_token(request.message, HeaderId::supported, "path")) {
        for (const HeaderField& field : request.message.headers)
            if (field.id == HeaderId::path) reply.header(HeaderId::path, field.value);
    }
    core_.prove(now, request, reply);
    write_sip_date(reply.writer().begin(HeaderId::date), now.wall_ms);
    reply.writer().end();
    return reply.finish();
}

void Registrar::stage(const Now& now, const Request& request, const Wanted& wanted, Handle handle) {
    Staged& staged = *staged_.find(handle);
    staged.accepted = accept(now, request, wanted, &staged);
    {
        Reply reply(core_.shard, request, 500,
                    staged.accepted ? "The change could not be stored" : "No room for the answer");
        reply.header(HeaderId::retry_after, core_.shard.limits.retry_after_s);
        staged.refused = reply.finish();
    }
    if (!staged.accepted) {
        on_commit_failed(now, handle);
        return;
    }
    // What takes away what is not there leaves nothing that could be stored.
    if (!core_.staging.has_store() || (staged.count == 0 && !staged.all)) {
        on_committed(now, handle);
        return;
    }
    mark(staged, true);
    if (core_.staging.stage(part_, handle, resource_hash(wanted.name), records_of(now, staged)))
        return;
    if (Packet busy = core_.too_many_changes(request)) staged.refused = std::move(busy);
    on_commit_failed(now, handle);
}

void Registrar::Registration::describe(BindingRecord& record) const {
    record.contact = part(Part::contact);
    record.path = part(Part::path);
    record.call_id = part(Part::call_id);
    record.parameters = part(Part::parameters);
    record.cseq = cseq;
    record.q = q;
    record.has_q = has_q;
}

BindingRecord Registrar::record_of(const Now& now, const Entry& entry) const {
    BindingRecord record;
    entry.values.describe(record);
    record.resource = addresses_.find(entry.address)->name.view();
    record.id = entry.id;
    record.changed_at_ms = entry.changed_wall_ms;
    record.expires_at_ms = wall_ms_at(now, entry.expires_at);
    return record;
}

BindingRecord Registrar::record_of(const Now& now, const Change& change) const {
    const Entry& entry = *slab_.find(change.entry);
    BindingRecord record = record_of(now, entry);
    change.values.describe(record);
    if (!entry.live || !entry.values.looks_like(change.values)) record.changed_at_ms = now.wall_ms;
    record.expires_at_ms = wall_ms_at(now, later(now.mono, seconds{change.values.expires_s}));
    return record;
}

SharedBytes Registrar::records_of(const Now& now, const Staged& staged) {
    return make_records(core_.shard.memory, [&](RecordWriter& out) {
        for (std::size_t i = 0; i < staged.count; ++i) {
            const Change& change = staged.changes[i];
            // Named and taken away in the same request: it never was.
            if (change.made && change.remove) continue;
            out.write(change.remove ? RecordChange::remove : RecordChange::put,
                      record_of(now, change));
        }
        if (!staged.all) return;
        for (std::uint32_t i = addresses_.find(staged.all)->first; i != UINT32_MAX;
             i = slab_.at(i).next)
            out.write(RecordChange::remove, record_of(now, slab_.at(i)));
    });
}

/// Requests for the address wait meanwhile, so that the bindings stay those that were checked; one
/// that runs out waits for what comes of its change.
void Registrar::mark(Staged& staged, bool is_staged) {
    for (std::size_t i = 0; i < staged.count; ++i)
        slab_.find(staged.changes[i].entry)->staged = is_staged;
    if (!staged.all) return;
    for (std::uint32_t i = addresses_.find(staged.all)->first; i != UINT32_MAX;
         i = slab_.at(i).next)
        slab_.at(i).staged = is_staged;
}

void Registrar::on_committed(const Now& now, Handle object) {
    Staged* staged = staged_.find(object);
    SIP_ASSERT(staged != nullptr);
    core_.servers.respond(now, staged->transaction, 200, staged->accepted);
    const Handle address = staged->all         ? staged->all
                           : staged->count > 0 ? slab_.find(staged->changes[0].entry)->address
                                               : Handle{};
    Room<512> name;
    if (address) name << addresses_.find(address)->name.view();
    bool changed = static_cast<bool>(staged->all);
    if (staged->all) remove_all(staged->all);
    for (std::size_t i = 0; i < staged->count; ++i) changed |= apply(now, staged->changes[i]);
    staged_.destroy(object);
    if (changed) listener_.registrations_changed(now, name.view());
}

void Registrar::on_commit_failed(const Now& now, Handle object) {
    Staged* staged = staged_.find(object);
    SIP_ASSERT(staged != nullptr);
    core_.servers.respond(now, staged->transaction, 500, staged->refused);
    discard(*staged);
    staged_.destroy(object);
}

void Registrar::discard(Staged& staged) {
    mark(staged, false);
    for (std::size_t i = 0; i < staged.count; ++i)
        if (staged.changes[i].made) destroy(staged.changes[i].entry);
}

void Registrar::remove_all(Handle address) {
    for (;;) {
        const Address* found = addresses_.find(address);
        if (found == nullptr || found->first == UINT32_MAX) return;
        destroy(slab_.handle_at(found->first));
    }
}

/// Whether anything that shows changed.
bool Registrar::apply(const Now& now, Change& change) {
    Entry& entry = *slab_.find(change.entry);
    entry.staged = false;
    if (change.remove) {
        const bool was_live = entry.live;
        destroy(change.entry);
        return was_live;
    }
    const bool same = entry.live && entry.values.looks_like(change.values);
    // RFC 5627 5.1: a UA that starts anew knows none of its old temporary ones.
    const bool starts_anew = entry.values.part(Part::call_id) != change.values.part(Part::call_id);
    if (starts_anew) entry.first_gruu = entry.gruus;
    const bool is_another = starts_anew || !same;
    const bool unmarked =
        entry.mark == Mark::until_refresh || (entry.mark == Mark::while_registered && is_another);
    if (unmarked) entry.mark = Mark::none;
    if (is_another) entry.marked_before = false;
    const FlowId change_flow = change.values.source.flow;
    core_.transport.bind(entry.bond, change_flow, {part_, change.entry});
    if (change.values.reg_id != 0 && change.values.direct)
        core_.transport.expect_keep_alives(now, change_flow,
                                           seconds{core_.shard.limits.flow_keep_alive_s});
    entry.values = std::move(change.values);
    entry.expires_at = later(now.mono, seconds{entry.values.expires_s});
    // The connection may have gone while it was stored.
    const bool is_lost = change_flow != FlowId{} && entry.bond.flow() == FlowId{} &&
                         bond_of(entry.values) == Bond::sole;
    entry.timers.set(core_.shard.timers, Name::expires, is_lost ? now.mono : entry.expires_at);
    if (!entry.live) link_first(change.entry);
    if (same) return unmarked;
    entry.changed = now.mono;
    entry.changed_wall_ms = now.wall_ms;
    return true;
}

void Registrar::on_timer(const Now& now, Handle object) {
    Entry* entry = slab_.find(object);
    if (entry == nullptr || !entry->timers.pop_due(core_.shard.timers, now.mono)) return;
    if (entry->staged) {
        // A refresh may be on its way to the store; what comes of it decides.
        entry->timers.set(core_.shard.timers, Name::expires, later(now.mono, seconds{1}));
        return;
    }
    run_out(now, object);
}

void Registrar::run_out(const Now& now, Handle object) {
    Room<512> name;
    name << addresses_.find(slab_.find(object)->address)->name.view();
    destroy(object);
    listener_.registrations_changed(now, name.view());
}

Handle Registrar::find(std::string_view name) {
    const std::uint32_t index = by_name_.find(
        resource_hash(name), [&](std::uint32_t i) { return addresses_.at(i).name.view() == name; });
    return index == HashIndex::none ? Handle{} : addresses_.handle_at(index);
}

Handle Registrar::obtain(std::string_view name) {
    if (const Handle known = find(name)) return known;
    const Handle handle = addresses_.create();
    if (!handle) {
        ++(addresses_.full() ? core_.shard.counters.limit_bindings
                             : core_.shard.counters.limit_memory);
        return {};
    }
    Address& made = *addresses_.find(handle);
    made.hash = resource_hash(name);
    if (!made.name.assign(core_.shard.memory, name) || !by_name_.insert(made.hash, handle.index)) {
        ++core_.shard.counters.limit_memory;
        addresses_.destroy(handle);
        return {};
    }
    return handle;
}

void Registrar::link_first(Handle handle) {
    Entry& entry = *slab_.find(handle);
    Address& address = *addresses_.find(entry.address);
    entry.previous = UINT32_MAX;
    entry.next = address.first;
    if (entry.next != UINT32_MAX) slab_.at(entry.next).previous = handle.index;
    address.first = handle.index;
    entry.live = true;
    ++address.live;
    ++live_;
}

void Registrar::unlink(Handle handle) {
    Entry& entry = *slab_.find(handle);
    if (!entry.live) return;
    Address& address = *addresses_.find(entry.address);
    if (entry.previous != UINT32_MAX)
        slab_.at(entry.previous).next = entry.next;
    else
        address.first = entry.next;
    if (entry.next != UINT32_MAX) slab_.at(entry.next).previous = entry.previous;
    TransportLayer::release(entry.bond);
    entry.live = false;
    --address.live;
    --live_;
}

void Registrar::destroy(Handle handle) {
    unlink(handle);
    Entry& entry = *slab_.find(handle);
    entry.timers.detach(core_.shard.timers);
    if (entry.indexed) by_id_.erase(entry.id, handle.index);
    const Handle address = entry.address;
    slab_.destroy(handle);
    Address& owner = *addresses_.find(address);
    if (--owner.references > 0) return;
    by_name_.erase(owner.hash, address.index);
    addresses_.destroy(address);
}

}  // namespace sip
