#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "presence/composition_policy.hpp"
#include "presence/rules/permissions.hpp"
#include "presence/validity.hpp"
#include "sip/base/clock.hpp"
#include "sip/base/error.hpp"
#include "sip/base/memory.hpp"
#include "sip/base/siphash.hpp"

namespace presence {

/// One document about a presentity: a live publication, a local state, or hard state.
struct Published {
    std::string_view document;         ///< well-formed PIDF
    std::uint64_t chain = 0;           ///< the same for all entity-tags that followed one another
    sip::Instant changed{};            ///< receipt of the last PUBLISH that changed the document
    std::int64_t changed_wall_ms = 0;  ///< the same as wall time
    Origin origin = Origin::own;
};

/// One binding of a registrar.
struct Registered {
    std::string_view contact;
    std::uint16_t q = 1000;  ///< thousandths
    bool has_q = false;
    std::uint64_t id = 0;
    std::int64_t changed_wall_ms = 0;
    std::string_view parameters;  ///< of Contact: RFC 3840, RFC 5626
};

/// Hears what a composition left out, and why: for people.
class CompositionObserver {
public:
    struct LeftOut {
        std::string_view what;        ///< "tuple", "registration", "person attribute", "device"
        std::string_view name;        ///< its id, contact or element name
        std::uint64_t chain = 0;      ///< of the publication it stands in; 0: a registration
        std::string_view because;     ///< static text
        std::uint64_t in_favour = 0;  ///< of the publication that stands instead; 0: none
    };
    virtual void left_out(const LeftOut& what) = 0;

protected:
    ~CompositionObserver() = default;
};

/// All that is known of a presentity. The order of the spans has no meaning.
struct Inputs {
    std::string_view presentity;  ///< canonical address-of-record, "user@domain"
    std::span<const Published> published;
    std::span<const Registered> registered;
    CompositionPolicy policy;
    /// What may be seen of it; null: all. Applied to each document before they are composed, so
    /// that nothing that is held back comes through by being merged with what is not.
    const Permissions* permissions = nullptr;
    CompositionObserver* observer = nullptr;  ///< null: nobody asks
    /// Wall time, for what holds from or until an instant. Nothing: all of it does.
    std::optional<std::int64_t> now_ms;
};

/// What became of it.
struct Composed {
    std::size_t size = 0;                 ///< bytes in the room
    std::int64_t changes_ms = no_change;  ///< when the same inputs next give another document
};

/// Composes `inputs` into one PIDF document in `room`. Depends on the set of inputs and `key`
/// alone, not on their order (R4479-OUR-4). What follows is the default; see CompositionPolicy.
///
/// - What does not hold at `now_ms` is left out first (drop_invalid).
/// - Tuples of all publications, the newest publication's first; ties by tuple id. Of tuples with
///   the same contact and the same device, in different publications, the newest stays.
/// - Then a tuple for each registration, highest q first, unless a publication speaks for the same
///   contact: what somebody says of himself weighs more than what was concluded. It has what the
///   Contact says of its UA (RFC 3840) as service capabilities (RFC 5196).
/// - One person, each attribute from the newest person that has it. Devices by deviceID, the
///   newest of each. Notes and extensions of the documents.
/// - Hard state where nothing else says anything.
/// - Ids are rewritten, those of extensions too: unique in the document, and the same for as long
///   as the entity-tag chain and the original id are (D-9).
/// - The whole is valid by the schemas (R4479-5-1). Of extensions in more namespaces than one
///   document may have, those that stand first stay: the newest of each kind.
/// - A tuple with a basic status and no contact gets the address-of-record, one without timestamp
///   the instant when it was published (D-10).
/// - A tuple whose status says nothing is left out (R3863-4.1.3-1).
/// - With nothing to show: the closed document, one tuple, closed, with the address-of-record as
///   contact and no timestamp (R4479-OUR-3). Polite blocking is this function without inputs.
///
/// Errors: `malformed` (a document that is none), `body_too_large` (`room`, or the cap on what one
/// composition may take), `overloaded` (memory).
sip::Expected<Composed> compose(const Inputs& inputs, const sip::HashKey& key, sip::Memory& memory,
                                std::span<char> room);

}  // namespace presence
