#include "sip/message/message_writer.hpp"

#include <doctest/doctest.h>

#include <array>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "sip/message/message_parser.hpp"

using namespace sip;

TEST_CASE("R3261-7.1-2: what is written is exactly SIP/2.0, and reads back as it was meant") {
    std::array<char, 1024> room{};
    Appender out(room);
    MessageWriter writer(out);
    writer.request(Method::notify, "sip:a@b");
    writer.header(HeaderId::call_id, "x@y").header("X-Other", "z").header(HeaderId::expires, 60);
    writer.begin(HeaderId::cseq) << 7U << " NOTIFY";
    writer.end();
    writer.finish("text/plain", "body");
    std::array<HeaderField, 16> slots;
    const Scan scan = scan_message(out.view(), slots, Framing::stream, {}, {});
    REQUIRE(scan.end == ScanEnd::complete);
    CHECK(out.view().starts_with("NOTIFY sip:a@b SIP/2.0\r\n"));
    CHECK(scan.message.value_of(HeaderId::cseq) == "7 NOTIFY");
    CHECK(scan.message.value_of(HeaderId::expires) == "60");
    CHECK(scan.message.body == "body");
    CHECK(scan.consumed == out.size());
}

TEST_CASE("T-8 R3261-7.3.1-2: nothing a peer sent can start a header field of its own") {
    std::array<char, 1024> room{};
    Appender out(room);
    MessageWriter writer(out);
    using namespace std::string_view_literals;
    writer.response(400, "a\r\nInjected: x\0y"sv);
    writer.header(HeaderId::from, "<sip:a@b>\r\n ;tag=1\r\nInjected: x\n\tz"sv);
    writer.header(HeaderId::to, "\"a\\\0b\" <sip:a@b>\x01"sv);
    CHECK(out.view() ==
          "SIP/2.0 400 a Injected: xy\r\nFrom: <sip:a@b> ;tag=1 Injected: x z\r\n"
          "To: \"a\\\0b\" <sip:a@b>\r\n"sv);
}

TEST_CASE("an empty reason becomes the RFC's") {
    std::array<char, 128> room{};
    Appender out(room);
    MessageWriter(out).response(489);
    CHECK(out.view() == "SIP/2.0 489 Bad Event\r\n");
}

TEST_CASE("a buffer that is too small overflows once and for all, and writes nothing behind it") {
    std::array<char, 24> room{};
    room.fill('#');
    Appender out{std::span(room).first(20)};
    MessageWriter writer(out);
    writer.request(Method::options, "sip:example.com");
    writer.finish(0);
    CHECK(out.overflowed());
    CHECK(std::string_view(room.data() + 20, 4) == "####");
}

TEST_CASE("a message is written whole where there is just the room for it, and fails in any less") {
    const auto write = [](std::span<char> room) {
        Appender out(room);
        MessageWriter writer(out);
        writer.request(Method::subscribe, "sip:bob@office.example");
        writer.header(HeaderId::expires, "600").header(HeaderId::event, "presence");
        writer.header(HeaderId::call_id, "3a9e70b5-4e1d-4c51-9f0e-7a15c36ccff9");
        writer.header(HeaderId::subject, "").header("X-Other", "value\r\n of it");
        writer.begin(HeaderId::cseq) << std::uint32_t{28341} << " SUBSCRIBE";
        writer.end();
        writer.finish("application/pidf+xml", "12345678901");
        return out.overflowed() ? 0 : out.size();
    };
    const std::string_view wanted =
        "SUBSCRIBE sip:bob@office.example SIP/2.0\r\nExpires: 600\r\nEvent: presence\r\n"
        "Call-ID: 3a9e70b5-4e1d-4c51-9f0e-7a15c36ccff9\r\nSubject: \r\nX-Other: value of it\r\n"
        "CSeq: 28341 SUBSCRIBE\r\nContent-Type: application/pidf+xml\r\nContent-Length: 11\r\n\r\n"
        "12345678901";
    for (std::size_t size = 0; size <= wanted.size() + 32; ++size) {
        std::vector<char> room(size);
        const std::size_t written = write(room);
        CAPTURE(size);
        CHECK(written == (size < wanted.size() ? 0 : wanted.size()));
        if (written != 0) CHECK(std::string_view(room.data(), written) == wanted);
    }
}

TEST_CASE("R3261-7.3.1-1: quoted strings are escaped, and addresses always stand in brackets") {
    std::array<char, 128> room{};
    Appender out(room);
    write_name_addr(out, "say \"hi\" \\ \r\n", "sip:a@b,c");
    CHECK(out.view() == "\"say \\\"hi\\\" \\\\ \" <sip:a@b,c>");
}

