#include "sip/message/event_header.hpp"

#include "sip/message/scanner.hpp"

namespace sip {

Expected<EventHeader> parse_event(std::string_view value) {
    Scanner scanner(value);
    EventHeader event;
    scanner.skip_lws();
    event.package = scanner.take_token();
    if (event.package.empty())
        return failure(Condition::malformed, "Event: package is missing", scanner.at());
    const auto parameters = parse_parameters(scanner.rest(), scanner.at());
    if (!parameters)
        return failure(Condition::malformed, "Event: one package with parameters expected",
                       parameters.error().offset);
    event.parameters = *parameters;
    const auto id = event.parameters.token_of("id", "Event: id is malformed");
    if (!id) return tl::unexpected(id.error());
    event.id = *id;
    return event;
}

bool same_event(std::string_view package_a, std::string_view id_a, std::string_view package_b,
                std::string_view id_b) {
    return equal_ignoring_case(package_a, package_b) && id_a == id_b;
}

}  // namespace sip
