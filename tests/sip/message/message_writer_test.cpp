#include "sip/message/message_writer.hpp"

#include <doctest/doctest.h>

#include <array>
#include <span>
#include <string>

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

TEST_CASE("R3261-7.3.1-1: quoted strings are escaped, and addresses always stand in brackets") {
    std::array<char, 128> room{};
    Appender out(room);
    write_name_addr(out, "say \"hi\" \\ \r\n", "sip:a@b,c");
    CHECK(out.view() == "\"say \\\"hi\\\" \\\\ \" <sip:a@b,c>");
}