namespace {

using namespace std::string_view_literals;

/// Writes a whole message with `write` in it; empty when the writer failed.
template <class Write>
std::string written(Write write) {
    std::array<char, 1024> room{};
    Appender out(room);
    MessageWriter writer(out);
    write(writer);
    writer.finish("text/plain", "b\r\n\0"sv);
    return out.overflowed() ? std::string{} : std::string(out.view());
}

/// Nothing, or one message with exactly the fields `names` and Content-Type and Content-Length.
void check_no_injection(const std::string& text, std::vector<std::string_view> names) {
    if (text.empty()) return;
    CAPTURE(text);
    std::array<HeaderField, 16> slots;
    for (const Framing framing : {Framing::stream, Framing::datagram}) {
        const Scan scan = scan_message(text, slots, framing, {}, Leniency::strict());
        REQUIRE_MESSAGE(scan.end == ScanEnd::complete, scan.error.rule);
        CHECK(scan.consumed == text.size());
        CHECK(scan.message.body == "b\r\n\0"sv);
        REQUIRE(scan.message.headers.size() == names.size() + 2);
        for (std::size_t i = 0; i < names.size(); ++i)
            CHECK(scan.message.headers[i].name == names[i]);
    }
}

}  // namespace

TEST_CASE("T-8 R3261-7.3.1-2: no CR, LF or NUL makes a line, in whichever place it is written") {
    const std::string_view evils[] = {
        "\r"sv,          "\n"sv,        "\0"sv,       "\r\n"sv,          "\x7f"sv,
        "\r\nEvil: x"sv, "\nEvil: x"sv, "\r\n\r\n"sv, "\\\r\nEvil: x"sv, "\"\\\nEvil: x"sv};
    for (std::string_view evil : evils) {
        for (int where = 0; where < 3; ++where) {
            const std::string bad =
                (where == 0 ? "" : "ab") + std::string(evil) + (where == 2 ? "" : "cd");
            CAPTURE(bad);
            const auto start = [](MessageWriter& w) -> MessageWriter& {
                return w.request(Method::options, "sip:a@b");
            };
            CHECK(written([&](auto& w) { w.request(bad, "sip:a@b"); }).empty());
            CHECK(written([&](auto& w) { w.request(Method::options, "sip:" + bad); }).empty());
            CHECK(written([&](auto& w) { start(w).header(bad, "x"); }).empty());
            check_no_injection(written([&](auto& w) { w.response(200, bad); }), {});
            check_no_injection(written([&](auto& w) { start(w).header("X", bad); }), {"X"});
            check_no_injection(written([&](auto& w) { start(w).header(HeaderId::subject, bad); }),
                               {"Subject"});
            check_no_injection(written([&](auto& w) {
                                   start(w).begin(HeaderId::subject) << "(x) " << bad << " y";
                                   w.end().header("X", "y");
                               }),
                               {"Subject", "X"});
            check_no_injection(written([&](auto& w) {
                                   write_quoted(start(w).begin(HeaderId::subject), bad);
                                   w.end();
                               }),
                               {"Subject"});
            check_no_injection(written([&](auto& w) {
                                   write_name_addr(start(w).begin(HeaderId::to), bad, bad);
                                   w.end();
                               }),
                               {"To"});
        }
        std::array<char, 256> room{};
        Appender out(room);
        MessageWriter writer(out);
        writer.request(Method::options, "sip:a").finish(std::string("a/b").append(evil), "");
        CHECK(out.view().find("\r\nEvil") == std::string_view::npos);
    }
}

