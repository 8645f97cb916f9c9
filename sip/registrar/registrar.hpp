#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "sip/base/hash_index.hpp"
#include "sip/base/slab.hpp"
#include "sip/base/timer_queue.hpp"
#include "sip/message/contact.hpp"
#include "sip/message/gruu.hpp"
#include "sip/registrar/directory.hpp"
#include "sip/registrar/outbound.hpp"
#include "sip/transaction/core.hpp"
#include "sip/transaction/record.hpp"

namespace sip {

/// Who hears that the bindings of an address are no longer what they were. A refresh that changes
/// nothing but the expiry is not told.
class RegistrationListener {
public:
    virtual void registrations_changed(const Now& now, std::string_view address_of_record) = 0;

protected:
    ~RegistrationListener() = default;
};

/// The registrar of RFC 3261 10.3: takes REGISTER, keeps the bindings of addresses-of-record to
/// contacts until they expire. Each request changes all that it asks for or nothing. A body is
/// passed over.
///
/// A UA that registers by RFC 5626 is bound to its flow: its instance and reg-id name the binding,
/// and it goes with the connection. So does one whose Contact cannot be reached otherwise.
///
/// The stack has authenticated the request and checked Require; here the order is: Request-URI
/// domain, To, right to change it (403: only one's own), existence (404), contacts.
class Registrar : public TransactionUser {
public:
    struct Options {
        std::span<const std::string_view> domains;  ///< that we register for; outlive this
        std::uint32_t expires_default_s = 3600;
        std::uint32_t expires_min_s = 60;    ///< below: 423, where RFC 3261 10.3 allows it
        std::uint32_t expires_max_s = 7200;  ///< above: cut down
        /// RFC 5627: a UA that asks for them is given GRUUs. Off: widely used clients make one
        /// their Contact at once, and then everything to them has to come through here.
        bool gives_gruu = false;
        /// What is granted is shortened by up to so much, by chance (sip/base/jitter.hpp).
        std::uint32_t expires_jitter_percent = 0;
    };
    /// Contact values in one request; more: 403.
    static constexpr std::size_t contacts_max = 16;

    /// All are kept by reference and outlive this. `attach_as` next.
    Registrar(const Core& core, const Directory& directory, RegistrationListener& listener,
              const Options& options);
    ~Registrar();
    void attach_as(std::uint8_t part) { part_ = part; }

