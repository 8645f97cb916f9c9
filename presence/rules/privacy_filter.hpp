#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "pidf/document.hpp"
#include "presence/rules/permissions.hpp"

namespace presence {

/// Takes out of `document` what `permissions` do not give (RFC 5025 3.3): occurrences of
/// components first, then attributes of those that are left. Handling is not looked at: who may see
/// nothing gets another document altogether.
///
/// It is meant for what was published, before composition: ids are those of the publication, and
/// nothing that is not given can be merged into what is.
/// - What always comes with a component stays (RFC 5025 3.3.2): of a service contact,
///   service-class, basic status and timestamp; of a person the timestamp; of a device timestamp
///   and deviceID.
/// - An attribute has one permission wherever it stands, inside another attribute too.
/// - provide-unknown-attribute counts for children of components and of status.
/// - Notes and extensions that belong to no component are said of the presentity as such: they stay
///   with all-persons, and provide-note, or what gives the extension.
/// - Idempotent. A component that was chosen by its class is known by it still when provide-class
///   is not granted (`withheld_class`): RFC 5025 4 has it so, and the document as bytes cannot.
void filter(const Permissions& permissions, pidf::Document& document);
/// The same for one service, as of a registration. False: it is not shown.
[[nodiscard]] bool filter(const Permissions& permissions, pidf::Tuple& service);

/// The sphere of the presentity (RFC 5025 3.1.2): the value of rpid:sphere in the persons of all
/// that is published, if all that have one agree, else nothing. "home" and "work" are the names of
/// the elements in it, as any other's is. A sphere that says nothing agrees with none.
std::optional<std::string_view> sphere_of(std::span<const pidf::Document* const> documents);
std::optional<std::string_view> sphere_of(const pidf::Document& document);

}  // namespace presence
