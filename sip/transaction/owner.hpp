#pragma once

#include <optional>
#include <string_view>

#include "sip/base/place.hpp"
#include "sip/message/leniency.hpp"
#include "sip/message/message_view.hpp"
#include "sip/message/uri.hpp"

namespace sip {

/// What stands before the 16 digits that bear the mark of a worker, in the user part of a
/// Record-Route of ours (sip/proxy/routing.hpp).
inline constexpr std::string_view route_token_start = "rr-";

/// Whose the presentity of that canonical address-of-record is.
unsigned owner_of_address(const WorkerPlace& place, std::string_view address_of_record);

/// Which worker a message is for, read off the few fields that say it:
/// - a response: the branch of its top Via;
/// - a request by a route of ours: the token in it;
/// - one to a device: the binding that a temporary GRUU stands for, or the user of a public one;
/// - SUBSCRIBE and NOTIFY within a dialog: the To tag;
/// - any other: the address-of-record that it is about; REGISTER To, all else the Request-URI. So
///   CANCEL and ACK find their INVITE.
/// Nothing: it does not say, and is served where it arrived. A lie brings a message to a worker
/// that knows nothing of what it names, and answers so.
std::optional<unsigned> owner_of(const WorkerPlace& place, const MessageView& message,
                                 const Leniency& leniency);

/// Whether a request that nobody carries on came here by a route of ours, and is about what another
/// worker has. None that was ours to give brings it here.
bool is_misled(const WorkerPlace& place, const MessageView& message, const Uri& request_uri,
               const Leniency& leniency);

/// Whose the device is that a GRUU names. Nothing: it is no GRUU.
std::optional<unsigned> owner_of_device(const WorkerPlace& place, const Uri& gruu);

/// The same of a request of ours whose start an ICMP error quotes.
std::optional<unsigned> owner_of_quoted(const WorkerPlace& place, std::string_view quoted);

}  // namespace sip
