// Property 1: every input (the first byte picks the parser, the rest is one header value) ends in
//             values and then nothing, or an error with offset <= size.
// Property 2: lists come to an end, whatever stands in them.
// Property 3: views lie inside the input.
// Property 4: a value that was written by our writer parses as what it was parsed from.
// Property 5: no parser takes a control byte that is neither white space nor in a quoted-pair.
// Property 6: whatever the writer is given in whichever place, it fails, or what it wrote is one
//             message with the fields that were asked for.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sip/base/assert.hpp"
#include "sip/base/civil_time.hpp"
#include "sip/base/text.hpp"
#include "sip/message/asserted_identity.hpp"
#include "sip/message/capabilities.hpp"
#include "sip/message/contact.hpp"
#include "sip/message/cseq.hpp"
#include "sip/message/delta_seconds.hpp"
#include "sip/message/digest_header.hpp"
#include "sip/message/event_header.hpp"
#include "sip/message/media_type.hpp"
#include "sip/message/message_parser.hpp"
#include "sip/message/message_writer.hpp"
#include "sip/message/reason_header.hpp"
#include "sip/message/scanner.hpp"
#include "sip/message/subscription_state.hpp"
#include "sip/message/token_list.hpp"
#include "sip/message/via.hpp"
#include "sip/message/warning.hpp"

