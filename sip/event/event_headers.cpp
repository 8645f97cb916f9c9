#include "sip/event/event_headers.hpp"

#include "sip/base/text.hpp"
#include "sip/message/delta_seconds.hpp"
#include "sip/message/event_header.hpp"
#include "sip/message/parameters.hpp"

namespace sip {

void write_allow_events(MessageWriter& writer, const EventPackages& packages) {
    Appender& out = writer.begin(HeaderId::allow_events);
    for (std::size_t i = 0; i < packages.size(); ++i)
        out << (i == 0 ? "" : ", ") << packages.at(i).traits().name;
    writer.end();
}

void write_accept(MessageWriter& writer, std::span<const std::string_view> types) {
    Appender& out = writer.begin(HeaderId::accept);
    for (std::size_t i = 0; i < types.size(); ++i) out << (i == 0 ? "" : ", ") << types[i];
    writer.end();
}

Expected<NamedEvent> read_event(const MessageView& message, const EventPackages& packages) {
    const HeaderField* field = message.find(HeaderId::event);
    if (field == nullptr) return failure(Condition::bad_event, "Event is missing");
    const auto event = parse_event(field->value);
    if (!event) return tl::unexpected(event.error());
    const int package = packages.find(event->package);
    if (package < 0) return failure(Condition::bad_event, "Event names no package served here");
    return NamedEvent{static_cast<std::uint8_t>(package), event->id};
}

Expected<std::uint32_t> read_expires(const MessageView& message, const EventPackage::Traits& traits,
                                     bool hour_rule) {
    constexpr std::uint32_t hour = 3600;
    const std::uint32_t most = traits.expires_max_s;
    const std::uint32_t usual = traits.expires_default_s < most ? traits.expires_default_s : most;
    const HeaderField* field = message.find(HeaderId::expires);
    if (field == nullptr) return usual;
    const auto asked = parse_delta_seconds(field->value);
    if (!asked) return usual;
    if (*asked > 0 && *asked < traits.expires_min_s && (!hour_rule || *asked < hour))
        return failure(Condition::interval_too_brief, "Expires is below the minimum");
    return *asked < most ? *asked : most;
}

bool is_optional_body(const MessageView& message) {
    std::string_view value = message.value_of(HeaderId::content_disposition);
    const auto at = value.find(';');
    if (at == std::string_view::npos) return false;
    const auto parameters = parse_parameters(slice(value, at));
    return parameters && equal_ignoring_case(parameters->value_of("handling"), "optional");
}

namespace {

/// By a package before number `end`.
bool was_named(const EventPackages& packages, std::size_t end, std::string_view type) {
    for (std::size_t i = 0; i < end; ++i)
        for (std::string_view named : packages.at(i).traits().accept)
            if (equal_ignoring_case(named, type)) return true;
    return false;
}

}  // namespace

void EventCapabilities::write(MessageWriter& writer) const {
    write_allow_events(writer, packages_);
    Appender& out = writer.begin(HeaderId::accept);
    bool first = true;
    for (std::size_t i = 0; i < packages_.size(); ++i)
        for (std::string_view type : packages_.at(i).traits().accept) {
            if (was_named(packages_, i, type)) continue;
            out << (first ? "" : ", ") << type;
            first = false;
        }
    writer.end();
}

}  // namespace sip
