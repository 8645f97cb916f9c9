#include "presence/composition.hpp"

#include <algorithm>
#include <array>

#include "pidf/arena.hpp"
#include "pidf/conformer.hpp"
#include "pidf/document.hpp"
#include "pidf/reader.hpp"
#include "pidf/writer.hpp"
#include "presence/rules/privacy_filter.hpp"
#include "sip/base/civil_time.hpp"
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

    std::string_view first_tuple() const {
        return document->tuples.empty() ? std::string_view{} : document->tuples.first->id;
    }
    /// R4479-OUR-4: newest first, ties by tuple id; what is left makes it a total order.
    bool before(const Source& other) const {
        if (from->changed != other.from->changed) return from->changed > other.from->changed;
        if (const int order = first_tuple().compare(other.first_tuple()); order != 0)
            return order < 0;
        if (from->chain != other.from->chain) return from->chain < other.from->chain;
        return from->document < other.from->document;
    }
};

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
        std::size_t i = hash & mask_;
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
             {&Composer::read, &Composer::name_presentity, &Composer::take_tuples,
              &Composer::take_registrations, &Composer::take_persons, &Composer::take_devices})
            if (const Status done = (this->*step)(); !done) return tl::unexpected(done.error());
        for (Source& source : sources()) {
            drain(source.document->notes, [&](auto* note) { out_.notes.push_back(note); });
            drain(source.document->extensions, [&](auto* e) { out_.extensions.push_back(e); });
        }
        if (out_.tuples.empty() && out_.persons.empty() && out_.devices.empty() &&
            out_.notes.empty() && out_.extensions.empty())
            if (const Status done = close(); !done) return tl::unexpected(done.error());
        pidf::fit_namespaces(out_);
        return &out_;
    }

