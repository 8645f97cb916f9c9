#include "presence/composition.hpp"

#include <algorithm>

#include "pidf/arena.hpp"
#include "pidf/conformer.hpp"
#include "pidf/document.hpp"
#include "pidf/lexical.hpp"
#include "pidf/reader.hpp"
#include "pidf/writer.hpp"
#include "presence/rules/privacy_filter.hpp"
#include "presence/service_capabilities.hpp"
#include "sip/base/civil_time.hpp"
#include "sip/base/sort.hpp"
#include "sip/base/text.hpp"
#include "sip/message/uri.hpp"

namespace presence {
namespace {

using Status = sip::Expected<void>;

/// What one composition may take: sixteen publications of the largest size, read into trees.
constexpr std::size_t arena_bytes_max = std::size_t{16} << 20;
/// Contacts that are compared in one composition; tuples past that count as different ones.
constexpr std::size_t comparisons_max = 10'000;

struct Source {
    const Published* from = nullptr;
    pidf::Document* document = nullptr;
    bool says_something = false;  ///< now, whoever may see it

    std::string_view first_tuple() const {
        return document->tuples.empty() ? std::string_view{} : document->tuples.first->id;
    }
    bool is_hard() const { return from->origin == Origin::hard; }
    /// R4479-OUR-4: newest first, ties by tuple id; what is left makes it a total order. Hard state
    /// is no news.
    bool before(const Source& other) const {
        if (is_hard() != other.is_hard()) return other.is_hard();
        if (from->changed != other.from->changed) return from->changed > other.from->changed;
        if (const int order = first_tuple().compare(other.first_tuple()); order != 0)
            return order < 0;
        if (from->chain != other.from->chain) return from->chain < other.from->chain;
        if (from->origin != other.from->origin) return from->origin < other.from->origin;
        return from->document < other.from->document;
    }
};

/// A registration, and what it says as a document: one tuple, and its device where that is shown.
struct Registration {
    const Registered* from = nullptr;
    pidf::Document* document = nullptr;

    /// Highest q first; what is left makes it a total order.
    bool before(const Registration& other) const {
        if (from->q != other.from->q) return from->q > other.from->q;
        if (from->id != other.from->id) return from->id < other.from->id;
        return from->contact < other.from->contact;
    }
};

bool is_empty(const pidf::Document& d) {
    return d.tuples.empty() && d.persons.empty() && d.devices.empty() && d.notes.empty() &&
           d.extensions.empty();
}

/// The device that a Contact names (RFC 5626 4.1), a URN as RFC 4479 3.4 has it; empty: none.
std::string_view device_of_contact(std::string_view parameters) {
    std::string_view instance = sip::Parameters(parameters).value_of("+sip.instance");
    if (instance.size() < 2 || instance.front() != '<' || instance.back() != '>') return {};
    instance = sip::slice(instance, 1, instance.size() - 2);
    return pidf::is_uri(instance) ? instance : std::string_view{};
}

/// Which of the sources was the first to bring something, by a keyed hash of what it is.
class Owners {
public:
    /// Room for `count` things. False: refused.
    bool make(pidf::Arena& arena, std::size_t count) {
        std::size_t size = 16;
        while (size < 2 * count) size *= 2;
        slots_ = arena.make_array<Slot>(size);
        mask_ = size - 1;
        return slots_ != nullptr;
    }
    /// Whether `owner` is the first to have it, or has it already.
    bool claim(std::uint64_t hash, std::size_t owner) {
        auto i = static_cast<std::size_t>(hash) & mask_;
        while (slots_[i].owner != 0 && slots_[i].hash != hash) i = (i + 1) & mask_;
        if (slots_[i].owner == 0) slots_[i] = {hash, owner + 1};
        return slots_[i].owner == owner + 1;
    }

private:
    struct Slot {
        std::uint64_t hash = 0;
        std::size_t owner = 0;  ///< plus one; 0: free
    };
    Slot* slots_ = nullptr;
    std::size_t mask_ = 0;
};

template <class T>
std::size_t length_of(const pidf::List<T>& list) {
    std::size_t n = 0;
    for (const T& item : list) {
        (void)item;
        ++n;
    }
    return n;
}

/// Takes every node out of `from` in order: `take(T*)` may put it into another list.
template <class T, class Take>
void drain(pidf::List<T>& from, Take take) {
    T* node = from.first;
    from = {};
    while (node != nullptr) {
        T* next = node->next;
        take(node);
        node = next;
    }
}

class Composer {
public:
    Composer(const Inputs& inputs, const sip::HashKey& key, pidf::Arena& arena)
        : inputs_(inputs), key_(key), arena_(arena) {}

