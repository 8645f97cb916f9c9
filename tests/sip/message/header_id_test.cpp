#include "sip/message/header_id.hpp"

#include <doctest/doctest.h>

#include <cctype>
#include <set>
#include <string>
#include <utility>

namespace {

using namespace sip;

std::string upper(std::string_view text) {
    std::string copy;
    for (const char c : text) copy += static_cast<char>(std::toupper(c));
    return copy;
}
std::string lower(std::string_view text) {
    std::string copy;
    for (const char c : text) copy += static_cast<char>(std::tolower(c));
    return copy;
}

TEST_CASE("R3261-7.3.1-1: every header field is found by its name in any case") {
    std::set<std::string> names;
    for (std::size_t i = 1; i < header_id_count; ++i) {
        const auto id = static_cast<HeaderId>(i);
        const std::string_view name = name_of(id);
        CAPTURE(name);
        CHECK_FALSE(name.empty());
        CHECK(header_id_of(name) == id);
        CHECK(header_id_of(upper(name)) == id);
        CHECK(header_id_of(lower(name)) == id);
        names.insert(lower(name));
    }
    CHECK(names.size() == header_id_count - 1);
    CHECK(header_id_of("Call-id") == HeaderId::call_id);
    CHECK(header_id_of("Cseq") == HeaderId::cseq);
    CHECK(name_of(HeaderId::unknown).empty());
}

TEST_CASE("R3261-7.3.3-1: compact forms are taken for every header field that has one") {
    const std::pair<char, HeaderId> forms[] = {
        {'i', HeaderId::call_id},
        {'m', HeaderId::contact},
        {'e', HeaderId::content_encoding},
        {'l', HeaderId::content_length},
        {'c', HeaderId::content_type},
        {'f', HeaderId::from},
        {'s', HeaderId::subject},
        {'k', HeaderId::supported},
        {'t', HeaderId::to},
        {'v', HeaderId::via},
        {'o', HeaderId::event},
        {'u', HeaderId::allow_events},
        {'r', HeaderId::refer_to},
        {'b', HeaderId::referred_by},
        {'x', HeaderId::session_expires},
        {'a', HeaderId::accept_contact},
        {'d', HeaderId::request_disposition},
        {'j', HeaderId::reject_contact},
        {'y', HeaderId::identity},
    };
    std::string with_form;
    for (const auto& [form, id] : forms) {
        const std::string_view name(&form, 1);
        CAPTURE(name);
        CHECK(header_id_of(name) == id);
        CHECK(header_id_of(upper(name)) == id);
        CHECK(compact_name_of(id) == form);
        with_form += form;
    }
    // No other single character is one.
    for (int c = 0; c < 256; ++c) {
        const char form = static_cast<char>(c);
        const bool known =
            c < 128 && with_form.find(static_cast<char>(std::tolower(c))) != std::string::npos;
        CAPTURE(c);
        CHECK((header_id_of({&form, 1}) != HeaderId::unknown) == known);
    }
    CHECK(compact_name_of(HeaderId::cseq) == 0);
    CHECK(compact_name_of(HeaderId::unknown) == 0);
}

TEST_CASE("a name that differs from a known one in a single byte is unknown") {
    for (std::size_t i = 1; i < header_id_count; ++i) {
        const std::string name{name_of(static_cast<HeaderId>(i))};
        for (std::size_t at = 0; at < name.size(); ++at) {
            for (const char c : {'\0', '\xff', '~', '0'}) {
                std::string other = name;
                other[at] = c;
                CHECK_MESSAGE(header_id_of(other) == HeaderId::unknown, other);
            }
            // The hash folds case by one bit; names must not be folded by it.
            std::string other = name;
            if (other[at] == '-') other[at] = '\r';
            if (other != name) CHECK(header_id_of(other) == HeaderId::unknown);
        }
        CHECK(header_id_of(name + "x") == HeaderId::unknown);
        CHECK(header_id_of(name + std::string(256, 'x')) == HeaderId::unknown);
    }
    CHECK(header_id_of("") == HeaderId::unknown);
    CHECK(header_id_of("C%6Fntact") == HeaderId::unknown);
}

TEST_CASE("R3261-7.3.1-3: lists may stand in several lines, single values may not") {
    using enum HeaderId;
    for (const HeaderId id :
         {from, to, call_id, cseq, max_forwards, content_length, content_type, expires, min_expires,
          event, sip_etag, sip_if_match, subscription_state, date, timestamp})
        CHECK_MESSAGE(is_single_value(id), name_of(id));
    for (const HeaderId id : {unknown,          via,
                              contact,          route,
                              record_route,     path,
                              accept,           allow,
                              allow_events,     supported,
                              require,          proxy_require,
                              unsupported,      warning,
                              authorization,    proxy_authorization,
                              www_authenticate, proxy_authenticate,
                              reason,           user_agent})
        CHECK_FALSE_MESSAGE(is_single_value(id), name_of(id));
}

}  // namespace
