#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "pidf/arena.hpp"
#include "sip/base/buffer.hpp"

namespace presence {

/// What becomes of a subscription. RFC 5025 3.2.1: the order is that of its values, the highest of
/// all rules that apply counts.
enum class SubHandling : std::uint8_t { block, confirm, polite_block, allow };
std::string_view name_of(SubHandling handling);  ///< as RFC 5025 writes it: "polite-block"

/// provide-user-input, RFC 5025 3.3.2.12: the highest counts.
enum class UserInput : std::uint8_t { none, bare, thresholds, full };

/// The boolean transformations of RFC 5025 3.3.2, as bits of `Permissions::attributes`.
enum class Provide : std::uint8_t {
    activities,
    class_,
    device_id,
    mood,
    place_is,
    place_type,
    privacy,
    relationship,
    status_icon,
    sphere,
    time_offset,
    note,
};

/// Which occurrences of a component are shown. RFC 5025 3.3.1.
struct Selector {
    enum class Of : std::uint8_t { services, persons, devices };
    enum class By : std::uint8_t {
        class_,              ///< rpid:class, case-sensitive
        occurrence_id,       ///< the id that the component has in its publication, case-sensitive
        device_id,           ///< of a device; URI equality
        service_uri,         ///< of a service; URI equality
        service_uri_scheme,  ///< of a service
    };
    Of of = Of::services;
    By by = By::class_;
    std::string_view value;
    friend bool operator==(const Selector&, const Selector&) = default;
};

/// provide-unknown-attribute, RFC 5025 3.3.2.14.
struct UnknownAttribute {
    std::string_view ns, name;
    friend bool operator==(const UnknownAttribute&, const UnknownAttribute&) = default;
};

/// What all rules that apply to one watcher grant together (RFC 4745 10.2). Nothing is granted by
/// default. Sets are sorted and without doubles, so that equal grants are equal values.
struct Permissions {
    SubHandling handling = SubHandling::block;
    UserInput user_input = UserInput::none;
    std::uint16_t attributes = 0;  ///< bits by Provide
    bool all_services = false, all_persons = false, all_devices = false;
    bool all_attributes = false;
    std::span<const Selector> selectors;
    std::span<const UnknownAttribute> unknown;

    bool provides(Provide what) const {
        return all_attributes || ((attributes >> static_cast<unsigned>(what)) & 1) != 0;
    }
    /// Everything there is, to whoever may see it: what `--policy allow` grants, and the presentity
    /// to themself.
    static Permissions everything() {
        Permissions all;
        all.handling = SubHandling::allow;
        all.user_input = UserInput::full;
        all.all_services = all.all_persons = all.all_devices = all.all_attributes = true;
        return all;
    }
};

/// Writes the permissions as bytes that are equal exactly when the permissions are; read back by
/// `unpack`, whose sets and texts live in `arena` and `bytes`. False: the room, or the arena's cap,
/// was too small, or these are no such bytes.
[[nodiscard]] bool pack(const Permissions& permissions, sip::Appender& out);
[[nodiscard]] bool unpack(std::string_view bytes, pidf::Arena& arena, Permissions& out);

}  // namespace presence
