#include "sip/transaction/owner.hpp"

#include "sip/base/text.hpp"
#include "sip/message/gruu.hpp"
#include "sip/message/name_addr.hpp"
#include "sip/message/via.hpp"
#include "sip/transaction/client_transactions.hpp"

namespace sip {
namespace {

constexpr std::size_t digits = 16;
/// Longer ones are nobody's: they have no resource either.
constexpr std::size_t address_bytes_max = 512;

std::optional<unsigned> marked(const WorkerPlace& place, std::string_view text) {
    const auto number = parse_own_number(text);
    return number ? place.marked(*number) : std::nullopt;
}

std::optional<unsigned> by_token(const WorkerPlace& place, const Uri& route) {
    if (!route.is_sip() || !route.user.starts_with(route_token_start)) return {};
    return marked(place, slice(route.user, route_token_start.size(), digits));
}

std::optional<unsigned> by_route(const WorkerPlace& place, const MessageView& message,
                                 const Leniency& leniency) {
    std::string_view rest = message.value_of(HeaderId::route);
    if (rest.empty()) return {};
    const auto route = next_name_addr(rest, leniency);
    if (!route || !*route) return {};
    return by_token(place, (*route)->uri);
}

std::optional<unsigned> by_address(const WorkerPlace& place, const Uri& about) {
    Room<address_bytes_max> name;
    write_address_of_record(name, about);
    if (name.overflowed()) return {};
    return owner_of_address(place, name.view());
}

// Each message is asked, so what stands as we write it ourselves is found without reading all of
// its field; a field that is broken elsewhere is its owner's to refuse.

/// The branch at the front of a Via that came back; empty: it is to be read.
std::string_view plain_branch(std::string_view via) {
    constexpr std::string_view name = ";branch=";
    const auto at = via.find(name);
    if (at == std::string_view::npos) return {};
    const std::string_view before = slice(via, 0, at);
    if (before.find(',') != std::string_view::npos || before.find('"') != std::string_view::npos)
        return {};
    via.remove_prefix(at + name.size());
    std::size_t size = magic_cookie.size() + digits;
    if (via.size() > size && via[size] == '.') size += 1 + digits;
    if (via.size() < size) return {};
    const bool ends = via.size() == size || via[size] == ';' || via[size] == ',';
    return ends ? slice(via, 0, size) : std::string_view{};
}

/// A tag of our length at the end of To; empty: it is to be read.
std::string_view plain_tag(std::string_view to) {
    constexpr std::string_view name = ";tag=";
    if (to.size() < name.size() + digits) return {};
    to = slice(to, to.size() - name.size() - digits);
    return to.starts_with(name) ? slice(to, name.size()) : std::string_view{};
}

/// Whether it cannot be a GRUU: no parameter begins so.
bool is_no_gruu(std::string_view uri) {
    for (auto at = uri.find(';'); at != std::string_view::npos; at = uri.find(';', at + 1))
        if (at + 1 < uri.size() && (uri[at + 1] == 'g' || uri[at + 1] == 'G' || uri[at + 1] == '%'))
            return false;
    return true;
}

std::optional<unsigned> by_response(const WorkerPlace& place, const MessageView& message,
                                    const Leniency& leniency) {
    std::string_view rest = message.value_of(HeaderId::via);
    std::string_view text = plain_branch(rest);
    if (text.empty()) {
        const auto via = next_via(rest, leniency);
        if (!via || !*via) return {};
        text = (*via)->branch;
    }
    const auto branch = Branch::read(text);
    return branch ? place.marked(branch->value) : std::nullopt;
}

std::optional<unsigned> by_tag(const WorkerPlace& place, const MessageView& message,
                               const Leniency& leniency) {
    const std::string_view value = message.value_of(HeaderId::to);
    const std::string_view tag = plain_tag(value);
    if (!tag.empty()) return marked(place, tag);
    const auto to = parse_name_addr(value, leniency);
    return to ? marked(place, to->tag()) : std::nullopt;
}

/// `by_strict_route`: a strict router in front of us may have put our route into the Request-URI.
std::optional<unsigned> by_content(const WorkerPlace& place, const MessageView& message,
                                   const Leniency& leniency, bool by_strict_route) {
    if (message.method == Method::register_) {
        const auto to = parse_name_addr(message.value_of(HeaderId::to), leniency);
        return to ? by_address(place, to->uri) : std::nullopt;
    }
    const bool in_dialog = message.method == Method::subscribe || message.method == Method::notify;
    const bool is_plain = is_no_gruu(message.request_uri) &&
                          message.request_uri.find(route_token_start) == std::string_view::npos;
    if (in_dialog && is_plain)
        if (const auto worker = by_tag(place, message, leniency)) return worker;
    const auto request_uri = parse_uri(message.request_uri, leniency);
    if (!request_uri) return {};
    if (by_strict_route)
        if (const auto worker = by_token(place, *request_uri)) return worker;
    if (const auto worker = owner_of_device(place, *request_uri)) return worker;
    if (in_dialog && !is_plain)
        if (const auto worker = by_tag(place, message, leniency)) return worker;
    return by_address(place, *request_uri);
}

}  // namespace

unsigned owner_of_address(const WorkerPlace& place, std::string_view address_of_record) {
    const std::uint64_t hash = siphash(place.key, address_of_record);
    return static_cast<unsigned>((hash >> 32) * place.workers >> 32);
}

std::optional<unsigned> owner_of_device(const WorkerPlace& place, const Uri& gruu) {
    if (!is_gruu(gruu)) return {};
    if (const auto temporary = read_temporary_gruu(place.common_key(), gruu))
        return place.marked(temporary->binding);
    return by_address(place, gruu);
}

std::optional<unsigned> owner_of(const WorkerPlace& place, const MessageView& message,
                                 const Leniency& leniency) {
    if (!message.is_request()) return by_response(place, message, leniency);
    if (const auto worker = by_route(place, message, leniency)) return worker;
    return by_content(place, message, leniency, true);
}

bool is_misled(const WorkerPlace& place, const MessageView& message, const Uri& request_uri,
               const Leniency& leniency) {
    if (!by_token(place, request_uri) && !by_route(place, message, leniency)) return false;
    const auto worker = by_content(place, message, leniency, false);
    return worker && *worker != place.worker;
}

std::optional<unsigned> owner_of_quoted(const WorkerPlace& place, std::string_view quoted) {
    const auto branch = quoted_branch(quoted);
    return branch ? place.marked(*branch) : std::nullopt;
}

}  // namespace sip