namespace {

using namespace sip;

void check_inside(std::string_view part, std::string_view whole) {
    if (part.empty()) return;
    SIP_ASSERT(part.data() >= whole.data());
    SIP_ASSERT(part.data() + part.size() <= whole.data() + whole.size());
}

/// Property 5. Parentheses in a URI look like a comment, in which a backslash makes a pair.
void check_clean(std::string_view input) {
    if (input.find('(') == std::string_view::npos) SIP_ASSERT(!has_control(input));
}

template <class Parsed>
void check_error(const Parsed& parsed, std::string_view input) {
    if (parsed) return check_clean(input);
    SIP_ASSERT(parsed.error().offset <= input.size());
    SIP_ASSERT(!parsed.error().rule.empty());
}

/// Of another scheme nothing is read.
template <class Parsed>
void check_digest(const Parsed& parsed, std::string_view input) {
    if (!parsed || parsed->is_digest) check_error(parsed, input);
}

/// Walks a whole list; `next` takes one value off the front.
template <class Next, class Check>
void walk(std::string_view input, Next next, Check check) {
    std::string_view rest = input;
    for (std::size_t turns = 0;; ++turns) {
        SIP_ASSERT(turns <= input.size());
        const auto value = next(rest);
        if (!value) return check_clean(input);
        if (!*value) return check_error(*value, input);
        check(**value);
    }
}

void check_address(const NameAddr& address, std::string_view input) {
    check_inside(address.display_name, input);
    check_inside(address.uri.text, input);
    check_inside(address.parameters.text(), input);
    static std::array<char, 65'536> room;
    Appender out(room);
    write_name_addr(out, {}, address.uri.text);
    if (out.overflowed()) return;
    const auto again = parse_name_addr(out.view());
    SIP_ASSERT(again && again->uri.text == address.uri.text);
}

/// What is supported is a token that stands there, and lists come to an end.
void walk_capabilities(const Parameters& parameters, std::string_view input) {
    const CalleeCapabilities capabilities(parameters);
    std::string_view rest = parameters.text();
    bool any = false;
    while (const auto parameter = Parameters::next(rest)) {
        any |= is_feature_tag(parameter->name);
        auto values = capabilities.find(parameter->name);
        SIP_ASSERT(values);
        for (std::size_t turns = 0;; ++turns) {
            SIP_ASSERT(turns <= input.size() + 1);
            const auto value = values->next();
            if (!value) break;
            check_inside(value->text, input);
            SIP_ASSERT(value->low <= value->high);
            if (value->kind == FeatureValue::Kind::token && !value->negated)
                SIP_ASSERT(capabilities.supports(parameter->name, value->text));
        }
    }
    SIP_ASSERT(any != capabilities.empty());
}

void walk_parameters(const Parameters& parameters, std::string_view input) {
    std::string_view rest = parameters.text();
    while (const auto parameter = Parameters::next(rest)) {
        check_inside(parameter->name, input);
        check_inside(parameter->value, input);
        SIP_ASSERT(parameters.has(parameter->name));
    }
    SIP_ASSERT(rest.empty());
    static std::array<char, 65'536> room;
    Appender out(room);
    rest = parameters.text();
    while (const auto parameter = Parameters::next(rest)) write_parameter(out, *parameter);
    std::string_view copied = out.view();
    const auto again = parse_parameters(copied);
    SIP_ASSERT(again);
    rest = parameters.text();
    while (const auto parameter = Parameters::next(rest)) {
        const auto copy = Parameters::next(copied);
        SIP_ASSERT(copy && copy->name == parameter->name && copy->value == parameter->value);
        SIP_ASSERT(copy->quoted == parameter->quoted && copy->has_value == parameter->has_value);
    }
    SIP_ASSERT(copied.empty());
    walk_capabilities(parameters, input);
}

void walk_asserted(std::string_view input) {
    walk(
        input, [](auto& rest) { return next_asserted(rest); },
        [&](const NameAddr& a) {
            SIP_ASSERT(a.uri.is_sip() || a.uri.scheme == Scheme::tel);
            check_address(a, input);
        });
}

/// Property 6. `place` says where `evil` goes.
void write_with(MessageWriter& writer, unsigned place, std::string_view evil) {
    switch (place) {
        case 0: writer.response(200, evil); break;
        case 1: writer.request(evil, "sip:a@b"); break;
        case 2: writer.request(Method::options, evil); break;
        default: writer.request(Method::options, "sip:a@b");
    }
    writer.header(place == 3 ? evil : "X", place == 4 ? evil : "x");
    Appender& out = writer.begin(HeaderId::to);
    if (place == 5)
        out << evil;
    else
        write_name_addr(out, place == 6 ? evil : "a", place == 7 ? evil : "sip:a@b");
    writer.end().header(HeaderId::subject, place == 8 ? evil : "x");
    writer.finish(place == 9 ? evil : "text/plain", "body");
}

void check_writer(std::string_view evil) {
    static std::array<char, 65'536> room;
    SIP_ASSERT(!evil.empty() || !has_control(evil));
    for (unsigned place = 0; place < 10; ++place) {
        Appender out(room);
        MessageWriter writer(out);
        write_with(writer, place, evil);
        if (out.overflowed()) continue;
        std::array<HeaderField, 8> slots;
        Limits limits;
        limits.header_bytes = limits.message_bytes = sizeof room;
        limits.uri_bytes = UINT16_MAX;
        const Scan scan = scan_message(out.view(), slots, Framing::stream, limits, {});
        // The writer leaves it to its caller what stands in UTF-8.
        SIP_ASSERT(scan.end == ScanEnd::complete || scan.error.rule == "invalid UTF-8");
        SIP_ASSERT(scan.consumed == out.size() && scan.message.body == "body");
        const std::size_t most = place == 9 && evil.empty() ? 4 : 5;
        SIP_ASSERT(scan.message.headers.size() == most);
        SIP_ASSERT(place == 3 || scan.message.headers[0].name == "X");
        for (const HeaderField& field : scan.message.headers) SIP_ASSERT(!has_control(field.value));
        SIP_ASSERT(scan.message.headers[1].id == HeaderId::to);
        SIP_ASSERT(scan.message.headers[2].id == HeaderId::subject);
    }
}

void run(unsigned which, std::string_view input) {
    switch (which % 18) {
        case 0:
            walk(
                input, [](auto& rest) { return next_name_addr(rest); },
                [&](const NameAddr& a) { check_address(a, input); });
            break;
        case 1:
            walk(
                input, [](auto& rest) { return next_contact(rest); },
                [&](const Contact& c) { SIP_ASSERT(c.star || c.q <= 1000); });
            break;
        case 2:
            walk(
                input, [](auto& rest) { return next_via(rest); },
                [&](const Via& v) {
                    check_inside(v.host, input);
                    walk_parameters(v.parameters, input);
                });
            break;
        case 3: check_error(parse_cseq(input), input); break;
        case 4:
            check_error(parse_event(input), input);
            if (const auto event = parse_event(input))
                SIP_ASSERT(same_event(event->package, event->id, event->package, event->id));
            break;
        case 5:
            check_error(parse_subscription_state(input), input);
            if (const auto state = parse_subscription_state(input))
                SIP_ASSERT(state->state == SubscriptionStateValue::other ||
                           equal_ignoring_case(name_of(state->state), state->state_name));
            break;
        case 6:
            walk(
                input, [](auto& rest) { return next_media_type(rest); },
                [&](const MediaType& m) { SIP_ASSERT(m.q <= 1000); });
            break;
        case 7:
            walk(
                input, [](auto& rest) { return next_token(rest); },
                [&](std::string_view t) { SIP_ASSERT(is_token(t)); });
            break;
        case 8: check_error(parse_retry_after(input), input); break;
        case 9: check_error(parse_delta_seconds(input), input); break;
        case 10: check_digest(parse_challenge(input), input); break;
        case 11: check_digest(parse_credentials(input), input); break;
        case 12: check_error(parse_authentication_info(input), input); break;
        case 13:
            walk(
                input, [](auto& rest) { return next_warning(rest); },
                [&](const Warning& w) { check_inside(w.text, input); });
            break;
        case 14:
            walk(
                input, [](auto& rest) { return next_reason(rest); },
                [&](const ReasonHeader& r) { walk_parameters(r.parameters, input); });
            break;
        case 16: check_writer(input); break;
        case 17: walk_asserted(input); break;
        default:
            (void)parse_sip_date(input);
            (void)parse_rfc3339(input);
            if (const auto parameters = parse_parameters(input))
                walk_parameters(*parameters, input);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0 || size > 16'384) return 0;
    // Letters pick too, so that seeds are text: 'a' is the first parser.
    const unsigned which = data[0] >= 'a' ? data[0] - 'a' : data[0];
    run(which, {reinterpret_cast<const char*>(data) + 1, size - 1});
    return 0;
}