    sip::Expected<const pidf::Document*> compose() {
        for (Status (Composer::*step)() :
             {&Composer::name_presentity, &Composer::read, &Composer::read_registrations,
              &Composer::choose_sources, &Composer::take_tuples, &Composer::take_registrations,
              &Composer::take_persons, &Composer::take_devices})
            if (const Status done = (this->*step)(); !done) return tl::unexpected(done.error());
        for (Source& source : sources()) {
            drain(source.document->notes, [&](auto* note) { out_.notes.push_back(note); });
            drain(source.document->extensions, [&](auto* e) { out_.extensions.push_back(e); });
        }
        if (is_empty(out_))
            if (const Status done = close(); !done) return tl::unexpected(done.error());
        pidf::fit_namespaces(out_);
        return &out_;
    }
    std::int64_t changes_ms() const { return changes_ms_; }

private:
    struct Service {
        std::uint64_t hash = 0;  ///< of what makes it one service; 0: nothing does
        pidf::Tuple* tuple = nullptr;
        std::size_t source = 0;
        std::string_view id;  ///< as it was published
    };

    void report(const CompositionObserver::LeftOut& what) const {
        if (inputs_.observer != nullptr) inputs_.observer->left_out(what);
    }
    std::uint64_t chain_of(const Service& service) const {
        return sources_[service.source].from->chain;
    }
    std::span<Source> sources() { return {sources_, source_count_}; }
    std::span<Registration> registrations() { return {registrations_, registration_count_}; }
    tl::unexpected<sip::Error> refusal() const { return tl::unexpected(arena_.refusal()); }

