#include "sip/event/event_headers.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>

#include "sip/message/message_parser.hpp"
#include "tests/support/echo_package.hpp"

using namespace sip;

namespace {

/// A message with these header lines, to be read.
struct Read {
    explicit Read(const std::string& fields)
        : text("SUBSCRIBE sip:a@b SIP/2.0\r\n" + fields + "\r\n"),
          scan(scan_message(text, slots, Framing::datagram, {}, {})) {
        REQUIRE(scan.end == ScanEnd::complete);
        REQUIRE(packages.add(echo));
    }
    Expected<NamedEvent> event() const { return read_event(scan.message, packages); }
    Expected<std::uint32_t> expires(bool hour_rule = true) const {
        return read_expires(scan.message, echo.traits(), hour_rule);
    }
    std::array<HeaderField, 16> slots;
    std::string text;
    EchoPackage echo;
    EventPackages packages;
    Scan scan;
};

std::string written(const auto& write) {
    std::array<char, 512> room{};
    Appender out(room);
    MessageWriter writer(out);
    write(writer);
    return std::string(out.view());
}

}  // namespace

TEST_CASE("R6665-4.2.1.1-2: Event names a package served here, by either of its names, or is 489") {
    CHECK(Read("Event: echo\r\n").event()->package == 0);
    CHECK(Read("o: Echo;id=A;x\r\n").event()->id == "A");
    CHECK(Read("").event().error().condition == Condition::bad_event);
    CHECK(Read("Event: echo.winfo\r\n").event().error().condition == Condition::bad_event);
    CHECK(Read("Event: \r\n").event().error().condition == Condition::malformed);
}

TEST_CASE("ROUR-6 R3261-20.19-1: Expires saturates, and what cannot be read is the default") {
    CHECK(*Read("").expires() == 3600);
    CHECK(*Read("Expires: 0\r\n").expires() == 0);
    CHECK(*Read("Expires: 4294967295\r\n").expires() == 7200);
    CHECK(*Read("Expires: 99999999999999999999999\r\n").expires() == 3600);
    CHECK(*Read("Expires: -1\r\n").expires() == 3600);
    CHECK(*Read("Expires: \r\n").expires() == 3600);
    CHECK(Read("Expires: 59\r\n").expires().error().condition == Condition::interval_too_brief);
}

TEST_CASE("R6665-4.2.1.1-4: an hour is never too brief where the hour rule holds") {
    Read hour("Expires: 3600\r\n");
    hour.echo.traits_.expires_min_s = 5000;
    CHECK(*hour.expires() == 3600);
    CHECK(hour.expires(false).error().condition == Condition::interval_too_brief);
}

TEST_CASE("a default above the maximum is cut to it") {
    Read none("");
    none.echo.traits_.expires_max_s = 600;
    CHECK(*none.expires() == 600);
}

TEST_CASE("R3261-8.2.3-1: a body may be passed over where its handling is optional, in any case") {
    CHECK(is_optional_body(Read("Content-Disposition: x;handling=OPTIONAL\r\n").scan.message));
    CHECK(
        is_optional_body(Read("Content-Disposition: x; a=b ;handling=optional\r\n").scan.message));
    CHECK_FALSE(
        is_optional_body(Read("Content-Disposition: x;handling=required\r\n").scan.message));
    CHECK_FALSE(is_optional_body(Read("Content-Disposition: optional\r\n").scan.message));
    CHECK_FALSE(is_optional_body(Read("").scan.message));
}

TEST_CASE("R6665-4.4.4-1 R3261-11.2-1: Allow-Events and Accept list all that the packages have") {
    EchoPackage echo, other;
    other.traits_.name = "other";
    EventPackages packages;
    REQUIRE(packages.add(echo));
    REQUIRE(packages.add(other));
    CHECK(written([&](MessageWriter& w) { write_allow_events(w, packages); }) ==
          "Allow-Events: echo, other\r\n");
    const EventCapabilities capabilities(packages);
    const std::string all = written([&](MessageWriter& w) { capabilities.write(w); });
    CHECK(all.find("Allow-Events: echo, other\r\n") != std::string::npos);
    CHECK(all.find("Accept: text/plain, text/x-echo") != std::string::npos);
    constexpr std::array<std::string_view, 2> types{"a/b", "c/d"};
    CHECK(written([&](MessageWriter& w) { write_accept(w, types); }) == "Accept: a/b, c/d\r\n");
    CHECK(written([&](MessageWriter& w) { write_accept(w, {}); }) == "Accept: \r\n");
}
