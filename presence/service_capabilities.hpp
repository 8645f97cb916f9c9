#pragma once

#include "pidf/document.hpp"
#include "sip/message/capabilities.hpp"

namespace presence {

/// RFC 5196 3.2: puts into `tuple`, as caps:servcaps, what a registration says of its UA by RFC
/// 3840. A value that RFC 5196 has no name for has no place in a valid document and is left out;
/// so is servcaps when nothing is left. False: the arena refused.
[[nodiscard]] bool add_service_capabilities(pidf::Tuple& tuple, pidf::Arena& arena,
                                            const sip::CalleeCapabilities& capabilities);
/// RFC 5196 3.3: the same for the device, as caps:devcaps: whether it is mobile.
[[nodiscard]] bool add_device_capabilities(pidf::Device& device, pidf::Arena& arena,
                                           const sip::CalleeCapabilities& capabilities);

}  // namespace presence
