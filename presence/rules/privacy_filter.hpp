#pragma once

#include <optional>
#include <string_view>

#include "pidf/document.hpp"
#include "presence/rules/permissions.hpp"

namespace presence {

/// Takes out of `document` what `permissions` do not give (RFC 5025 3.3): occurrences of
/// components first, then attributes of those that are left. Idempotent. `original_id(component)`
/// is asked by occurrence-id selectors through Tuple::source_id and its like: ids are rewritten by
/// composition, and rules name those of the publication. Handling is not looked at: who may see
/// nothing gets another document altogether.
/// What always comes with a component stays (RFC 5025 3.3.2): contact, service-class, basic status
/// and timestamp of a service; the timestamp of a person; timestamp and deviceID of a device.
void filter(const Permissions& permissions, pidf::Document& document);

/// The sphere of the presentity (RFC 5025 3.1.2): the value of rpid:sphere in person elements if
/// all that have one agree, else nothing.
std::optional<std::string_view> sphere_of(const pidf::Document& document);

}  // namespace presence
