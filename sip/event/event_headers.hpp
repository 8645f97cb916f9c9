#pragma once

#include <cstdint>
#include <string_view>

#include "sip/event/event_package.hpp"
#include "sip/message/message_view.hpp"
#include "sip/message/message_writer.hpp"
#include "sip/transaction/gate.hpp"
#include "sip/transaction/request.hpp"

namespace sip {

/// RFC 6665 4.4.4: Allow-Events, generated from the registry.
void write_allow_events(MessageWriter& writer, const EventPackages& packages);
/// Accept with these types. RFC 3261 21.4.13.
void write_accept(MessageWriter& writer, std::span<const std::string_view> types);

/// The package and id that Event names. Errors: `bad_event` (missing or unknown), `malformed`.
struct NamedEvent {
    std::uint8_t package = 0;
    std::string_view id;
};
Expected<NamedEvent> read_event(const MessageView& message, const EventPackages& packages);

/// What is granted for an Expires field: the package's default without one (or with a malformed
/// one), never more than asked, never above the maximum. Error: `interval_too_brief` below the
/// minimum, where the RFCs allow to say so; `hour_rule`: only below 3600 (RFC 6665 4.2.1.1).
Expected<std::uint32_t> read_expires(const MessageView& message, const EventPackage::Traits& traits,
                                     bool hour_rule);

/// RFC 3261 8.2.3: whether a body may be passed over when it is not understood.
bool is_optional_body(const MessageView& message);

/// What OPTIONS says of an element with these packages.
class EventCapabilities : public OptionsFields {
public:
    explicit EventCapabilities(const EventPackages& packages) : packages_(packages) {}
    void write(MessageWriter& writer) const override;

private:
    const EventPackages& packages_;
};

}  // namespace sip
