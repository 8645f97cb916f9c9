#include "sip/message/contact.hpp"

#include <memory>

#include "sip/base/text.hpp"
#include "sip/message/qvalue.hpp"
#include "sip/message/usual.hpp"

namespace sip {
namespace {

/// The first of each name counts.
struct Asked {
    std::optional<std::string_view> q, expires;

    void meet(const Parameter& parameter) {
        const std::uint64_t name = name_word(parameter.name);
        if (name == name_word("q") && !q)
            q = parameter.value;
        else if (name == name_word("expires") && !expires)
            expires = parameter.value;
    }
};

}  // namespace

Taken take_contact(std::string_view& rest, Contact& contact, Error& error, const Leniency& leniency,
                   const char* limit) {
    contact.star = contact.has_q = false;
    std::construct_at(&contact.expires);  // whatever was there, or nothing yet
    contact.q = 1000;
    Asked asked;
    Taken taken = Taken::value;
    if (!usual::take_value(rest, limit, [&](const usual::Part& part) {
            return usual::read_name_addr(contact.address, part, [&asked](const Parameter& one) {
                asked.meet(one);
                return true;
            });
        })) {
        if (trim(rest) == "*") {
            contact.address = {};
            contact.star = true;
            rest = {};
            return Taken::value;
        }
        taken = take_value(rest, error, ListRule{}, [&](Scanner& scanner, Ends ends) {
            asked = {};
            return read_name_addr(contact.address, scanner, ends, leniency,
                                  [&asked](const Parameter& one) { asked.meet(one); });
        });
    }
    if (taken != Taken::value) return taken;
    if (asked.q) {
        const auto value = parse_qvalue(*asked.q);
        if (!value) {
            rest = {};
            error = {Condition::malformed, "Contact: q is malformed", 0};
            return Taken::fault;
        }
        contact.q = *value;
        contact.has_q = true;
    }
    if (asked.expires) {
        constexpr std::uint32_t when_malformed = 3600;
        const auto value = parse_decimal(*asked.expires, UINT32_MAX);
        contact.expires = value ? static_cast<std::uint32_t>(*value) : when_malformed;
    }
    return taken;
}

std::optional<Expected<Contact>> next_contact(std::string_view& rest, const Leniency& leniency,
                                              const char* limit) {
    std::optional<Expected<Contact>> result(std::in_place);
    Error error;
    const Taken taken = take_contact(rest, **result, error, leniency, limit);
    if (taken == Taken::none) result.reset();
    if (taken == Taken::fault) *result = tl::unexpected(error);
    return result;
}

}  // namespace sip