    // What everybody says, each as a document of its own.
    Status read() {
        sources_ = arena_.make_array<Source>(inputs_.published.size());
        if (sources_ == nullptr) return refusal();
        for (const Published& published : inputs_.published) {
            pidf::ReadOptions options;
            options.unknown_basic = true;  // where it is refused, it was not accepted
            const auto document = pidf::read(published.document, arena_, options);
            if (!document) return tl::unexpected(document.error());
            if (inputs_.now_ms)
                changes_ms_ = std::min(changes_ms_, drop_invalid(**document, *inputs_.now_ms));
            sources_[source_count_++] = {&published, *document, !is_empty(**document)};
            if (inputs_.permissions != nullptr) filter(*inputs_.permissions, **document);
        }
        sip::sort(sources_, source_count_,
                  [](const Source& a, const Source& b) { return a.before(b); });
        for (Source& source : sources())
            if (const Status done = rename_extensions(source); !done) return done;
        return {};
    }
    Status read_registrations() {
        const bool any = inputs_.policy.registrations != RegistrationRule::never;
        const std::size_t count = any ? inputs_.registered.size() : 0;
        registrations_ = arena_.make_array<Registration>(count);
        if (registrations_ == nullptr) return refusal();
        for (; registration_count_ < count; ++registration_count_) {
            const Registered& registered = inputs_.registered[registration_count_];
            auto* document = arena_.make<pidf::Document>();
            if (document == nullptr) return refusal();
            if (const Status done = describe(registered, *document); !done) return done;
            if (inputs_.permissions != nullptr) filter(*inputs_.permissions, *document);
            registrations_[registration_count_] = {&registered, document};
        }
        sip::sort(registrations_, count,
                  [](const Registration& a, const Registration& b) { return a.before(b); });
        return {};
    }
    /// RFC 3856 7.2: a tuple, q its priority, what its UA can do its capabilities.
    Status describe(const Registered& registered, pidf::Document& document) {
        const bool shows_device = inputs_.policy.contacts == TupleContact::device;
        pidf::Tuple* tuple = pidf::add_tuple(document, arena_, {});
        if (tuple == nullptr) return refusal();
        tuple->basic = pidf::Basic::open;
        tuple->contact = shows_device ? registered.contact : out_.entity;
        if (registered.has_q) tuple->priority = registered.q;
        if (const Status done = stamp(*tuple, registered.changed_wall_ms); !done) return done;
        const std::uint64_t id = sip::mix(sip::siphash(key_, "registration"), registered.id);
        if (const Status done = make_id('r', id, tuple->id); !done) return done;
        const sip::CalleeCapabilities capabilities(
            inputs_.policy.capabilities ? registered.parameters : std::string_view{});
        if (!add_service_capabilities(*tuple, arena_, capabilities)) return refusal();
        const std::string_view device_id = device_of_contact(registered.parameters);
        if (!shows_device || device_id.empty()) return {};
        auto* reference = pidf::make_element(arena_, pidf::data_model_namespace, "deviceID");
        auto* text = pidf::make_text(arena_, device_id);
        pidf::Device* device = pidf::add_device(document, arena_, {}, device_id);
        if (reference == nullptr || text == nullptr || device == nullptr) return refusal();
        pidf::append(*reference, text);
        tuple->extensions.push_back(reference);
        if (!add_device_capabilities(*device, arena_, capabilities)) return refusal();
        return make_id('d', id, device->id);
    }
    /// What policy has no use for goes.
    Status choose_sources() {
        bool published = false;
        for (const Source& source : sources())
            published |= !source.is_hard() && source.says_something;
        if (published && inputs_.policy.registrations == RegistrationRule::fallback)
            leave_out_registrations("something is published", 0);
        const bool beside = inputs_.policy.hard == HardRule::beside;
        if (!beside && (published || registration_count_ > 0))
            while (source_count_ > 0 && sources_[source_count_ - 1].is_hard())
                report({"hard state",
                        {},
                        sources_[--source_count_].from->chain,
                        "there is something newer to say"});
        return {};
    }
    void leave_out_registrations(std::string_view because, std::uint64_t in_favour) {
        for (const Registration& registration : registrations())
            report({"registration", registration.from->contact, 0, because, in_favour});
        registration_count_ = 0;
    }
    /// xs:ID is one space for a whole document: ids inside extensions too become ours.
    Status rename_extensions(Source& source) {
        Status all;
        pidf::for_each_element(*source.document, [&](pidf::Element& e) {
            for (pidf::Attribute& a : e.attributes)
                if (all && pidf::is_id(e, a))
                    all = make_id('e', hash_of_id(source, a.value), a.value);
        });
        return all;
    }

    Status name_presentity() {
        const std::size_t size = inputs_.presentity.size() + 4;
        auto* room = static_cast<char*>(arena_.allocate(size));
        if (room == nullptr) return refusal();
        sip::Appender out({room, size});
        out << "sip:" << inputs_.presentity;
        out_.entity = out.view();
        return {};
    }

    /// xs:ID: a letter for the kind, and 64 bits that nobody can turn back.
    Status make_id(char kind, std::uint64_t hash, std::string_view& id) {
        sip::Room<17> out;
        (out << kind).hex(hash);
        if (!arena_.copy(out.view(), id)) return refusal();
        return {};
    }
    /// D-9: stable for an entity-tag chain and an original id.
    std::uint64_t hash_of_id(const Source& source, std::string_view id) const {
        return sip::mix(sip::siphash(key_, id), source.from->chain);
    }
    std::uint64_t hash_of_contact(std::string_view contact) const {
        const auto uri = sip::parse_uri(contact);
        return uri ? sip::hash_of(key_, *uri) : sip::siphash(key_, contact);
    }
    static bool same_contact(std::string_view a, std::string_view b) {
        if (a == b) return true;
        const auto x = sip::parse_uri(a), y = sip::parse_uri(b);
        return x && y && sip::equivalent(*x, *y);
    }
    /// The address-of-record itself, as a sip, sips or pres URI.
    bool is_presentity(std::string_view contact) const {
        const auto uri = sip::parse_uri(contact);
        if (!uri || !(uri->is_sip() || uri->scheme == sip::Scheme::pres)) return false;
        sip::Room<512> name;
        sip::write_address_of_record(name, *uri);
        return !name.overflowed() && name.view() == inputs_.presentity;
    }

