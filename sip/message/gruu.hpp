#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "sip/base/buffer.hpp"
#include "sip/base/siphash.hpp"
#include "sip/message/uri.hpp"

namespace sip {

// Globally routable URIs of one device (RFC 5627): a public one, which names its user, and any
// number of temporary ones, which do not and of which no two can be seen to belong together.

/// The URN of an instance without its "<>", if it can stand in a URI as it is; else an empty text.
std::string_view gruu_instance(std::string_view instance);

/// "sip:alice@example.com;gr=urn:uuid:...": RFC 5627 3.1.1.
void write_public_gruu(Appender& out, std::string_view address_of_record,
                       std::string_view instance_urn);

/// What a temporary GRUU stands for: one binding, and the how manyeth it is of that binding's.
struct TemporaryGruu {
    std::uint64_t binding = 0;
    std::uint32_t number = 0;
};
/// "sip:tgruu.HEX@example.com;gr": RFC 5627 3.1.2. Without the key nobody tells whose it is, nor
/// makes one.
void write_temporary_gruu(Appender& out, const HashKey& key, const TemporaryGruu& gruu,
                          std::string_view domain);
/// Nothing when `uri` is no temporary GRUU that was made with `key`.
std::optional<TemporaryGruu> read_temporary_gruu(const HashKey& key, const Uri& uri);

/// Whether it has "gr", and so names a device and not its user.
inline bool is_gruu(const Uri& uri) { return uri.is_sip() && uri.parameters.has("gr"); }

}  // namespace sip
