#include "sip/message/message_parser.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstring>
#include <memory>
#include <string>

#include "sip/message/essentials.hpp"

namespace {

using namespace sip;

/// A scan of a heap copy of exact size, so that a read past its end is seen by the sanitizer.
struct Scanned {
    Scanned(std::string_view text, Framing framing, const Limits& limits = {},
            const Leniency& leniency = {}, std::size_t slot_count = 32)
        : bytes(new char[text.size()]), slots(new HeaderField[slot_count]) {
        if (!text.empty()) std::memcpy(bytes.get(), text.data(), text.size());
        scan = scan_message({bytes.get(), text.size()}, {slots.get(), slot_count}, framing, limits,
                            leniency);
    }
    const Scan* operator->() const { return &scan; }

    std::unique_ptr<char[]> bytes;
    std::unique_ptr<HeaderField[]> slots;
    Scan scan;
};

Scanned datagram(std::string_view text, const Leniency& leniency = {}) {
    return {text, Framing::datagram, {}, leniency};
}
Scanned stream(std::string_view text) { return {text, Framing::stream}; }

/// A datagram with one header line, or several, in it.
Scanned with_lines(const std::string& lines) {
    return datagram("OPTIONS sip:a.example SIP/2.0\r\n" + lines + "\r\n\r\n");
}
constexpr std::size_t lines_at = 31;  ///< where `lines` starts there

void check_broken(const Scanned& found, Condition condition, std::string_view rule,
                  std::size_t offset) {
    CHECK(found->end == ScanEnd::broken);
    CHECK(found->error.condition == condition);
    CHECK(found->error.rule == rule);
    CHECK(found->error.offset == offset);
}

TEST_CASE("R3261-7.1-1: a request is cut into start line, header fields and body") {
    const std::string head =
        "PUBLISH sip:desk@home.example;x=1 SIP/2.0\r\n"
        "v: SIP/2.0/UDP host.example\r\n"
        "Expires:60\r\n"
        "X-Other \t :  one  two \r\n";
    const std::string text = head + "\r\nbody\r\n\r\n";
    const auto found = datagram(text);
    REQUIRE(found->end == ScanEnd::complete);
    const MessageView& message = found->message;
    CHECK(message.is_request());
    CHECK(message.method == Method::publish);
    CHECK(message.method_name == "PUBLISH");
    CHECK(message.request_uri == "sip:desk@home.example;x=1");
    CHECK(message.status == 0);
    REQUIRE(message.headers.size() == 3);
    CHECK(message.headers[0].id == HeaderId::via);
    CHECK(message.headers[0].name == "v");
    CHECK(message.headers[0].value == "SIP/2.0/UDP host.example");
    CHECK(message.value_of(HeaderId::expires) == "60");
    CHECK(message.headers[2].id == HeaderId::unknown);
    CHECK(message.headers[2].name == "X-Other");
    CHECK(message.headers[2].value == "one  two");
    CHECK(message.body == "body\r\n\r\n");
    CHECK(message.bytes == text);
    CHECK(found->consumed == text.size());
}

TEST_CASE("R3261-7.1-3: an unknown method parses, one that is no token does not") {
    const auto odd = datagram("!inv%te*.Z SIP:a SIP/2.0\r\n\r\n");
    REQUIRE(odd->end == ScanEnd::complete);
    CHECK(odd->message.method == Method::unknown);
    CHECK(odd->message.method_name == "!inv%te*.Z");
    check_broken(datagram("IN/ITE sip:a SIP/2.0\r\n\r\n"), Condition::malformed,
                 "Request-Line: method is not a token", 0);
    check_broken(datagram(" INVITE sip:a SIP/2.0\r\n\r\n"), Condition::malformed,
                 "Request-Line: method is not a token", 0);
    CHECK_FALSE(datagram(" INVITE sip:a SIP/2.0\r\n\r\n")->message.is_request());
    check_broken(datagram("hello\r\n\r\n"), Condition::malformed,
                 "Request-Line: no SP behind the method", 0);
}

TEST_CASE("R3261-7.1-2: SIP-Version compares in any case, and 505 is for other versions alone") {
    CHECK(datagram("ACK sip:a sip/2.0\r\n\r\n")->end == ScanEnd::complete);
    CHECK(datagram("sIp/2.0 200 OK\r\n\r\n")->end == ScanEnd::complete);
    for (const std::string version : {"SIP/7.0", "SIP/1.0", "sip/2.1", "SIP/02.0", "SIP/22.33"})
        check_broken(datagram("ACK sip:a " + version + "\r\n\r\n"),
                     Condition::version_not_supported, "SIP-Version is not 2.0", 10);
    for (const std::string version :
         {"HTTP/1.1", "SIP/2", "SIP/.0", "SIP/2.", "SIP/2.0.", "SIP2.0", "SIP/a.0", "SIP/2.0\t"})
        check_broken(datagram("ACK sip:a " + version + "\r\n\r\n"), Condition::malformed,
                     "Request-Line: SIP-Version is malformed", 10);
    check_broken(datagram("SIP/3.0 200 OK\r\n\r\n"), Condition::version_not_supported,
                 "SIP-Version is not 2.0", 0);
    check_broken(datagram("ACK sip:a\r\n\r\n"), Condition::malformed,
                 "Request-Line: SIP-Version is missing", 9);
}

TEST_CASE("R3261-7.1-1: what may not stand in a Request-URI is refused where it stands") {
    const auto uri = [](const std::string& text) {
        return datagram("INFO " + text + " SIP/2.0\r\n\r\n");
    };
    CHECK(uri("sip:a%00b@c")->end == ScanEnd::complete);
    check_broken(uri("sip:a b"), Condition::malformed, "Request-URI: white space in it", 10);
    check_broken(uri("sip:a\tb"), Condition::malformed, "Request-URI: white space in it", 10);
    check_broken(uri("<sip:a>"), Condition::malformed, "Request-URI: <, > or quote in it", 5);
    check_broken(uri(std::string("sip:\0a", 6)), Condition::malformed,
                 "Request-URI: byte that must be escaped", 9);
    check_broken(uri("sip:\xc3\xa4"), Condition::malformed,
                 "Request-URI: byte that must be escaped", 9);
    check_broken(datagram("INFO  SIP/2.0\r\n\r\n"), Condition::malformed,
                 "Request-Line: more than one SP", 5);
    check_broken(datagram("INFO sip:a SIP/2.0 \r\n\r\n"), Condition::malformed,
                 "Request-Line: SP at its end", 18);
    Leniency lenient;
    lenient.spaces_in_request_line = true;
    const auto found = datagram("INFO   sip:a   SIP/2.0  \r\n\r\n", lenient);
    CHECK(found->end == ScanEnd::complete);
    CHECK(found->message.request_uri == "sip:a");
    CHECK(uri("sip:a b")->end == ScanEnd::broken);
    CHECK(datagram("INFO   SIP/2.0\r\n\r\n", lenient)->end == ScanEnd::broken);
}

TEST_CASE("status lines: 100 to 699, and a reason phrase that may be empty or any text") {
    const auto found = datagram("SIP/2.0 183 = 2**3 \xd0\xbd\xd0\xb5 \"x\r\n\r\n");
    REQUIRE(found->end == ScanEnd::complete);
    CHECK_FALSE(found->message.is_request());
    CHECK(found->message.status == 183);
    CHECK(found->message.reason == "= 2**3 \xd0\xbd\xd0\xb5 \"x");
    CHECK(datagram("SIP/2.0 100 \r\n\r\n")->end == ScanEnd::complete);
    CHECK(datagram("SIP/2.0 699 a\r\n\r\n")->end == ScanEnd::complete);
    check_broken(datagram("SIP/2.0 100\r\n\r\n"), Condition::malformed,
                 "Status-Line: no SP behind the Status-Code", 11);
    for (const std::string code :
         {"099", "0200", "700", "1000", "20", "", "2 0", "+20", "4294967496"})
        check_broken(datagram("SIP/2.0 " + code + " OK\r\n\r\n"), Condition::malformed,
                     "Status-Line: Status-Code is not 100 to 699", 8);
    for (const std::string line :
         {"SIP/2.0", "SIP/2.0 ", "SIP/", "sip/2.0200 OK", "SIP/2.0\t200 OK"}) {
        const auto broken = datagram(line + "\r\n\r\n");
        CHECK(broken->end == ScanEnd::broken);
        CHECK_FALSE(broken->message.is_request());
    }
}

TEST_CASE("T-5: a request line without a method is none, and nothing before it is looked at") {
    // Of all letters, as it depends on them where a method would be looked for.
    for (char letter = 'a'; letter <= 'z'; ++letter) {
        CAPTURE(letter);
        const std::string start = std::string(" ") + letter;
        CHECK(datagram(start + ":a.example SIP/2.0\r\nTo: x\r\nSubject: of many words\r\n\r\n")
                  ->end == ScanEnd::broken);
    }
}

TEST_CASE("what is said to stand twice does, wherever the message ends, in a fold as well") {
    const std::string text =
        "Via: SIP/2.0/UDP a\r\nSubject: x\r\nVia: SIP/2.0/UDP\r\n "
        "b;branch=z9hG4bKabcdefghijklmnopqrstuvwxyz;rport;x=y\r\nSubject: y\r\n z\r\n"
        "Route: <sip:a>\r\n ,<sip:b>\r\nTo: x\r\n\r\n";
    // Of a message that is broken, too.
    for (const std::string start :
         {"OPTIONS sip:a SIP/2.0\r\n", "OPTIONS sip:a SIP/2.0\r\nX\r\n",
          "OPTIONS sip:a SIP/2.0\r\nX: \x01\r\n", "? ? ?:\nY: a\r\r\nX\n"}) {
        CAPTURE(start);
        const std::string whole = start + text;
        for (std::size_t size = 0; size <= whole.size(); ++size) {
            CAPTURE(size);
            for (const bool lenient : {false, true}) {
                Leniency leniency;
                leniency.bare_line_feed = lenient;
                const Scanned found(std::string_view(whole).substr(0, size),
                                    size % 2 == 0 ? Framing::stream : Framing::datagram, {},
                                    leniency);
                const MessageView& message = found->message;
                for (const HeaderField& field : message.headers) {
                    std::size_t count = 0;
                    for (const HeaderField& other : message.headers) count += other.id == field.id;
                    REQUIRE(message.repeated.has(field.id) == (count > 1));
                    REQUIRE(message.find(field.id)->name.data() <= field.name.data());
                }
            }
        }
    }
}

TEST_CASE("R3261-7.3.1-2: folded lines are one, with any white space around the colon") {
    const auto found = with_lines("Subject \t:\r\n a\r\n\tb \r\n \r\nTo:x");
    REQUIRE(found->end == ScanEnd::complete);
    REQUIRE(found->message.headers.size() == 2);
    CHECK(found->message.headers[0].value == "a\r\n\tb");
    CHECK(found->message.headers[1].value == "x");
    check_broken(datagram("INFO sip:a SIP/2.0\r\n x: y\r\n\r\n"), Condition::malformed,
                 "start line is folded", 20);
}

TEST_CASE("R3261-7.3.1-4: rows of one name keep their order") {
    const auto found = with_lines("v: 1\r\nX: a\r\nVia: 2\r\nv:\r\nVIA:3");
    REQUIRE(found->message.headers.size() == 5);
    std::string values;
    for (const HeaderField& field : found->message.headers)
        if (field.id == HeaderId::via) values += std::string(field.value) + ";";
    CHECK(values == "1;2;;3;");
    CHECK(found->message.count(HeaderId::via) == 4);
    CHECK(found->message.find(HeaderId::to) == nullptr);
}

TEST_CASE("R3261-7.3.1-2: a line may end at any place of the head, and be the last or none of it") {
    for (std::size_t first = 0; first <= 140; ++first)
        for (const std::size_t second : {0U, 1U, 7U, 40U, 61U, 62U, 63U, 64U, 65U})
            for (const std::string tail :
                 {"\r\n", "", "\r\nx", "Route:\r\n f\r\nTo:  \r\nl:0\r\n\r\n"}) {
                const std::string one(first, 'a'), other(second, 'b');
                const auto found = datagram("OPTIONS sip:a.example SIP/2.0\r\nSubject: " + one +
                                            "\r\nx:" + other + "\r\nUser-Agent: c\r\n" + tail);
                CAPTURE(first);
                CAPTURE(second);
                REQUIRE(found->end == ScanEnd::complete);
                const MessageView& message = found->message;
                const bool more = tail.size() > 3;
                REQUIRE(message.headers.size() == (more ? 6 : 3));
                REQUIRE(message.value_of(HeaderId::subject) == one);
                REQUIRE(message.value_of(HeaderId::session_expires) == other);
                REQUIRE(message.value_of(HeaderId::user_agent) == "c");
                REQUIRE(message.body == (tail == "\r\nx" ? "x" : ""));
                if (more) REQUIRE(message.value_of(HeaderId::route) == "f");
                if (more) REQUIRE(message.value_of(HeaderId::to).empty());
            }
}

TEST_CASE("R3261-7.3.1-4: the first field of a name is found among any number of them") {
    for (const std::size_t before : {1U, 253U, 254U, 255U, 256U, 511U}) {
        std::string lines = "From: 0\r\n";
        for (std::size_t i = 1; i < before; ++i) lines += "Warning: " + std::to_string(i) + "\r\n";
        for (const char* value : {"1", "2", "3"}) lines += "To: " + std::string(value) + "\r\n";
        Limits limits;
        limits.headers = 600;
        const Scanned found("INFO sip:a SIP/2.0\r\n" + lines + "\r\n", Framing::datagram, limits,
                            {}, 600);
        CAPTURE(before);
        REQUIRE(found->end == ScanEnd::complete);
        const MessageView& message = found->message;
        REQUIRE(message.headers.size() == before + 3);
        CHECK(message.find(HeaderId::from) == &message.headers[0]);
        CHECK(message.find(HeaderId::to) == &message.headers[before]);
        CHECK(message.count(HeaderId::to) == 3);
        CHECK(message.count(HeaderId::warning) == before - 1);
        CHECK_FALSE(message.has(HeaderId::via));
        Essentials essentials;
        const auto routing = decode_routing(essentials, message, {});
        REQUIRE_FALSE(routing);
        CHECK(routing.error().rule == "To stands more than once");
    }
}

TEST_CASE("R3261-7.3.1-4: what a scan knows of its header fields is so") {
    const auto found = with_lines("v: 1\r\nTo: a\r\nVia: 2\r\nX: 1\r\nFrom:\r\n b\r\nf: c\r\nY: 2");
    const MessageView& message = found->message;
    for (std::size_t i = 0; i < header_id_count; ++i) {
        const auto id = static_cast<HeaderId>(i);
        std::size_t count = 0;
        for (const HeaderField& field : message.headers) count += field.id == id;
        CAPTURE(i);
        CHECK(message.repeated.has(id) == (count > 1));
        CHECK(message.count(id) == count);
        CHECK(message.has(id) == (count > 0));
    }
    CHECK(message.scanned);
    CHECK(message.find(HeaderId::via) == &message.headers[0]);
    CHECK(message.find(HeaderId::to) == &message.headers[1]);
    CHECK(message.find(HeaderId::from) == &message.headers[4]);
    CHECK(message.indexed);
    CHECK_FALSE(MessageView{}.indexed);
    CHECK(MessageView{}.limit() == nullptr);
}

/// The same with so much behind them that each is read as one among many.
Scanned with_lines_before_others(const std::string& lines) {
    return with_lines(lines + "\r\nX: " + std::string(90, 'x'));
}

TEST_CASE("R3261-7.3.1-1: a name among others is the one that it is alone, or is refused") {
    const auto check = [](const std::string& name) {
        const bool is_name = name.find_first_of(std::string("\0\r\x1a\x7f:[@", 7)) == name.npos;
        for (const char* behind : {":", ": ", ":  "}) {
            const auto found = with_lines_before_others(name + behind + "v" + name);
            CAPTURE(name);
            CAPTURE(behind);
            REQUIRE((found->end == ScanEnd::complete) == is_name);
            if (!is_name) continue;
            REQUIRE(found->message.headers.size() == 2);
            REQUIRE(found->message.headers[0].id == header_id_of(name));
            REQUIRE(found->message.headers[0].name == name);
            REQUIRE(found->message.headers[0].value == "v" + name);
        }
    };
    for (std::size_t i = 1; i < header_id_count; ++i) {
        const auto id = static_cast<HeaderId>(i);
        const std::string whole{name_of(id)},
            compact(compact_name_of(id) != 0, compact_name_of(id));
        for (const std::string& name : {whole, compact}) {
            if (name.empty() || id == HeaderId::content_length) continue;
            check(name);
            for (std::size_t at = 0; at < name.size(); ++at)
                for (const char c : {'\0', '\r', '\x1a', '\x7f', '[', '@', '-', '~', '0',
                                     static_cast<char>(name[at] ^ 0x20)}) {
                    std::string other = name;
                    other[at] = c;
                    check(other);
                }
        }
    }
}

TEST_CASE("R3261-7.3.1-2: a line among others that goes on in the next is one with it") {
    const auto found = with_lines_before_others("From: a\r\nTo: b\r\n c\r\nTo: d\r\n\te");
    REQUIRE(found->end == ScanEnd::complete);
    const MessageView& message = found->message;
    REQUIRE(message.headers.size() == 4);
    CHECK(message.find(HeaderId::from)->value == "a");
    CHECK(message.find(HeaderId::to) == &message.headers[1]);
    CHECK(message.headers[1].value == "b\r\n c");
    CHECK(message.headers[2].value == "d\r\n\te");
    CHECK(message.count(HeaderId::to) == 2);
    // RFC 3261 20.14: what counts is the number, in which line of the field it stands.
    const auto length = [](const std::string& value) {
        return with_lines_before_others("Content-Length:" + value + "\r\nTo: b");
    };
    CHECK(length("\r\n 0")->end == ScanEnd::complete);
    CHECK(length(" 0\r\n ")->end == ScanEnd::complete);
    check_broken(length(" 0\r\n 0"), Condition::malformed,
                 "Content-Length is not a number of octets", lines_at + 16);
    check_broken(length(" 0\r\nl: \r\n 1"), Condition::repeated_header,
                 "Content-Length stands more than once", lines_at + 25);
    check_broken(length(" \r\nl: 1"), Condition::malformed,
                 "Content-Length is not a number of octets", lines_at + 15);
}

TEST_CASE("R3261-7.1-3: a method of a request is the one that it is alone") {
    for (std::size_t i = 1; i < method_count; ++i) {
        const std::string name{name_of(static_cast<Method>(i))};
        const auto check = [](const std::string& other) {
            const auto found = datagram(
                other + " sip:a.example SIP/2.0\r\nX: " + std::string(90, 'x') + "\r\n\r\n");
            CAPTURE(other);
            CHECK(found->end == ScanEnd::complete);
            CHECK(found->message.method == method_of(other));
            CHECK(found->message.method_name == other);
        };
        check(name);
        check(name + "S");
        check(name.substr(0, name.size() - 1));
        for (std::size_t at = 0; at < name.size(); ++at) {
            std::string other = name;
            other[at] = static_cast<char>(other[at] ^ 0x20);
            check(other);
        }
    }
}

TEST_CASE("header lines without a name or a colon are refused where the fault is") {
    constexpr std::string_view rule = "header field: name or colon is malformed";
    check_broken(with_lines("Subject"), Condition::malformed, rule, lines_at + 7);
    check_broken(with_lines(": x"), Condition::malformed, rule, lines_at);
    check_broken(with_lines("Sub ject: x"), Condition::malformed, rule, lines_at + 4);
    check_broken(with_lines("Sub\xc3\xa4: x"), Condition::malformed, rule, lines_at + 3);
    check_broken(with_lines(std::string("Su\0: x", 6)), Condition::malformed, rule, lines_at + 2);
    check_broken(with_lines("Subject\r\n : x"), Condition::malformed, rule, lines_at + 7);
    // What stands behind the fault is there for the answer all the same.
    const auto found = with_lines("oops\r\nCall-ID: a");
    CHECK(found->message.value_of(HeaderId::call_id) == "a");
}

TEST_CASE("control bytes stand in quoted pairs alone, bytes outside ASCII are UTF-8") {
    const auto line = [](std::string_view text) { return with_lines("X: " + std::string(text)); };
    using namespace std::string_view_literals;
    for (const auto good :
         {"\"a\\\0b\""sv, "\"\\\x7f\""sv, "(c \\\0)"sv, "(\" \\\1)"sv, "((a)\\\1)"sv, "a\tb"sv,
          "\xc3\xa4"sv, "\"\xe2\x82\xac\""sv, "\xf0\x9f\x98\x80"sv, "\xf4\x8f\xbf\xbf"sv,
          "\"a\r\n b\\\2\""sv, "\"\\\"\\\3\""sv, "a\\b"sv, "\" \\\\\""sv}) {
        CAPTURE(good);
        CHECK(line(good)->end == ScanEnd::complete);
    }
    constexpr auto control = "control character in the header section";
    check_broken(line("\0"sv), Condition::malformed, control, lines_at + 3);
    check_broken(line("a\1"sv), Condition::malformed, control, lines_at + 4);
    check_broken(line("\\\0"sv), Condition::malformed, control, lines_at + 4);
    check_broken(line("\"\0\""sv), Condition::malformed, control, lines_at + 4);
    check_broken(line("\"\"\\\0"sv), Condition::malformed, control, lines_at + 6);
    check_broken(line("\"\\\\\0\""sv), Condition::malformed, control, lines_at + 6);
    check_broken(line("()\\\0"sv), Condition::malformed, control, lines_at + 6);
    check_broken(line("\x7f"sv), Condition::malformed, control, lines_at + 3);
    for (const auto bad :
         {"\x80"sv, "\xc3"sv, "\xc3x"sv, "\xff"sv, "\xfe"sv, "\xc0\xaf"sv, "\xc1\x81"sv,
          "\xe0\x80\xaf"sv, "\xed\xa0\x80"sv, "\xf0\x80\x80\xaf"sv, "\xf4\x90\x80\x80"sv,
          "\xf5\x80\x80\x80"sv, "\xe2\x82"sv, "\xf8\x88\x80\x80\x80"sv})
        check_broken(line(bad), Condition::malformed, "invalid UTF-8", lines_at + 3);
    check_broken(line("\"\\\xff\""sv), Condition::malformed, "invalid UTF-8", lines_at + 5);
    check_broken(datagram("SIP/2.0 200 \"\\\0\"\r\n\r\n"sv), Condition::malformed, control, 14);
    check_broken(datagram("SIP/2.0 200 \xff\r\n\r\n"sv), Condition::malformed, "invalid UTF-8", 12);
}

TEST_CASE("bare CR and bare LF are refused wherever they stand in the header section") {
    check_broken(with_lines("X: a\nY: b"), Condition::malformed, "bare LF in the header section",
                 lines_at + 4);
    check_broken(with_lines("X: a\rY: b"), Condition::malformed, "bare CR in the header section",
                 lines_at + 4);
    check_broken(with_lines("X: a\r"), Condition::malformed, "bare CR in the header section",
                 lines_at + 4);
    check_broken(with_lines("X: \"\\\r\""), Condition::malformed, "bare CR in the header section",
                 lines_at + 5);
    CHECK(with_lines("X\r: a")->end == ScanEnd::broken);
    CHECK(datagram("INFO sip:a SIP/2.0\r\r\n\r\n")->end == ScanEnd::broken);
    CHECK(datagram("SIP/2.0 200 O\rK\r\n\r\n")->end == ScanEnd::broken);
    // A body is not looked at.
    CHECK(datagram("INFO sip:a SIP/2.0\r\n\r\na\rb\nc")->end == ScanEnd::complete);
}

TEST_CASE("R3261-20.14-1: Content-Length is one number of octets") {
    for (const std::string good : {"0", "1", "0001", " 1 ", "\r\n 1", "1\r\n "})
        CHECK(with_lines("Content-Length:" + good + "\r\n\r\nx")->end == ScanEnd::complete);
    for (const std::string bad : {"-1", "+1", "1 1", "1,1", "0x1", "1.", "", "a", "\"1\"",
                                  "18446744073709551616", "99999999999999999999999999"}) {
        const auto found = with_lines("Content-Length:" + bad + "\r\n\r\nx");
        CHECK(found->end == ScanEnd::broken);
        CHECK(found->error.rule == "Content-Length is not a number of octets");
        CHECK(found->message.body.empty());
    }
    // In 32 bits this would be 1, and in signed 64 bits below nothing.
    for (const std::string lie : {"4294967297", "18446744073709551615", "9223372036854775809"})
        check_broken(with_lines("l:" + lie + "\r\n\r\nx"), Condition::mismatch,
                     "Content-Length is more than what came", lines_at + 2);
    for (const std::string twice : {"l: 1\r\nContent-Length: 2", "l: 1\r\nl: 1", "l: 1\r\nL: x"})
        check_broken(with_lines(twice + "\r\n\r\nx"), Condition::repeated_header,
                     "Content-Length stands more than once", lines_at + twice.rfind(' ') + 1);
}

TEST_CASE("R3261-18.3-1: a datagram is cut at Content-Length, and must not be shorter") {
    const std::string head = "INFO sip:a SIP/2.0\r\nl: 3\r\n\r\n";
    CHECK(datagram(head + "abc")->message.body == "abc");
    const auto longer = datagram(head + "abcINVITE sip:b SIP/2.0\r\n\r\n");
    REQUIRE(longer->end == ScanEnd::complete);
    CHECK(longer->message.body == "abc");
    CHECK(longer->message.bytes == head + "abc");
    CHECK(longer->consumed == head.size() + 3 + 24);
    const auto shorter = datagram(head + "ab");
    check_broken(shorter, Condition::mismatch, "Content-Length is more than what came", 23);
    CHECK(shorter->message.body == "ab");
    CHECK(datagram("INFO sip:a SIP/2.0\r\n\r\nabcd")->message.body == "abcd");
}

TEST_CASE("a datagram without the empty line is taken when all its lines are whole") {
    const std::string text = "INFO sip:a SIP/2.0\r\nl: 0\r\n";
    CHECK(datagram(text)->end == ScanEnd::complete);
    CHECK(datagram(text, Leniency::strict())->end == ScanEnd::broken);
    check_broken(datagram("INFO sip:a SIP/2.0\r\nl: 0"), Condition::malformed,
                 "header section has no end", 24);
    check_broken(datagram("INFO sip:a SIP/2.0\r\nl: 5\r\n"), Condition::mismatch,
                 "Content-Length is more than what came", 23);
    CHECK(stream(text)->end == ScanEnd::need_more);
}

TEST_CASE("R3261-7.5-1: CRLFs before a message are skipped, and nothing else is no message") {
    for (const Framing framing : {Framing::datagram, Framing::stream}) {
        const Scanned found("\r\n\r\nACK sip:a SIP/2.0\r\nl:0\r\n\r\n", framing);
        REQUIRE(found->end == ScanEnd::complete);
        CHECK(found->message.bytes == "ACK sip:a SIP/2.0\r\nl:0\r\n\r\n");
        CHECK(found->consumed == 30);
        const Scanned none("\r\n\r\n", framing);
        CHECK(none->end == ScanEnd::nothing);
        CHECK(none->consumed == 4);
        CHECK(Scanned("", framing)->end == ScanEnd::nothing);
        // Offsets count from the start of the input.
        CHECK(Scanned("\r\nACK sip:a SIP/9.0\r\nl:0\r\n\r\n", framing)->error.offset == 12);
    }
    CHECK(stream("\r\n\r")->end == ScanEnd::need_more);
    CHECK(datagram("\r\n\r")->end == ScanEnd::broken);
}

TEST_CASE("R3261-18.3-2: a stream message is whole at its last byte and not before") {
    const std::string text = "INFO sip:a SIP/2.0\r\nContent-Length: 3\r\n\r\nabc";
    for (std::size_t size = 1; size < text.size(); ++size) {
        const auto found = stream(text.substr(0, size));
        CHECK(found->end == ScanEnd::need_more);
        CHECK(found->needed == (size < text.size() - 3 ? 0 : text.size()));
    }
    const auto found = stream(text + "INFO");
    REQUIRE(found->end == ScanEnd::complete);
    CHECK(found->consumed == text.size());
    CHECK(found->message.body == "abc");
}

TEST_CASE("limits: at each the message passes, one past it has its own answer") {
    const std::string head = "INFO sip:a SIP/2.0\r\nA: b\r\nl: 5\r\n\r\n";
    const std::string text = head + "12345";
    const auto scan = [&](Framing framing, const Limits& limits) {
        const Scanned found(text, framing, limits);
        return found->end == ScanEnd::complete ? 200 : status_of(found->error.condition);
    };
    for (const Framing framing : {Framing::datagram, Framing::stream}) {
        Limits limits;
        limits.message_bytes = static_cast<std::uint32_t>(text.size());
        CHECK(scan(framing, limits) == 200);
        --limits.message_bytes;
        CHECK(scan(framing, limits) == 513);
        limits = {};
        limits.body_bytes = 5;
        CHECK(scan(framing, limits) == 200);
        limits.body_bytes = 4;
        CHECK(scan(framing, limits) == 413);
        limits = {};
        limits.uri_bytes = 5;
        CHECK(scan(framing, limits) == 200);
        limits.uri_bytes = 4;
        CHECK(scan(framing, limits) == 414);
        limits = {};
        limits.headers = 2;
        CHECK(scan(framing, limits) == 200);
        limits.headers = 1;
        CHECK(scan(framing, limits) == 400);
        limits.headers = 0;
        CHECK(scan(framing, limits) == 400);
        const Scanned no_slot(text, framing, {}, {}, 1);
        CHECK(no_slot->error.rule == "too many header fields");
        CHECK(no_slot->message.headers.size() == 1);
    }
    Limits limits;
    limits.header_bytes = static_cast<std::uint32_t>(head.size());
    CHECK(scan(Framing::stream, limits) == 200);
    --limits.header_bytes;
    CHECK(scan(Framing::stream, limits) == 513);
    CHECK(scan(Framing::datagram, limits) == 200);
}

TEST_CASE("a stream that could go on behind a broken message says so") {
    const auto framed = [](const std::string& text) { return stream(text)->framed; };
    CHECK(framed("INFO <sip:a> SIP/2.0\r\nl: 0\r\n\r\n"));
    CHECK(framed("INFO sip:a SIP/3.0\r\nl: 0\r\n\r\n"));
    CHECK(framed("SIP/2.0 2000 OK\r\nl: 0\r\n\r\n"));
    CHECK(framed("INFO sip:a SIP/2.0\r\nX: \x01\r\nl: 0\r\n\r\n"));
    CHECK_FALSE(framed("INFO sip:a SIP/2.0\r\nX\r\nl: 0\r\n\r\n"));
    CHECK_FALSE(framed("INFO sip:a SIP/2.0\r\nX: a\rb\r\nl: 0\r\n\r\n"));
    CHECK_FALSE(framed("INFO sip:a SIP/2.0\r\nX: a\nl: 0\r\n\r\n"));
    CHECK_FALSE(framed("INFO sip:a SIP/2.0\r\nl: 0\r\nl: 0\r\n\r\n"));
    CHECK_FALSE(framed("INFO <sip:a> SIP/2.0\r\nl: -1\r\n\r\n"));
    CHECK_FALSE(framed("INFO <sip:a> SIP/2.0\r\n\r\n"));
    CHECK_FALSE(datagram("INFO <sip:a> SIP/2.0\r\nl: 0\r\n\r\n")->framed);
}

TEST_CASE("of several faults the first is told") {
    check_broken(datagram("INFO <sip:a> SIP/3.0\r\nX\r\nl: 7\r\n\r\n"), Condition::malformed,
                 "Request-URI: <, > or quote in it", 5);
}

}  // namespace
