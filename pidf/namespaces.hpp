#pragma once

#include <string_view>

namespace pidf {

/// RFC 3863 4.1.1, without the colon that the section's text prints at the end.
inline constexpr std::string_view pidf_namespace = "urn:ietf:params:xml:ns:pidf";
/// RFC 4479 5.
inline constexpr std::string_view data_model_namespace = "urn:ietf:params:xml:ns:pidf:data-model";
/// RFC 4480 5.
inline constexpr std::string_view rpid_namespace = "urn:ietf:params:xml:ns:pidf:rpid";
/// Namespaces in XML 1.0, section 3: bound to the prefixes xml and xmlns, always.
inline constexpr std::string_view xml_namespace = "http://www.w3.org/XML/1998/namespace";
inline constexpr std::string_view xmlns_namespace = "http://www.w3.org/2000/xmlns/";

}  // namespace pidf