    /// That its UA would not do something it was tried for; what that is, is the affair of who
    /// marks it.
    enum class Mark : std::uint8_t {
        none,
        until_refresh,     ///< goes with the next REGISTER for it, once; the listener is told
        while_registered,  ///< stays for as long as it is the same registration of the same UA
    };
    /// One live binding. Views last until the next input.
    struct Binding {
        std::string_view contact;     ///< the URI as it was registered, its parameters included
        std::string_view parameters;  ///< of Contact, apart from q and expires: ";methods=..."
        std::string_view path;        ///< Path values, a comma list; may be empty
        std::uint16_t q = 1000;       ///< thousandths
        bool has_q = false;
        std::uint64_t id = 0;  ///< the same for as long as the binding lives
        Instant expires_at{};
        Instant changed{};                 ///< when any of the above but expires_at changed last
        std::int64_t changed_wall_ms = 0;  ///< the same as wall time
        FlowId flow{};             ///< where it was registered from, when a stream that lives
        std::uint32_t reg_id = 0;  ///< RFC 5626: of the instance in `parameters`; 0: none
        /// Port not 0: requests to the contact go by UDP from this socket to here, where the UA
        /// registered from, since a NAT stands before the address that it knows itself by.
        ListenerId listener{};
        Endpoint behind_nat;
        Mark mark = Mark::none;
    };
    /// Marks a binding of a canonical address-of-record by its id, if it is still there.
    void mark(std::string_view address_of_record, std::uint64_t id, Mark mark);
    /// The bindings of a canonical address-of-record, newest first: `visit(const Binding&)`.
    template <class Visit>
    void for_each(std::string_view address_of_record, Visit visit) {
        const Handle handle = find(address_of_record);
        if (!handle) return;
        for (std::uint32_t i = addresses_.find(handle)->first; i != UINT32_MAX;
             i = slab_.at(i).next)
            visit(binding_of(slab_.at(i)));
    }
    /// Whether it has the form of a GRUU, and one of our domains.
    bool may_be_gruu(const Uri& uri) const;
    /// The bindings of the device that a GRUU of ours names, as above. False: it is none, or the
    /// device is not registered (any more).
    template <class Visit>
    bool for_each_of_gruu(const Uri& gruu, Visit visit) {
        const Handle first = find_gruu(gruu);
        if (!first) return false;
        const std::string_view instance = instance_of(*slab_.find(first));
        for (std::uint32_t i = addresses_.find(slab_.find(first)->address)->first; i != UINT32_MAX;
             i = slab_.at(i).next)
            if (instance_of(slab_.at(i)) == instance) visit(binding_of(slab_.at(i)));
        return true;
    }
    /// All of them, in steps between which inputs may come (see Slab::for_each_from):
    /// `visit(address_of_record, const Binding&)`.
    template <class Visit>
    std::uint32_t for_each_from(std::uint32_t at, std::uint32_t most, Visit visit) {
        return slab_.for_each_from(at, most, [&](Handle, const Entry& entry) {
            if (entry.live) visit(addresses_.find(entry.address)->name.view(), binding_of(entry));
        });
    }
    /// Live bindings, of all addresses.
    std::size_t size() const { return live_; }
    /// All that holds, as a store keeps it: `visit(const BindingRecord&)`.
    template <class Visit>
    void for_each_record(const Now& now, Visit visit) {
        slab_.for_each([&](Handle, const Entry& entry) {
            if (entry.live) visit(record_of(now, entry));
        });
    }

    bool serves(const Request& request) override;
    void on_request(const Now& now, const Request& request) override;
    void on_timer(const Now& now, Handle object) override;
    void on_committed(const Now& now, Handle object) override;
    void on_commit_failed(const Now& now, Handle object) override;
    void on_flow_lost(const Now& now, Handle object) override;
    void trim() override {
        slab_.trim();
        addresses_.trim();
        staged_.trim();
        by_name_.trim();
        by_id_.trim();
    }

private:
    enum class Name : std::uint8_t { expires };
    enum class Part : std::uint8_t { contact, parameters, path, call_id };
    static constexpr std::size_t part_count = 4;
    /// What a REGISTER says of one contact; its strings packed in one block.
    struct Registration {
        Block strings;
        std::array<std::uint32_t, part_count> ends{};
        std::uint16_t q = 1000;
        bool has_q = false;
        std::uint32_t cseq = 0;
        std::uint32_t expires_s = 0;
        std::uint32_t reg_id = 0;
        Source source;        ///< where it came from
        bool direct = false;  ///< that is the UA itself
        bool nat = false;     ///< which stands behind a NAT: see is_behind_nat

        std::string_view part(Part which) const;
        void describe(BindingRecord& record) const;
        bool looks_like(const Registration& other) const;
    };
    struct Entry {
        Registration values;
        Handle address;
        FlowBond bond;  ///< of a live one, to where it was registered from
        std::uint64_t id = 0;
        /// Temporary GRUUs: how many were given, and the first that still holds.
        std::uint32_t gruus = 0, first_gruu = 0;
        bool indexed = false;  ///< stands in by_id_
        Instant expires_at{}, changed{};
        std::int64_t changed_wall_ms = 0;
        Timers<Name, 1> timers;
        bool live = false;    ///< applied, and linked to its address
        bool staged = false;  ///< a change of it waits for the store
        Mark mark = Mark::none;
        bool marked_before = false;  ///< since it is this registration
        std::uint32_t previous = UINT32_MAX, next = UINT32_MAX;
    };
    struct Address {
        Block name;  ///< canonical address-of-record
        std::uint64_t hash = 0;
        std::uint32_t references = 0;  ///< entries, live or not
        std::uint32_t live = 0;
        std::uint32_t first = UINT32_MAX;
    };
    struct Change {
        Handle entry;
        bool made = false;    ///< the entry was made for this change
        bool remove = false;  ///< and not set to `values`
        Registration values;
    };
    /// A REGISTER that was checked and does not hold yet.
    struct Staged {
        ServerTransactionId transaction;
        Packet accepted, refused;
        std::array<Change, contacts_max> changes;
        std::size_t count = 0;
        Handle all;  ///< of this address, every binding is removed
    };
    /// What a REGISTER asks for.
    struct Wanted {
        std::array<char, 512> name_room{};
        std::string_view name;  ///< canonical address-of-record, in name_room
        bool star = false;
        std::size_t contacts = 0;
        bool has_expires = false;
        std::uint32_t expires_s = 0;  ///< of the Expires field, or the default
        bool outbound = false;        ///< RFC 5626 applies
    };