TEST_CASE("T-8: what cannot be a line fails the writer") {
    const auto fails = [](auto write) { return written(write).empty(); };
    CHECK_FALSE(fails([](auto& w) { w.request("M-x", "sip:a@b"); }));
    for (const char* method : {"", " ", "A B", "A:", "A\t", "\xC3\xBC"})
        CHECK_MESSAGE(fails([&](auto& w) { w.request(method, "sip:a@b"); }), method);
    CHECK(fails([](auto& w) { w.request(Method::unknown, "sip:a@b"); }));
    for (const char* uri : {"", " ", "sip:a b", "sip:a@b ", "<sip:a@b>", "sip:\"a", "sip:\xC3\xBC"})
        CHECK_MESSAGE(fails([&](auto& w) { w.request(Method::options, uri); }), uri);
    for (const char* name : {"", " ", "A B", "A:", "A\t", "\xC3\xBC"})
        CHECK_MESSAGE(fails([&](auto& w) { w.response(200).header(name, "x"); }), name);
    for (const char* name : {"Content-Length", "content-length", "l", "L"})
        CHECK_MESSAGE(fails([&](auto& w) { w.response(200).header(name, "6"); }), name);
    CHECK(fails([](auto& w) { w.response(200).header(HeaderId::content_length, 6U); }));
    CHECK(fails([](auto& w) { w.response(200).begin(HeaderId::content_length), w.end(); }));
    CHECK(fails([](auto& w) { w.response(200).header(HeaderId::unknown, "x"); }));
    CHECK(fails([](auto& w) { w.response(200).header(HeaderId::unknown, 1U); }));
    for (const std::uint16_t status : std::initializer_list<std::uint16_t>{0, 99, 700, 6000})
        CHECK(fails([&](auto& w) { w.response(status); }));
    CHECK_FALSE(fails([](auto& w) { w.response(100).header("X", ""); }));
    CHECK_FALSE(fails([](auto& w) { w.response(699); }));
}

TEST_CASE("T-8: a field that is not ended, ended twice, or written outside of any fails") {
    std::array<char, 256> room{};
    const auto fails = [&](auto write) {
        Appender out(room);
        MessageWriter writer(out);
        writer.response(200);
        write(writer, out);
        writer.finish(std::size_t{0});
        return out.overflowed();
    };
    CHECK_FALSE(fails([](auto& w, auto&) { w.begin(HeaderId::to) << "x", w.end(); }));
    CHECK(fails([](auto& w, auto&) { w.begin(HeaderId::to) << "x"; }));
    CHECK(fails([](auto& w, auto&) { w.begin(HeaderId::to), w.begin(HeaderId::from), w.end(); }));
    CHECK(fails([](auto& w, auto&) { w.begin(HeaderId::to), w.header("X", "y"); }));
    CHECK(fails([](auto& w, auto&) { w.end(); }));
    CHECK(fails([](auto& w, auto&) { w.begin(HeaderId::to), w.end().end(); }));
    CHECK(fails([](auto&, auto& out) { out << "Evil: x\r\n"; }));
    CHECK(fails([](auto& w, auto& out) { w.header("X", "y"), out << "\r\nEvil: x"; }));
    // What was taken back was never there.
    CHECK_FALSE(fails([](auto& w, auto& out) {
        const std::size_t size = out.size();
        w.header("X", "y");
        out.rewind(size);
    }));
}

TEST_CASE("T-8: quoted-pairs are kept whole in quotes and comments, and are none elsewhere") {
    for (const auto& [given, wanted] :
         {std::pair{"\"a\\\0b\""sv, "\"a\\\0b\""sv}, std::pair{"(a\\\x01)"sv, "(a\\\x01)"sv},
          std::pair{"a\\\0b"sv, "a\\b"sv}, std::pair{"\"a\" \\\0b"sv, "\"a\" \\b"sv},
          std::pair{"\"a\\\r\n b\""sv, "\"a\\ b\""sv}, std::pair{"(\"\\\0\0"sv, "(\"\\\0"sv},
          std::pair{"  a\t\tb  c\0 "sv, "a b  c"sv}, std::pair{"\0"sv, ""sv},
          std::pair{"\r\n"sv, ""sv}}) {
        std::array<char, 64> room{};
        Appender out(room);
        MessageWriter writer(out);
        writer.begin(HeaderId::subject) << given;
        writer.end();
        CHECK(out.view() == "Subject: " + std::string(wanted) + "\r\n");
    }
    std::array<char, 64> room{};
    Appender out(room);
    MessageWriter(out).response(400, "\"\\\0\" (\\\0)"sv);
    CHECK(out.view() == "SIP/2.0 400 \"\\\" (\\)\r\n");
}

TEST_CASE("what is all our own ends as any other field does, and fails where none was begun") {
    std::array<char, 64> room{};
    Appender out(room);
    MessageWriter writer(out);
    writer.begin(HeaderId::cseq) << 7U << " NOTIFY";
    writer.end_own();
    writer.header(HeaderId::expires, std::uint64_t{60});
    CHECK(out.view() == "CSeq: 7 NOTIFY\r\nExpires: 60\r\n");
    writer.end_own();
    CHECK(out.overflowed());
    for (std::size_t size = 0; size < 16; ++size) {
        Appender narrow{std::span(room).first(size)};
        MessageWriter small(narrow);
        small.begin(HeaderId::cseq) << 7U << " NOTIFY";
        small.end_own();
        CHECK(narrow.overflowed());
    }
}
