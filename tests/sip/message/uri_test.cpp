#include "sip/message/uri.hpp"

#include <doctest/doctest.h>

#include <array>
#include <random>
#include <string>
#include <vector>

#include "sip/base/text.hpp"

using namespace sip;

namespace {

Uri uri_of(std::string_view text) {
    const auto parsed = parse_uri(text);
    CAPTURE(text);
    REQUIRE(parsed);
    return *parsed;
}
bool same(std::string_view a, std::string_view b) {
    const Uri x = uri_of(a), y = uri_of(b);
    const bool result = equivalent(x, y);
    CHECK(equivalent(y, x) == result);
    if (result) CHECK(hash_of({1, 2}, x) == hash_of({1, 2}, y));
    return result;
}
std::string record_of(std::string_view text) {
    std::array<char, 256> room{};
    Appender out(room);
    write_address_of_record(out, uri_of(text));
    return std::string(out.view());
}

}  // namespace

TEST_CASE("R3261-19.1.1-1: a SIP URI is taken apart") {
    const Uri uri = uri_of("sips:j;a/b?c&d:pa=ss@[2001:db8::1]:5070;transport=tcp;lr?to=x&a=%20");
    CHECK(uri.scheme == Scheme::sips);
    CHECK(uri.user == "j;a/b?c&d");
    CHECK(uri.password == "pa=ss");
    CHECK(uri.host == "[2001:db8::1]");
    CHECK(uri.port == 5070);
    CHECK(uri.parameters.value_of("transport") == "tcp");
    CHECK(uri.parameters.has("lr"));
    CHECK(uri.headers == "to=x&a=%20");
}

TEST_CASE("R4475-3.1.1.9: a semicolon in front of the @ belongs to the user") {
    const Uri uri = uri_of("sip:user;par=u%40example.net@example.com");
    CHECK(uri.user == "user;par=u%40example.net");
    CHECK(uri.parameters.empty());
}

TEST_CASE("other schemes: tel and pres are taken apart, the rest is opaque") {
    CHECK(uri_of("tel:+1-201-555-0123;phone-context=example.com").user == "+1-201-555-0123");
    CHECK(uri_of("pres:alice@example.com").host == "example.com");
    CHECK(uri_of("pres:alice@example.com").scheme == Scheme::pres);
    const Uri other = uri_of("soap.beep://192.0.2.103:3002");
    CHECK(other.scheme == Scheme::other);
    CHECK(other.opaque() == "//192.0.2.103:3002");
    CHECK(uri_of("SIP:x@y").scheme == Scheme::sip);
}

TEST_CASE("R3261-7.1-1: what is no URI is refused where it breaks") {
    struct Row {
        const char* text;
        std::uint32_t offset;
    };
    for (const Row& row : {Row{"", 0},
                           Row{"sip", 0},
                           Row{"1sip:x@y", 0},
                           Row{"sip:", 4},
                           Row{"sip:@host", 4},
                           Row{"sip:a b@c", 5},
                           Row{"sip:a@", 6},
                           Row{"sip:a@b c", 7},
                           Row{"sip:a@b:", 8},
                           Row{"sip:a@b:0", 8},
                           Row{"sip:a@b:65536", 8},
                           Row{"sip:a@b:x", 8},
                           Row{"sip:a@b;", 8},
                           Row{"sip:a@b;;x", 8},
                           Row{"sip:a@b;x=", 8},
                           Row{"sip:a@b?x", 8},
                           Row{"sip:a@b?=y", 8},
                           Row{"sip:a%4@b", 5},
                           Row{"sip:a%zz@b", 5},
                           Row{"sip:a@[::1", 6},
                           Row{"sip:a@[::1]x", 11},
                           Row{"sip:a@[1:2]", 6},
                           Row{"sip:a@2001:db8::1", 11},
                           Row{"sip:<a@b>", 4},
                           Row{"sip:a\x01@b", 5},
                           Row{"tel:", 4},
                           Row{"tel:abc!", 7},
                           Row{"http:a b", 6},
                           Row{"sip:a@b;x=\"y\"", 10},
                           Row{"sip:a@b;lr;%4cR=1", 11}}) {
        CAPTURE(row.text);
        const auto parsed = parse_uri(row.text);
        REQUIRE_FALSE(parsed);
        CHECK(parsed.error().offset == row.offset);
        CHECK_FALSE(parsed.error().rule.empty());
    }
}

