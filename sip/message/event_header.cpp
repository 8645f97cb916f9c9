#include "sip/message/event_header.hpp"

#include "sip/message/parameter_walk.hpp"
#include "sip/message/usual.hpp"

namespace sip {
namespace {

bool read_usual(EventHeader& event, std::string_view value) {
    return usual::read_token(
        value, event.package, event.parameters, [&event](const Parameter& one) {
            if (name_word(one.name) != name_word("id")) return true;
            const bool is_fine = event.id.empty() && one.has_value && !one.quoted;
            event.id = one.value;
            return is_fine;
        });
}

}  // namespace

Expected<EventHeader> parse_event(std::string_view value) {
    EventHeader event;
    if (read_usual(event, value)) return event;
    event = {};
    Scanner scanner(value);
    scanner.skip_lws();
    event.package = scanner.take_token();
    if (event.package.empty())
        return failure(Condition::malformed, "Event: package is missing", scanner.at());
    TokenParameter id;
    const auto walked =
        walk_parameters(scanner, event.parameters, Ends::with_text, [&id](const Parameter& one) {
            if (name_word(one.name) == name_word("id")) id.meet(one);
        });
    if (!walked)
        return failure(Condition::malformed, "Event: one package with parameters expected",
                       walked.error().offset);
    if (id.fault() != nullptr)
        return failure(Condition::malformed, "Event: id is malformed",
                       static_cast<std::size_t>(id.fault() - event.parameters.text().data()));
    event.id = id.text();
    return event;
}

bool same_event(std::string_view package_a, std::string_view id_a, std::string_view package_b,
                std::string_view id_b) {
    return equal_ignoring_case(package_a, package_b) && id_a == id_b;
}

}  // namespace sip
