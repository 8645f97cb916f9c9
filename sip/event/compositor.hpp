#pragma once

#include <array>
#include <string_view>

#include "sip/base/slab.hpp"
#include "sip/event/event_package.hpp"
#include "sip/event/resources.hpp"
#include "sip/transaction/core.hpp"
#include "sip/transaction/record.hpp"

namespace sip {

/// Who hears that the state of a resource is no longer what it was.
class StateListener {
public:
    virtual void state_changed(const Now& now, std::uint8_t package, std::string_view resource) = 0;

protected:
    ~StateListener() = default;
};

/// The event state compositor of RFC 3903: takes PUBLISH, gives entity-tags, keeps what was
/// published until it expires. What the bodies mean is the package's affair.
class Compositor : public TransactionUser {
public:
    /// All are kept by reference and outlive this. `attach_as` next.
    Compositor(const Core& core, EventPackages& packages, Resources& resources,
               StateListener& listener);
    ~Compositor();
    void attach_as(std::uint8_t part) { part_ = part; }

    /// One live publication, as a package reads it when it renders.
    struct Publication {
        std::string_view body;  ///< in the form that accept_publication gave
        std::string_view publisher;
        std::uint64_t chain = 0;  ///< the same for all entity-tags that followed one another
        Instant changed{};        ///< receipt of the last PUBLISH that changed the body
        std::int64_t changed_wall_ms = 0;
        Instant expires_at{};
        std::string_view etag = {};  ///< as good as a password for it
    };
    /// The publications of a resource, last changed first: `visit(const Publication&)`.
    template <class Visit>
    void for_each(ResourceId id, Visit visit) {
        for (std::uint32_t i = resources_.at(id).first_publication; i != UINT32_MAX;
             i = slab_.at(i).next)
            visit(slab_.at(i).as_publication());
    }
    /// All that live, in steps between which inputs may come (see Slab::for_each_from):
    /// `visit(package, resource, const Publication&)`.
    template <class Visit>
    std::uint32_t for_each_from(std::uint32_t at, std::uint32_t most, Visit visit) {
        return slab_.for_each_from(at, most, [&](Handle, const Entry& entry) {
            if (!entry.live) return;
            const Resources::Resource& resource = resources_.at(entry.resource);
            visit(resource.package, resource.name.view(), entry.as_publication());
        });
    }
    std::size_t size() const { return slab_.size(); }
    /// All that holds, as a store keeps it: `visit(const PublicationRecord&)`.
    template <class Visit>
    void for_each_record(const Now& now, Visit visit) {
        slab_.for_each([&](Handle, const Entry& entry) {
            if (entry.live) visit(record_of(now, entry));
        });
    }

    void on_request(const Now& now, const Request& request) override;
    bool serves(const Request& request) override;
    void on_timer(const Now& now, Handle object) override;
    void on_committed(const Now& now, Handle object) override;
    void on_commit_failed(const Now& now, Handle object) override;
    void trim() override {
        slab_.trim();
        staged_.trim();
    }

private:
    enum class Name : std::uint8_t { expires };
    using EntityTag = std::array<char, 24>;
    struct Entry {
        ResourceId resource;
        EntityTag tag{};
        Block body, publisher;
        std::uint64_t chain = 0;
        Instant changed{};
        std::int64_t changed_wall_ms = 0;
        Timers<Name, 1> timers;
        std::uint64_t call = 0;   ///< of its first PUBLISH: Call-ID and where it came from
        std::uint32_t cseq = 0;   ///< of the latest PUBLISH of that call
        bool live = false;        ///< applied, and linked to its resource
        bool staged = false;      ///< a change of it waits for the store
        bool superseded = false;  ///< by the initial PUBLISH at hand
        std::uint32_t previous = UINT32_MAX, next = UINT32_MAX;

        Publication as_publication() const {
            return {body.view(),
                    publisher.view(),
                    chain,
                    changed,
                    changed_wall_ms,
                    timers.at(Name::expires),
                    {tag.data(), tag.size()}};
        }
    };
    enum class Operation : std::uint8_t { nothing, initial, refresh, modify, remove };
    /// A PUBLISH that was checked and not yet applied.
    struct Staged {
        std::uint64_t resource = 0;  ///< hash, for the queue behind it
        Operation operation = Operation::nothing;
        ServerTransactionId transaction;
        Packet accepted, refused;
        Handle entry;  ///< of refresh, modify, remove; made ahead for initial
        EntityTag tag{};
        Block body;
        Duration expires{};
    };
    /// What a PUBLISH asks for.
    struct Wanted {
        std::uint8_t package = 0;
        std::array<char, 512> name_room;
        std::string_view name;  ///< canonical address-of-record, in name_room
        std::string_view if_match;
        std::uint32_t expires_s = 0;
    };
    Expected<void> check(const Request& request, Wanted& wanted) const;
    Expected<void> prepare(const Now& now, const Request& request, const Wanted& wanted,
                           Staged& staged);
    Expected<void> prepare_body(const Now& now, const Request& request, const Wanted& wanted,
                                Staged& staged);
    Expected<void> prepare_entry(const Now& now, const Request& request, const Wanted& wanted,
                                 Staged& staged);
    std::size_t mark_superseded(const Now& now, const Request& request, ResourceId resource,
                                std::string_view body);
    std::uint64_t call_of(const Request& request) const;
    void note_call(const Request& request, Entry& entry) const;
    template <class Visit>
    void for_each_superseded(ResourceId resource, Visit visit);
    void refuse(const Now& now, const Request& request, const Wanted& wanted, const Error& error);
    void stage(const Now& now, const Request& request, const Wanted& wanted, Handle staged);
    PublicationRecord record_of(const Now& now, const Entry& entry) const;
    SharedBytes records_of(const Now& now, const Staged& staged);
    Handle find(ResourceId resource, std::string_view tag);
    EntityTag new_tag();
    void apply(const Now& now, Staged& staged);
    void link_first(Handle handle);
    void unlink(Handle handle);
    void destroy(Handle handle);
    void tell(const Now& now, const Entry& entry);

    Core core_;
    EventPackages& packages_;
    Resources& resources_;
    StateListener& listener_;
    std::uint8_t part_ = 0;
    Slab<Entry> slab_;
    Slab<Staged> staged_;
};

}  // namespace sip