    Status take_tuples() {
        std::size_t count = 0;
        for (const Source& source : sources()) count += length_of(source.document->tuples);
        services_ = arena_.make_array<Service>(count);
        if (services_ == nullptr) return refusal();
        std::size_t number = 0;
        Status all;
        for (Source& source : sources()) {
            drain(source.document->tuples, [&](pidf::Tuple* tuple) {
                if (all) all = take_tuple(source, number, *tuple);
            });
            ++number;
        }
        return all;
    }
    Status take_tuple(const Source& source, std::size_t number, pidf::Tuple& tuple) {
        // RFC 3863 4.1.3: a status says something. A tuple whose does not is not passed on.
        if (!tuple.basic && tuple.status_extensions.empty()) {
            report({"tuple", tuple.id, source.from->chain, "its status says nothing"});
            return {};
        }
        Service service{hash_of_service(tuple), &tuple, number, tuple.id};
        if (const Service* newer = service.hash != 0 ? find_known(service) : nullptr) {
            report({"tuple", tuple.id, source.from->chain,
                    "a newer publication tells of the same service", chain_of(*newer)});
            return {};
        }
        services_[service_count_++] = service;
        // RFC 3863 4.1.2 and 4.1.7: what a tuple should have and its publisher left out. One
        // without contact speaks for the address itself, since when is when we heard.
        if (tuple.contact.empty() && tuple.basic) tuple.contact = out_.entity;
        if (tuple.timestamp.text.empty())
            if (const Status done = stamp(tuple, source.from->changed_wall_ms); !done) return done;
        if (const Status done = make_id('t', hash_of_id(source, tuple.id), tuple.id); !done)
            return done;
        out_.tuples.push_back(&tuple);
        return {};
    }
    /// Equal for what ServiceRule says is one service; 0: for this one it says nothing.
    std::uint64_t hash_of_service(const pidf::Tuple& tuple) const {
        const std::string_view device = pidf::device_of(tuple);
        switch (inputs_.policy.services) {
            case ServiceRule::device:
                if (tuple.contact.empty() || device.empty()) return 0;
                return sip::mix(hash_of_contact(tuple.contact), sip::siphash(key_, device));
            case ServiceRule::contact:
                return tuple.contact.empty() ? 0 : hash_of_contact(tuple.contact);
            case ServiceRule::id: return sip::siphash(key_, tuple.id);
            case ServiceRule::all: break;
        }
        return 0;
    }
    /// R4479-OUR-2: a newer publication has told of this service.
    const Service* find_known(const Service& service) {
        for (std::size_t i = 0; i < service_count_; ++i) {
            const Service& other = services_[i];
            if (other.hash != service.hash || other.source == service.source) continue;
            if (comparisons_++ >= comparisons_max) return nullptr;
            if (is_same(other, service)) return &other;
        }
        return nullptr;
    }
    bool is_same(const Service& a, const Service& b) const {
        if (inputs_.policy.services == ServiceRule::id) return a.id == b.id;
        return (inputs_.policy.services == ServiceRule::contact ||
                pidf::device_of(*a.tuple) == pidf::device_of(*b.tuple)) &&
               same_contact(a.tuple->contact, b.tuple->contact);
    }
    Status stamp(pidf::Tuple& tuple, std::int64_t wall_ms) {
        sip::Room<40> out;
        sip::write_rfc3339(out, wall_ms);
        if (!arena_.copy(out.view(), tuple.timestamp.text)) return refusal();
        return {};
    }

    Status take_registrations() {
        const std::size_t published = service_count_;
        for (std::size_t i = 0; i < published; ++i)
            if (is_presentity(services_[i].tuple->contact))
                leave_out_registrations("a publication speaks for the address itself",
                                        chain_of(services_[i]));
        std::size_t taken = 0;
        for (Registration& registration : registrations()) {
            const Service* spoken_for = nullptr;
            for (std::size_t i = 0; i < published && spoken_for == nullptr; ++i)
                if (same_contact(services_[i].tuple->contact, registration.from->contact))
                    spoken_for = &services_[i];
            if (spoken_for != nullptr) {
                report({"registration", registration.from->contact, 0,
                        "a publication speaks for the same contact", chain_of(*spoken_for)});
                continue;
            }
            drain(registration.document->tuples, [&](auto* t) { out_.tuples.push_back(t); });
            registrations_[taken++] = registration;
        }
        registration_count_ = taken;
        return {};
    }

