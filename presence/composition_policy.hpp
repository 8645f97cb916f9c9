#pragma once

#include <cstdint>

namespace presence {

/// What stands as contact in the tuple of a registration. RFC 3856 7.2 leaves it to policy.
enum class TupleContact : std::uint8_t {
    address_of_record,  ///< hides the device
    device,             ///< the registered contact; its device too, where it names one
};

/// Whose word a document is; what weighs more stands first (PersonRule::source).
enum class Origin : std::uint8_t {
    local,     ///< the program around the server is the presentity's agent (RFC 3856 7.1)
    own,       ///< published by the presentity
    delegate,  ///< published by somebody else who may
    hard,      ///< standing state that does not expire (RFC 3903 3); never newer than another
};

/// Which of two persons an attribute is taken from (RFC 4479 3.2).
enum class PersonRule : std::uint8_t {
    newest,  ///< the document that changed last
    source,  ///< the origin that weighs more; among equals the newest
};

/// Which tuples of different publications are one service, told by the newest of them.
enum class ServiceRule : std::uint8_t {
    device,   ///< the same contact on the same device
    contact,  ///< the same contact
    id,       ///< the same id, for publishers that share their ids
    all,      ///< none: every tuple is shown
};

/// When registrations become tuples (RFC 3856 7.2 and 7.3).
enum class RegistrationRule : std::uint8_t {
    beside,    ///< unless a publication speaks for the same contact, or for the address itself
    fallback,  ///< when nothing is published
    never,
};

/// When hard state is used (RFC 3903 3: in absence of, or in addition to, soft state).
enum class HardRule : std::uint8_t {
    fallback,  ///< when nothing else says anything
    beside,    ///< always; whatever else says the same weighs more
};

/// How the sources of a presentity become one document. The rules are put in words for operators in
/// docs/composition.md.
struct CompositionPolicy {
    PersonRule persons = PersonRule::newest;
    ServiceRule services = ServiceRule::device;
    RegistrationRule registrations = RegistrationRule::beside;
    HardRule hard = HardRule::fallback;
    TupleContact contacts = TupleContact::address_of_record;
    bool capabilities = true;  ///< of registrations, as caps:servcaps (RFC 5196)
    friend bool operator==(const CompositionPolicy&, const CompositionPolicy&) = default;
};

}  // namespace presence
