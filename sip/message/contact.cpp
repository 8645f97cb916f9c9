#include "sip/message/contact.hpp"

#include "sip/base/text.hpp"
#include "sip/message/qvalue.hpp"
#include "sip/message/scanner.hpp"

namespace sip {

std::optional<Expected<Contact>> next_contact(std::string_view& rest, const Leniency& leniency) {
    Contact contact;
    if (trim(rest) == "*") {
        rest = {};
        contact.star = true;
        return Expected<Contact>(contact);
    }
    auto address = next_name_addr(rest, leniency);
    if (!address) return {};
    if (!*address) return Expected<Contact>(tl::unexpected(address->error()));
    contact.address = **address;
    if (const auto q = contact.address.parameters.find("q")) {
        const auto value = parse_qvalue(q->value);
        if (!value) {
            rest = {};
            return Expected<Contact>(failure(Condition::malformed, "Contact: q is malformed"));
        }
        contact.q = *value;
        contact.has_q = true;
    }
    if (const auto expires = contact.address.parameters.find("expires")) {
        constexpr std::uint32_t when_malformed = 3600;
        const auto value = parse_decimal(expires->value, UINT32_MAX);
        contact.expires = value ? static_cast<std::uint32_t>(*value) : when_malformed;
    }
    return Expected<Contact>(contact);
}

}  // namespace sip