TEST_CASE("R3261-19.1.4-1 R5954-3-1: these are the same URI") {
    CHECK(same("sip:carol@chicago.example", "sip:carol@Chicago.EXAMPLE"));
    CHECK(same("sip:%61lice@atlanta.example;transport=TCP",
               "sip:alice@AtLanTa.example;Transport=tcp"));
    CHECK(same("sip:carol@chicago.example", "sip:carol@chicago.example;newparam=5"));
    CHECK(same("sip:carol@chicago.example;newparam=5", "sip:carol@chicago.example;security=on"));
    CHECK(same("sip:biloxi.example;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.example",
               "sip:biloxi.example;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.example"));
    CHECK(same("sip:alice@atlanta.example?subject=project%20x&priority=urgent",
               "sip:alice@atlanta.example?priority=urgent&subject=project%20x"));
    CHECK(same("sip:a@[2001:db8::1]", "sip:a@[2001:DB8:0:0:0:0:0:1]"));
    CHECK(same("tel:+1-201-555", "tel:+1201555"));
    CHECK(same("pres:a@b", "pres:a@B"));
    CHECK(same("urn:x:Y", "URN:x:Y"));
}

TEST_CASE("R3261-19.1.4-1 R3261-19.1.4-2: these are different URIs") {
    CHECK_FALSE(same("sip:alice@a.example", "sips:alice@a.example"));
    CHECK_FALSE(same("sip:ALICE@a.example", "sip:alice@a.example"));
    CHECK_FALSE(same("sip:bob@b.example", "sip:bob@b.example:5060"));
    CHECK_FALSE(same("sip:bob@b.example", "sip:bob@b.example;transport=udp"));
    CHECK_FALSE(same("sip:bob@b.example;user=phone", "sip:bob@b.example"));
    CHECK_FALSE(same("sip:bob@b.example;ttl=3", "sip:bob@b.example"));
    CHECK_FALSE(same("sip:bob@b.example;method=BYE", "sip:bob@b.example"));
    CHECK_FALSE(same("sip:bob@b.example;maddr=192.0.2.1", "sip:bob@b.example"));
    CHECK_FALSE(same("sip:bob@b.example;x=1", "sip:bob@b.example;x=2"));
    CHECK_FALSE(same("sip:bob@b.example", "sip:bob@b.example?subject=x"));
    CHECK_FALSE(same("sip:bob@b.example?a=1&a=1", "sip:bob@b.example?a=1"));
    CHECK_FALSE(same("sip:bob:secret@b.example", "sip:bob@b.example"));
    CHECK_FALSE(same("sip:a%2Fb@c", "sip:a/b@c"));  // reserved: the escape counts
    CHECK_FALSE(same("sip:b.example", "sip:b@b.example"));
    CHECK_FALSE(same("tel:+1201555", "sip:+1201555@b.example"));
    CHECK_FALSE(same("tel:1201;phone-context=a", "tel:1201;phone-context=b"));
    CHECK_FALSE(same("urn:x:Y", "urn:x:y"));
}

TEST_CASE("R3261-10.3-6: the address-of-record is the same for each spelling of an address") {
    CHECK(record_of("sip:alice@Example.COM:5070;transport=tcp") == "alice@example.com");
    CHECK(record_of("pres:alice@example.com") == "alice@example.com");
    CHECK(record_of("sips:%61lice:pw@example.com") == "alice@example.com");
    CHECK(record_of("sip:a%2Fb@h") == "a%2fb@h");
    CHECK(record_of("sip:a/b@h") == "a/b@h");
    CHECK(record_of("sip:example.com") == "example.com");
    CHECK(record_of("sip:x@[2001:DB8::0:1]") == "x@[2001:db8::1]");
    CHECK(record_of("tel:+1-2") == "tel:+1-2");
}

TEST_CASE("R3261-19.1.2-1 R4475-3.1.1.4: escapes are undone once, and a NUL ends nothing") {
    std::array<char, 64> room{};
    Appender out(room);
    write_unescaped(out, "a%2541%00b");
    CHECK(out.view() == std::string_view("a%41\0b", 6));
    CHECK(record_of("sip:null-%00-null@h") == "null-%00-null@h");
    out.rewind(0);
    write_escaped_user(out, std::string_view("a b\"\0@%\xC3", 8));
    CHECK(out.view() == "a%20b%22%00%40%25%c3");
}

TEST_CASE("equivalence and hash agree on random spellings of one URI") {
    std::mt19937 random(11);
    const auto spell = [&](std::string_view text, bool any_case) {
        std::string out;
        for (char c : text) {
            if (random() % 4 == 0 && is_alphanumeric(c)) {
                constexpr std::string_view digits = "0123456789abcdefABCDEF";
                out += '%';
                out += digits[static_cast<unsigned char>(c) >> 4];
                out += digits[static_cast<unsigned char>(c) & 15];
            } else if (any_case && random() % 2 == 0 && is_alpha(c)) {
                out += static_cast<char>(c ^ 0x20);
            } else {
                out += c;
            }
        }
        return out;
    };
    for (int i = 0; i < 300; ++i) {
        std::string host = "Example.com";
        for (char& c : host)
            if (random() % 2 == 0 && is_alpha(c)) c = static_cast<char>(c ^ 0x20);
        const std::string other = "sip:" + spell("Alice99", false) + "@" + host + ";" +
                                  spell("foo", true) + "=" + spell("bar", true);
        CHECK_MESSAGE(same("sip:Alice99@example.com;foo=bar", other), other);
    }
}