    /// R4479-OUR-2: one person, each attribute from the first that has it; the newest, or the one
    /// of the origin that weighs most.
    Status take_persons() {
        std::size_t elements = 0, persons = 0;
        for (const Source& source : sources())
            for (const pidf::Person& person : source.document->persons) {
                elements += length_of(person.extensions);
                ++persons;
            }
        if (persons == 0) return {};
        Owners owners;
        pidf::Person* merged = pidf::add_person(out_, arena_, {});
        if (merged == nullptr || !owners.make(arena_, elements)) return refusal();
        std::size_t number = 0;
        const auto take = [&](std::optional<Origin> of) {
            for (Source& source : sources())
                for (pidf::Person& person : source.document->persons)
                    if (!of || source.from->origin == *of)
                        merge(source, person, number++, owners, *merged);
        };
        if (inputs_.policy.persons == PersonRule::newest) {
            take({});
        } else {
            for (Origin of : {Origin::local, Origin::own, Origin::delegate, Origin::hard}) take(of);
        }
        return make_id('p', sip::siphash(key_, inputs_.presentity), merged->id);
    }
    void merge(const Source& source, pidf::Person& person, std::size_t number, Owners& owners,
               pidf::Person& merged) {
        drain(person.extensions, [&](pidf::Element* e) {
            const std::uint64_t name =
                sip::mix(sip::siphash(key_, e->ns), sip::siphash(key_, e->name));
            if (owners.claim(name, number))
                merged.extensions.push_back(e);
            else
                report({"person attribute", e->name, source.from->chain,
                        "another person's goes before it"});
        });
        if (merged.notes.empty()) merged.notes = person.notes;
        if (merged.timestamp.text.empty()) merged.timestamp = person.timestamp;
    }

    Status take_devices() {
        std::size_t count = 0, number = 0;
        for (const Source& source : sources()) count += length_of(source.document->devices);
        for (const Registration& r : registrations()) count += length_of(r.document->devices);
        Owners owners;
        if (!owners.make(arena_, count)) return refusal();
        const auto take = [&](pidf::Device* device, std::uint64_t chain) {
            const std::uint64_t name = sip::siphash(key_, device->device_id);
            if (device->device_id.empty() || owners.claim(name, number))
                out_.devices.push_back(device);
            else
                report({"device", device->device_id, chain, "a newer one tells of it"});
        };
        Status all;
        for (Source& source : sources()) {
            drain(source.document->devices, [&](pidf::Device* device) {
                if (all) all = make_id('d', hash_of_id(source, device->id), device->id);
                take(device, source.from->chain);
            });
            ++number;
        }
        for (Registration& registration : registrations()) {
            drain(registration.document->devices, [&](pidf::Device* d) { take(d, 0); });
            ++number;
        }
        return all;
    }

    /// R4479-OUR-3.
    Status close() {
        pidf::Tuple* tuple = pidf::add_tuple(out_, arena_, {});
        if (tuple == nullptr) return refusal();
        tuple->basic = pidf::Basic::closed;
        tuple->contact = out_.entity;
        return make_id('c', sip::siphash(key_, inputs_.presentity), tuple->id);
    }

    const Inputs& inputs_;
    const sip::HashKey& key_;
    pidf::Arena& arena_;
    pidf::Document out_;
    Source* sources_ = nullptr;
    Registration* registrations_ = nullptr;
    Service* services_ = nullptr;
    std::size_t source_count_ = 0, registration_count_ = 0;
    std::size_t service_count_ = 0, comparisons_ = 0;
    std::int64_t changes_ms_ = no_change;
};

}  // namespace

sip::Expected<Composed> compose(const Inputs& inputs, const sip::HashKey& key, sip::Memory& memory,
                                std::span<char> room) {
    pidf::Arena arena(memory, arena_bytes_max);
    Composer composer(inputs, key, arena);
    const auto document = composer.compose();
    if (!document) return tl::unexpected(document.error());
    sip::Appender out(room);
    if (const auto written = pidf::write(**document, out); !written)
        return tl::unexpected(written.error());
    return Composed{out.size(), composer.changes_ms()};
}

}  // namespace presence
