#include "apps/vigil/inspection.hpp"

#include <doctest/doctest.h>

using namespace vigil;

namespace {

const std::string head =
    "OPTIONS sip:a@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\n"
    "To: <sip:a@h>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n";

}  // namespace

TEST_CASE("A request and a response are named") {
    const auto request = inspect_sip(head + "\r\n", {});
    CHECK(request.fields.ok);
    CHECK(request.fields.kind == "request");
    REQUIRE(request.lines.size() == 7);
    CHECK(request.lines[0] == "SIP request OPTIONS sip:a@h");
    CHECK(request.lines[1] == "  Via: SIP/2.0/UDP h;branch=z9hG4bK1");
    const auto response =
        inspect_sip("SIP/2.0 200 OK\r\n" + head.substr(head.find("Via")) + "\r\n", {});
    CHECK(response.fields.ok);
    CHECK(response.fields.kind == "response");
    CHECK(response.lines[0] == "SIP response 200 OK");
    CHECK(inspect_sip("\r\n\r\n", {}).fields.kind == "keep-alive");
}

TEST_CASE("What is wrong is named with the rule and the byte where it stands") {
    const auto event = inspect_sip(head + "Event: @\r\n\r\n", {});
    CHECK_FALSE(event.fields.ok);
    CHECK(event.fields.kind == "request");
    CHECK(event.fields.offset == head.size() + 7);
    CHECK(event.fields.rule.starts_with("Event"));
    const auto list = inspect_sip(head + "Supported: a, b, @\r\n\r\n", {});
    CHECK_FALSE(list.fields.ok);
    CHECK(list.fields.offset > head.size() + 11);
    const auto date = inspect_sip(head + "Date: Fri, 01 Jan 2010 16:00:00 EST\r\n\r\n", {});
    CHECK_FALSE(date.fields.ok);
    CHECK(date.fields.rule == "Date is not a date in GMT");
    CHECK(inspect_sip("", {}).fields.rule == "There is nothing to read");
    CHECK_FALSE(inspect_sip("hello", {}).fields.ok);
}

TEST_CASE("Every cut and every foreign byte gives an answer") {
    const std::string whole = head + "Expires: 5\r\nContent-Length: 2\r\n\r\nab";
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const auto cut = inspect_sip(whole.substr(0, size), {});
        CHECK(cut.fields.offset <= size);
    }
    for (std::size_t at = 0; at < whole.size(); ++at)
        for (char c : {'\0', '\xff'}) {
            auto changed = whole;
            changed[at] = c;
            const auto found = inspect_sip(changed, {});
            CHECK(found.fields.offset <= changed.size());
            for (const auto& line : found.lines)
                CHECK(line.find_first_of(std::string_view("\0\r\n", 3)) == std::string::npos);
        }
}

TEST_CASE("XML is told from SIP by its first character") {
    CHECK(looks_like_xml("<presence/>"));
    CHECK(looks_like_xml("\r\n <?xml"));
    CHECK(looks_like_xml("\xef\xbb\xbf<a/>"));
    CHECK(looks_like_xml("\xff\xfe<"));
    CHECK_FALSE(looks_like_xml(""));
    CHECK_FALSE(looks_like_xml("OPTIONS <sip:a>"));
}