    Expected<void> check(const Request& request, Wanted& wanted) const;
    Expected<void> check_contacts(const Request& request, Wanted& wanted) const;
    void answer_query(const Now& now, const Request& request, const Wanted& wanted);
    Expected<void> prepare(const Request& request, const Wanted& wanted, Staged& staged);
    Expected<void> prepare_removal_of_all(const Request& request, const Wanted& wanted,
                                          Staged& staged);
    Expected<void> prepare_change(const Request& request, const Wanted& wanted,
                                  const Contact& contact, Staged& staged);
    Expected<std::uint32_t> granted(const Request& request, const Contact& contact,
                                    const Wanted& wanted) const;
    Expected<void> check_order(const Request& request, const Entry& entry) const;
    Expected<void> check_quota(const Wanted& wanted, const Staged& staged);
    Expected<Registration> read(const Request& request, const Contact& contact,
                                std::uint32_t expires_s) const;
    Expected<Handle> make(const Wanted& wanted);
    Expected<void> check_outbound(const Request& request, Wanted& wanted) const;
    bool is_of(const Registration& values, const Wanted& wanted, const Contact& contact) const;
    Handle find_entry(const Wanted& wanted, const Contact& contact);
    Change* find_change(Staged& staged, const Wanted& wanted, const Contact& contact);
    /// What its connection is to a contact.
    enum class Bond : std::uint8_t {
        loose,  ///< it is reached at its Contact
        own,    ///< its Contact is the other end of the connection: nobody may listen there
        sole,   ///< nothing else leads to it
    };
    Bond bond_of(const Registration& values) const;
    bool is_behind_nat(const Request& request, const Uri& contact) const;
    void run_out(const Now& now, Handle object);
    std::string_view instance_of(const Entry& entry) const;
    Handle find_gruu(const Uri& gruu);
    void write_gruus(Appender& out, const Wanted& wanted, const Registration& values, Handle of);
    void refuse(const Now& now, const Request& request, const Error& error);
    Packet accept(const Now& now, const Request& request, const Wanted& wanted,
                  const Staged* staged);
    void stage(const Now& now, const Request& request, const Wanted& wanted, Handle handle);
    BindingRecord record_of(const Now& now, const Entry& entry) const;
    BindingRecord record_of(const Now& now, const Change& change) const;
    SharedBytes records_of(const Now& now, const Staged& staged);
    void mark(Staged& staged, bool is_staged);
    void discard(Staged& staged);
    void remove_all(Handle address);
    bool apply(const Now& now, Change& change);
    Binding binding_of(const Entry& entry) const;
    std::uint64_t resource_hash(std::string_view name) const;

    Handle find(std::string_view name);
    Handle obtain(std::string_view name);
    void link_first(Handle handle);
    void unlink(Handle handle);
    void destroy(Handle handle);

    Core core_;
    const Directory& directory_;
    RegistrationListener& listener_;
    Options options_;
    std::uint8_t part_ = 0;
    std::size_t live_ = 0;
    Slab<Entry> slab_;
    Slab<Address> addresses_;
    Slab<Staged> staged_;
    HashIndex by_name_, by_id_;
};

}  // namespace sip
