// Parses or writes the twelve messages over and over: `parse_bench WHAT ROUNDS`. Prints the number
// of messages and the nanoseconds each took; under callgrind, two runs of different ROUNDS give the
// instructions a message.

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "bench/messages.hpp"
#include "sip/message/contact.hpp"
#include "sip/message/delta_seconds.hpp"
#include "sip/message/digest_header.hpp"
#include "sip/message/essentials.hpp"
#include "sip/message/event_header.hpp"
#include "sip/message/media_type.hpp"
#include "sip/message/message_parser.hpp"
#include "sip/message/message_writer.hpp"
#include "sip/message/subscription_state.hpp"
#include "sip/message/token_list.hpp"

#ifdef WITH_OSIP
#include <sys/time.h>
extern "C" {
#include <osipparser2/osip_parser.h>
}
#endif
#ifdef WITH_SOFIA
#include <sofia-sip/msg.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_parser.h>
#include <sofia-sip/sip_util.h>
#endif

using namespace sip;

namespace {

std::size_t sink = 0;
const Limits limits;
const Leniency leniency;

/// The floor: where the lines end, and nothing else.
void lines(const std::string& text) {
    const char* at = text.data();
    const char* end = at + text.size();
    while (const void* found = std::memchr(at, '\n', static_cast<std::size_t>(end - at))) {
        ++sink;
        at = static_cast<const char*>(found) + 1;
    }
}

/// What carries a message on: every line found and named, and decoded the start line with its
/// Request-URI, the top Via, the topmost Route, From, To, Call-ID, CSeq, Max-Forwards; no field
/// stands twice that may not. Not looked at: Contact, further Vias and Routes, other addresses.
void routing(const std::string& text) {
    static std::array<HeaderField, 64> slots;
    const Scan scan = scan_message(text, slots, Framing::datagram, limits, leniency);
    Essentials essentials{Essentials::Unread{}};
    if (!decode_routing(essentials, scan.message, leniency)) std::abort();
    sink += essentials.cseq.number;
}

/// What the layers ask of one field beyond the essentials, decoded: every value of a list. Nobody
/// there reads Allow and Allow-Events of a message, nor Route and Service-Route again; Supported is
/// asked for one token at a time, by a registrar.
bool decode(const HeaderField& field, const char* limit) {
    std::string_view rest = field.value;
    const auto all = [&rest](auto next) {
        bool fine = true;
        while (const auto value = next(rest)) fine &= value->has_value();
        return fine;
    };
    switch (field.id) {
        case HeaderId::contact:
            return all([limit](auto& left) { return next_contact(left, leniency, limit); });
        case HeaderId::record_route:
            return all([limit](auto& left) { return next_name_addr(left, leniency, limit); });
        case HeaderId::accept: return all(next_media_type);
        case HeaderId::require: return all(next_token);
        case HeaderId::event: return parse_event(rest).has_value();
        case HeaderId::expires:
        case HeaderId::min_expires: return parse_delta_seconds(rest).has_value();
        case HeaderId::retry_after: return parse_retry_after(rest).has_value();
        case HeaderId::sip_etag:
        case HeaderId::sip_if_match: return is_token(rest);
        case HeaderId::content_type: return parse_media_type(rest).has_value();
        case HeaderId::subscription_state: return parse_subscription_state(rest).has_value();
        case HeaderId::authorization: return parse_credentials(rest).has_value();
        case HeaderId::www_authenticate: return parse_challenge(rest).has_value();
        default: return true;
    }
}

/// Every header field that a presence server needs, decoded: what `routing` has, all addresses,
/// every value of each field that `decode` names, and what a registrar is asked to support.
void full(const std::string& text) {
    static std::array<HeaderField, 64> slots;
    const Scan scan = scan_message(text, slots, Framing::datagram, limits, leniency);
    Essentials essentials{Essentials::Unread{}};
    if (!decode_routing(essentials, scan.message, leniency) ||
        !decode_addresses(essentials, scan.message, leniency))
        std::abort();
    sink += essentials.cseq.number;
    const char* const limit = scan.message.limit();
    for (const HeaderField& field : scan.message.headers)
        // One Contact came with the essentials.
        if ((field.id != HeaderId::contact || essentials.contact_count > 1) &&
            !decode(field, limit))
            std::abort();
    if (scan.message.method == Method::register_)
        for (const std::string_view option : {"gruu", "outbound", "path"})
            sink += lists_token(scan.message, HeaderId::supported, option);
}

/// Parses once, then writes every field again: what is measured is the writing.
void write(const std::string& text) {
    static const std::string* const first = &text;  // of an array
    static std::array<std::pair<MessageView, std::vector<HeaderField>>, bench_texts.size()> parsed;
    auto& [message, fields] = parsed.at(static_cast<std::size_t>(&text - first));
    if (fields.empty()) {
        fields.resize(64);
        message = scan_message(text, fields, Framing::datagram, limits, leniency).message;
    }
    static std::array<char, 8'192> room;
    Appender out(room);
    MessageWriter writer(out);
    if (message.is_request())
        writer.request(message.method, message.request_uri);
    else
        writer.response(message.status, message.reason);
    for (const HeaderField& field : message.headers)
        if (field.id != HeaderId::content_length) writer.header(field.id, field.value);
    writer.finish({}, message.body);
    sink += out.size();
}

#ifdef WITH_OSIP
void osip(const std::string& text) {
    static const bool ready = parser_init() == 0;
    osip_message_t* message = nullptr;
    if (!ready || osip_message_init(&message) != 0 ||
        osip_message_parse(message, text.data(), text.size()) != 0)
        std::abort();
    sink += message->cseq != nullptr;
    osip_message_free(message);
}
#endif

#ifdef WITH_SOFIA
void sofia(const std::string& text) {
    msg_t* message =
        msg_make(sip_default_mclass(), 0, text.data(), static_cast<ssize_t>(text.size()));
    if (message == nullptr) std::abort();
    sink += sip_object(message)->sip_cseq != nullptr;
    msg_destroy(message);
}
#endif

}  // namespace

int main(int count, char** arguments) {
    const std::map<std::string, void (*)(const std::string&)> known{
        {"lines", lines}, {"routing", routing}, {"full", full}, {"write", write},
#ifdef WITH_OSIP
        {"osip", osip},
#endif
#ifdef WITH_SOFIA
        {"sofia", sofia},
#endif
    };
    if (count == 2 && std::strcmp(arguments[1], "list") == 0) {
        for (const auto& [name, run] : known) std::printf("%s\n", name.c_str());
        return 0;
    }
    if (count != 3 || known.count(arguments[1]) == 0) {
        std::fprintf(stderr, "usage: parse_bench WHAT ROUNDS, or parse_bench list\n");
        return 2;
    }
    const auto run = known.at(arguments[1]);
    const long rounds = std::strtol(arguments[2], nullptr, 10);
    const std::vector<std::string> messages = bench_messages();
    std::size_t bytes = 0;
    for (const std::string& text : messages) bytes += text.size();
    const auto start = std::chrono::steady_clock::now();
    for (long i = 0; i < rounds; ++i)
        for (const std::string& text : messages) run(text);
    const auto spent = std::chrono::steady_clock::now() - start;
    const double done = static_cast<double>(rounds) * static_cast<double>(messages.size());
    std::printf("{\"messages\": %.0f, \"mean_bytes\": %zu, \"ns\": %.1f, \"sink\": %zu}\n", done,
                bytes / messages.size(),
                std::chrono::duration<double, std::nano>(spent).count() / done, sink);
    return 0;
}
