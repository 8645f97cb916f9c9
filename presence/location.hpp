#pragma once

#include "pidf/arena.hpp"
#include "pidf/document.hpp"
#include "sip/base/error.hpp"

namespace presence {

/// RFC 4479 4: where somebody is says nothing of a service, though RFC 4119 puts it into the status
/// of a tuple. Moves gp:geopriv out of every tuple: to the device that the tuple refers to, where
/// `document` describes it, else to the first person, which is made where there is none.
/// Error: `overloaded` or `body_too_large` (the arena).
sip::Expected<void> move_locations(pidf::Document& document, pidf::Arena& arena);

}  // namespace presence
