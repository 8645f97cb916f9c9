#include "sip/message/asserted_identity.hpp"

namespace sip {

std::optional<Expected<NameAddr>> next_asserted(std::string_view& rest, const Leniency& leniency) {
    auto value = next_name_addr(rest, leniency);
    if (!value || !*value) return value;
    const Uri& uri = (*value)->uri;
    const auto wrong = [&](StaticText rule) {
        rest = {};
        return Expected<NameAddr>(failure(Condition::malformed, rule));
    };
    if (!uri.is_sip() && uri.scheme != Scheme::tel)
        return wrong("P-Asserted-Identity: neither sip, sips nor tel");
    // RFC 3325 9.1: PAssertedID-value is name-addr or addr-spec, and no parameters stand behind it.
    if (!(*value)->parameters.text().empty())
        return wrong("P-Asserted-Identity: it has no parameters");
    return value;
}

Expected<std::optional<AssertedIdentity>> read_asserted_identity(const MessageView& message,
                                                                 const Leniency& leniency) {
    std::optional<AssertedIdentity> found;
    for (const HeaderField& field : message.headers) {
        if (field.id != HeaderId::p_asserted_identity) continue;
        if (!found) found.emplace();
        std::string_view rest = field.value;
        bool any = false;
        while (const auto value = next_asserted(rest, leniency)) {
            if (!*value) return tl::unexpected(value->error());
            auto& kept = (*value)->uri.is_sip() ? found->sip : found->tel;
            if (kept) return failure(Condition::malformed, "P-Asserted-Identity: two of one kind");
            kept = **value;
            any = true;
        }
        if (!any) return failure(Condition::malformed, "P-Asserted-Identity is empty");
    }
    return found;
}

}  // namespace sip