TEST_CASE("T-1: a URI has at most 32 parameters and 32 headers") {
    std::string parameters, headers;
    for (int i = 0; i < Limits::uri_parts; ++i) {
        parameters += ";p" + std::to_string(i) + "=x";
        headers += (i == 0 ? "?h" : "&h") + std::to_string(i) + "=x";
    }
    CHECK(Limits::uri_parts == 32);
    for (std::string_view scheme : {"sip:a@b", "pres:a@b", "tel:+1"}) {
        const std::string full = std::string(scheme) + parameters;
        CHECK(uri_of(full).parameters.value_of("P31") == "x");
        CHECK(same(full, full));
        const auto over = parse_uri(full + ";one");
        REQUIRE_FALSE(over);
        CHECK(over.error().rule == too_many_uri_parameters);
        CHECK(over.error().condition == Condition::malformed);
        CHECK(over.error().offset == full.size() + 1);
    }
    const std::string full = "sip:a@b" + parameters + headers;
    CHECK(same(full, full));
    const auto over = parse_uri(full + "&h=x");
    REQUIRE_FALSE(over);
    CHECK(over.error().rule == too_many_uri_headers);
    CHECK(over.error().offset == full.size() + 1);
    // The last of either counts like the first.
    CHECK_FALSE(parse_uri("sip:a@b" + parameters.substr(0, parameters.size() - 6) + ";p0"));
    CHECK_FALSE(same(full, full.substr(0, full.size() - 1) + "y"));
    CHECK_FALSE(same(full, "sip:a@b" + parameters + headers.substr(0, headers.size() - 6)));
}

TEST_CASE("R3261-19.1.1-1: every character of the grammar stands in a parameter and hides none") {
    for (std::string_view odd : {"(", ")", "(a)", "'", "*", "!", "~", "-", "_", ".", "[", "]", "/",
                                 ":", "&", "+", "$", "%28", "%3B"}) {
        CAPTURE(odd);
        const std::string one(odd);
        const std::string as_value = "sip:a@h;x=" + one + ";lr;transport=tcp";
        const Uri value = uri_of(as_value);
        CHECK(value.parameters.has("lr"));
        CHECK(value.parameters.value_of("transport") == "tcp");
        CHECK(value.parameters.value_of("x") == one);
        const std::string as_name = "sip:a@h;" + one + ";lr;transport=tcp?h=x";
        const Uri name = uri_of(as_name);
        CHECK(name.parameters.has(one));
        CHECK(name.parameters.has("LR"));
        CHECK(name.parameters.value_of("transport") == "tcp");
    }
    for (std::string_view bad :
         {"\"", "<", ">", "@", ",", "=", "#", "{", "^", "\\", " ", "%", "%2"})
        CHECK_MESSAGE(!parse_uri("sip:a@h;x=y" + std::string(bad) + ";lr"), bad);
}

TEST_CASE("R3261-19.1.4-1: a name or value of a parameter is the same with its escapes undone") {
    const Uri uri = uri_of("sip:a@h;%6C%72;Tr%61nsport=%54cp;%75ser=phone;x%3B=1");
    CHECK(uri.parameters.has("lr"));
    CHECK(same_unescaped(uri.parameters.value_of("transport"), "tcp"));
    CHECK_FALSE(same_unescaped(uri.parameters.value_of("transport"), "tc"));
    CHECK(uri.parameters.value_of("user") == "phone");
    // A reserved character that is escaped is another one.
    CHECK(uri.parameters.has("x%3b"));
    CHECK_FALSE(same_unescaped("%3a", ":"));
    CHECK(same_unescaped("%5b", "["));
    for (std::string_view name : {"user", "ttl", "method", "maddr", "transport"}) {
        std::string escaped;
        for (char c : name)
            escaped += std::string("%") + "0123456789ABCDEF"[c >> 4] + "0123456789ABCDEF"[c & 15];
        CHECK(same("sip:a@h;" + std::string(name) + "=x", "sip:a@h;" + escaped + "=%78"));
        CHECK_FALSE(same("sip:a@h", "sip:a@h;" + escaped + "=x"));
        CHECK_FALSE(parse_uri("sip:a@h;" + escaped + ";" + std::string(name)));
    }
    CHECK(same("tel:1;ext=2-2", "tel:1;%65xt=22"));
}

TEST_CASE("R3261-19.1.4-2: headers are paired one with one, in any order") {
    CHECK(same("sip:a@b?x=1&y=2&x=1", "sip:a@b?x=1&x=1&y=2"));
    CHECK(same("sip:a@b?x=%41", "sip:a@b?X=a"));
    CHECK_FALSE(same("sip:a@b?x=1&x=1&y=2", "sip:a@b?x=1&y=2&y=2"));
    CHECK_FALSE(same("sip:a@b?x=1&y=2", "sip:a@b?x=2&y=1"));
    CHECK_FALSE(same("sip:a@b?x=", "sip:a@b?x=1"));
}
