#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "sip/base/buffer.hpp"
#include "sip/base/endpoint.hpp"
#include "sip/base/error.hpp"
#include "sip/base/ids.hpp"
#include "sip/message/leniency.hpp"
#include "sip/message/parameter_walk.hpp"
#include "sip/message/parameters.hpp"

namespace sip {

/// RFC 3261 8.1.1.7: what a branch starts with when its client follows RFC 3261.
inline constexpr std::string_view magic_cookie = "z9hG4bK";

/// One Via value. RFC 3261 20.42, RFC 3581, RFC 5954.
struct Via {
    std::string_view text;            ///< all of the value
    std::string_view transport_name;  ///< "UDP"; any token
    std::optional<Transport> transport;
    std::string_view host;   ///< sent-by; IPv6 with brackets
    std::uint16_t port = 0;  ///< 0: none was given
    Parameters parameters;
    std::string_view branch;    ///< empty when absent
    std::string_view received;  ///< as written
    std::string_view maddr;
    bool has_rport = false;   ///< the parameter is there
    std::uint16_t rport = 0;  ///< 0 when it has no value

    bool has_cookie() const {
        return branch.size() > magic_cookie.size() && branch.starts_with(magic_cookie);
    }
    std::uint16_t port_or_default() const {
        return port != 0 ? port : transport && is_secure(*transport) ? 5061 : 5060;
    }
};

/// Takes the next value off the front of `rest`: see `take_value`. Where it is known what can be
/// read behind `rest`, up to `limit`, it costs less.
Taken take_via(std::string_view& rest, Via& via, Error& error, const Leniency& leniency,
               const char* limit = nullptr);

/// The same as a value; nothing at the end.
std::optional<Expected<Via>> next_via(std::string_view& rest, const Leniency& leniency = {},
                                      const char* limit = nullptr);

/// "UDP", "TCP", "TLS", "WS", "WSS".
std::string_view via_name_of(Transport transport);

}  // namespace sip