private:
    struct Service {
        std::uint64_t hash = 0;  ///< of contact and device; 0 when one of them is not there
        pidf::Tuple* tuple = nullptr;
        std::size_t source = 0;
    };

    void report(const CompositionObserver::LeftOut& what) const {
        if (inputs_.observer != nullptr) inputs_.observer->left_out(what);
    }
    std::uint64_t chain_of(const Service& service) const {
        return sources_[service.source].from->chain;
    }
    std::span<Source> sources() { return {sources_, inputs_.published.size()}; }
    tl::unexpected<sip::Error> refusal() const { return tl::unexpected(arena_.refusal()); }

    Status read() {
        sources_ = arena_.make_array<Source>(inputs_.published.size());
        if (sources_ == nullptr) return refusal();
        for (std::size_t i = 0; i < inputs_.published.size(); ++i) {
            pidf::ReadOptions options;
            options.unknown_basic = true;  // where it is refused, it was not accepted
            const auto document = pidf::read(inputs_.published[i].document, arena_, options);
            if (!document) return tl::unexpected(document.error());
            if (inputs_.permissions != nullptr) filter(*inputs_.permissions, **document);
            sources_[i] = {&inputs_.published[i], *document};
        }
        std::sort(sources_, sources_ + inputs_.published.size(),
                  [](const Source& a, const Source& b) { return a.before(b); });
        for (Source& source : sources())
            if (const Status done = rename_extensions(source); !done) return done;
        return {};
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
        std::array<char, 17> room{};
        sip::Appender out(room);
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
        std::array<char, 512> room{};
        sip::Appender name(room);
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
        const std::string_view device = pidf::device_of(tuple);
        Service service{0, &tuple, number};
        if (!tuple.contact.empty() && !device.empty()) {
            service.hash = sip::mix(hash_of_contact(tuple.contact), sip::siphash(key_, device));
            if (const Service* newer = find_known(service, device)) {
                report({"tuple", tuple.id, source.from->chain,
                        "a newer publication tells of the same contact on the same device",
                        sources_[newer->source].from->chain});
                return {};
            }
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
    /// R4479-OUR-2: a newer publication has told of this service on this device.
    const Service* find_known(const Service& service, std::string_view device) {
        for (std::size_t i = 0; i < service_count_; ++i) {
            const Service& other = services_[i];
            if (other.hash != service.hash || other.source == service.source) continue;
            if (comparisons_++ >= comparisons_max) return nullptr;
            if (pidf::device_of(*other.tuple) == device &&
                same_contact(other.tuple->contact, service.tuple->contact))
                return &other;
        }
        return nullptr;
    }
    Status stamp(pidf::Tuple& tuple, std::int64_t wall_ms) {
        std::array<char, 40> room{};
        sip::Appender out(room);
        sip::write_rfc3339(out, wall_ms);
        if (!arena_.copy(out.view(), tuple.timestamp.text)) return refusal();
        return {};
    }

    Status take_registrations() {
        const std::size_t count = inputs_.registered.size();
        auto* sorted = arena_.make_array<const Registered*>(count);
        if (sorted == nullptr) return refusal();
        for (std::size_t i = 0; i < count; ++i) sorted[i] = &inputs_.registered[i];
        std::sort(sorted, sorted + count, [](const Registered* a, const Registered* b) {
            return a->q != b->q ? a->q > b->q : a->id < b->id;
        });
        for (std::size_t i = 0; i < service_count_; ++i) {
            if (!is_presentity(services_[i].tuple->contact)) continue;
            for (std::size_t k = 0; k < count; ++k)
                report({"registration", sorted[k]->contact, 0,
                        "a publication speaks for the address itself", chain_of(services_[i])});
            return {};
        }
        for (std::size_t i = 0; i < count; ++i)
            if (const Status done = take_registration(*sorted[i]); !done) return done;
        return {};
    }
    Status take_registration(const Registered& registered) {
        for (std::size_t i = 0; i < service_count_; ++i)
            if (same_contact(services_[i].tuple->contact, registered.contact)) {
                report({"registration", registered.contact, 0,
                        "a publication speaks for the same contact", chain_of(services_[i])});
                return {};
            }
        pidf::Document alone;
        pidf::Tuple* tuple = pidf::add_tuple(alone, arena_, {});
        if (tuple == nullptr) return refusal();
        tuple->basic = pidf::Basic::open;
        tuple->contact =
            inputs_.registered_as == TupleContact::device ? registered.contact : out_.entity;
        if (registered.has_q) tuple->priority = registered.q;
        if (const Status done = stamp(*tuple, registered.changed_wall_ms); !done) return done;
        if (inputs_.permissions != nullptr) filter(*inputs_.permissions, alone);
        if (alone.tuples.empty()) return {};
        out_.tuples.push_back(tuple);
        return make_id('r', sip::mix(sip::siphash(key_, "registration"), registered.id), tuple->id);
    }

    /// R4479-OUR-2: one person, each attribute from the newest that has it.
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
        for (Source& source : sources())
            for (pidf::Person& person : source.document->persons) {
                drain(person.extensions, [&](pidf::Element* e) {
                    const std::uint64_t name =
                        sip::mix(sip::siphash(key_, e->ns), sip::siphash(key_, e->name));
                    if (owners.claim(name, number))
                        merged->extensions.push_back(e);
                    else
                        report({"person attribute", e->name, source.from->chain,
                                "a newer person has it"});
                });
                if (merged->notes.empty()) merged->notes = person.notes;
                if (merged->timestamp.text.empty()) merged->timestamp = person.timestamp;
                ++number;
            }
        return make_id('p', sip::siphash(key_, inputs_.presentity), merged->id);
    }

    Status take_devices() {
        std::size_t count = 0;
        for (const Source& source : sources()) count += length_of(source.document->devices);
        Owners owners;
        if (!owners.make(arena_, count)) return refusal();
        std::size_t number = 0;
        Status all;
        for (Source& source : sources()) {
            drain(source.document->devices, [&](pidf::Device* device) {
                const std::uint64_t name = sip::siphash(key_, device->device_id);
                if (!all) return;
                if (!device->device_id.empty() && !owners.claim(name, number)) {
                    report({"device", device->device_id, source.from->chain,
                            "a newer publication tells of it"});
                    return;
                }
                all = make_id('d', hash_of_id(source, device->id), device->id);
                out_.devices.push_back(device);
            });
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
    Service* services_ = nullptr;
    std::size_t service_count_ = 0, comparisons_ = 0;
};

}  // namespace

sip::Expected<std::size_t> compose(const Inputs& inputs, const sip::HashKey& key,
                                   sip::Memory& memory, std::span<char> room) {
    pidf::Arena arena(memory, arena_bytes_max);
    Composer composer(inputs, key, arena);
    const auto document = composer.compose();
    if (!document) return tl::unexpected(document.error());
    sip::Appender out(room);
    if (const auto written = pidf::write(**document, out); !written)
        return tl::unexpected(written.error());
    return out.size();
}

}  // namespace presence
