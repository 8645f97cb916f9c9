#pragma once

#include <string_view>

namespace pidf {

/// RFC 3863 4.1.1, without the colon that the section's text prints at the end.
inline constexpr std::string_view pidf_namespace = "urn:ietf:params:xml:ns:pidf";
/// RFC 4479 5.
inline constexpr std::string_view data_model_namespace = "urn:ietf:params:xml:ns:pidf:data-model";
/// RFC 4480 5.
inline constexpr std::string_view rpid_namespace = "urn:ietf:params:xml:ns:pidf:rpid";
/// RFC 4481, 4482 and 5196; RFC 4119 with its policies; RFC 4589.
inline constexpr std::string_view timed_status_namespace =
    "urn:ietf:params:xml:ns:pidf:timed-status";
inline constexpr std::string_view cipid_namespace = "urn:ietf:params:xml:ns:pidf:cipid";
inline constexpr std::string_view caps_namespace = "urn:ietf:params:xml:ns:pidf:caps";
inline constexpr std::string_view geopriv_namespace = "urn:ietf:params:xml:ns:pidf:geopriv10";
inline constexpr std::string_view geopriv_policy_namespace =
    "urn:ietf:params:xml:ns:pidf:geopriv10:basicPolicy";
inline constexpr std::string_view location_type_namespace = "urn:ietf:params:xml:ns:location-type";
/// XML Schema 1.0 part 1, 2.6: what it says of a document is no part of the document.
inline constexpr std::string_view schema_instance_namespace =
    "http://www.w3.org/2001/XMLSchema-instance";
/// Namespaces in XML 1.0, section 3: bound to the prefixes xml and xmlns, always.
inline constexpr std::string_view xml_namespace = "http://www.w3.org/XML/1998/namespace";
inline constexpr std::string_view xmlns_namespace = "http://www.w3.org/2000/xmlns/";

}  // namespace pidf
