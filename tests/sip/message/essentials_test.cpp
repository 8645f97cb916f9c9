#include "sip/message/essentials.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>

#include "sip/message/message_parser.hpp"

namespace {

using namespace sip;

struct Lines {
    std::string start = "SUBSCRIBE sip:porch@gate.example SIP/2.0\r\n";
    std::string via = "Via: SIP/2.0/UDP a.example;branch=z9hG4bK1\r\n";
    std::string from = "From: <sip:ada@mill.example>;tag=f1\r\n";
    std::string to = "To: <sip:porch@gate.example>\r\n";
    std::string call_id = "Call-ID: c1\r\n";
    std::string cseq = "CSeq: 7 SUBSCRIBE\r\n";
    std::string max_forwards = "Max-Forwards: 69\r\n";
    std::string more;

    std::string text() const {
        return start + via + from + to + call_id + cseq + max_forwards + more + "\r\n";
    }
};

/// Decoded, and what it was decoded from.
struct Decoded {
    explicit Decoded(const Lines& lines, const Leniency& leniency = {}) : text(lines.text()) {
        const Scan scan = scan_message(text, slots, Framing::datagram, {}, leniency);
        REQUIRE(scan.end == ScanEnd::complete);
        result = decode_essentials(scan.message, leniency);
    }
    const Essentials* operator->() const {
        REQUIRE(result.has_value());
        return &*result;
    }
    bool fine() const { return result.has_value(); }

    std::string text;
    std::array<HeaderField, 64> slots;
    Expected<Essentials> result = failure(Condition::internal, "");
};

/// Fails with `condition` and `rule`, at the first place where `where` stands.
void check_failure(const Lines& lines, Condition condition, std::string_view rule,
                   const std::string& where, const Leniency& leniency = {}) {
    const Decoded found(lines, leniency);
    CAPTURE(found.text);
    REQUIRE_FALSE(found.fine());
    CHECK(found.result.error().condition == condition);
    CHECK(found.result.error().rule == rule);
    CHECK(found.result.error().offset == found.text.find(where));
}

TEST_CASE("R3261-8.1.1-1: what every request has is decoded") {
    Lines lines;
    lines.via = "v: SIP/2.0/UDP a.example;branch=z9hG4bK1, SIP/2.0/TCP b.example\r\n";
    lines.to = "t: \"P\" <sip:porch@gate.example>;tag=t1\r\n";
    lines.more = "Via: SIP/2.0/TLS c.example\r\n";
    const Decoded found(lines);
    CHECK(found->via.host == "a.example");
    CHECK(found->via.branch == "z9hG4bK1");
    CHECK(found->via_count == 3);
    CHECK(found->from.uri.user == "ada");
    CHECK(found->from_tag == "f1");
    CHECK(found->to.display_name == "P");
    CHECK(found->to_tag == "t1");
    CHECK(found->call_id == "c1");
    CHECK(found->cseq.number == 7);
    CHECK(found->cseq.method == Method::subscribe);
    CHECK(found->request_uri.host == "gate.example");
    CHECK(found->max_forwards == 69);
}

TEST_CASE("R3261-8.1.1-1: a missing mandatory field is named") {
    const std::pair<std::string Lines::*, std::string_view> fields[] = {
        {&Lines::via, "Via is missing"},   {&Lines::from, "From is missing"},
        {&Lines::to, "To is missing"},     {&Lines::call_id, "Call-ID is missing"},
        {&Lines::cseq, "CSeq is missing"},
    };
    for (const auto& [field, rule] : fields) {
        Lines lines;
        lines.*field = "";
        check_failure(lines, Condition::missing_header, rule, "SUBSCRIBE");
        lines.start = "SIP/2.0 200 OK\r\n";
        check_failure(lines, Condition::missing_header, rule, "SIP/2.0 200");
    }
}

TEST_CASE("T-2: no single-value field stands twice, by whichever of its names") {
    const std::pair<std::string, std::string_view> repeats[] = {
        {"f: <sip:ada@mill.example>;tag=f1", "From stands more than once"},
        {"TO: <sip:porch@gate.example>", "To stands more than once"},
        {"i: c1", "Call-ID stands more than once"},
        {"cseq: 7 SUBSCRIBE", "CSeq stands more than once"},
        {"Max-Forwards: 69", "Max-Forwards stands more than once"},
        {"Event: presence\r\no: presence", "Event stands more than once"},
        {"Expires: 1\r\nEXPIRES: 1", "Expires stands more than once"},
        {"c: a/b\r\nContent-Type: a/b", "Content-Type stands more than once"},
        {"SIP-If-Match: a\r\nSIP-If-Match: a", "SIP-If-Match stands more than once"},
        {"SIP-ETag: a\r\nSIP-ETag: b", "SIP-ETag stands more than once"},
        {"Subscription-State: active\r\nSubscription-State: active",
         "Subscription-State stands more than once"},
        {"Date: x\r\nDate: x", "a single-value header field stands more than once"},
    };
    for (const auto& repeat : repeats) {
        const std::string line = repeat.first;
        const std::string_view rule = repeat.second;
        Lines lines;
        lines.more = line + "\r\n";
        const Decoded found(lines);
        CAPTURE(line);
        REQUIRE_FALSE(found.fine());
        CHECK(found.result.error().condition == Condition::repeated_header);
        CHECK(found.result.error().rule == rule);
        // It is the second one that the offset points at.
        const std::size_t last = line.rfind('\n') == std::string::npos ? 0 : line.rfind('\n') + 1;
        CHECK(found.result.error().offset == found.text.rfind(line.substr(last)));
    }
    Lines lines;
    lines.more = "Accept: a/b\r\nAccept: a/c\r\nOdd: 1\r\nOdd: 1\r\nSubject: a\r\ns: b\r\n";
    CHECK(Decoded(lines).fine());
}

TEST_CASE("R3261-20.16-1: CSeq has the method of the request, and 501 goes before that") {
    Lines lines;
    lines.cseq = "CSeq: 7 NOTIFY\r\n";
    check_failure(lines, Condition::mismatch, "CSeq: method is not that of the request",
                  "7 NOTIFY");
    lines.cseq = "CSeq: 7 subscribe\r\n";
    CHECK(Decoded(lines).result.error().condition == Condition::mismatch);
    lines.start = "SIP/2.0 200 OK\r\n";
    CHECK(Decoded(lines)->cseq.method_name == "subscribe");
    lines.start = "CONFUSE sip:a.example SIP/2.0\r\n";
    check_failure(lines, Condition::method_unknown, "method is unknown", "CONFUSE");
    lines.cseq = "CSeq: 7 CONFUSE\r\n";
    CHECK(Decoded(lines)->cseq.method == Method::unknown);
    lines.cseq = "CSeq: 4294967296 CONFUSE\r\n";
    CHECK(Decoded(lines).result.error().condition == Condition::malformed);
    lines.cseq = "CSeq: 4294967295 CONFUSE\r\n";
    CHECK(Decoded(lines)->cseq.number == 4294967295);
}

TEST_CASE("R3261-20.22-1: Max-Forwards is 0 to 255, and counts as absent when it is not") {
    Lines lines;
    for (const auto& [value, hops] : {std::pair<std::string, int>{"0", 0},
                                      {"255", 255},
                                      {"0068", 68},
                                      {"256", 70},
                                      {"-1", 70},
                                      {"", 70},
                                      {"99999999999999999999", 70}}) {
        lines.max_forwards = "Max-Forwards: " + value + "\r\n";
        CHECK_MESSAGE(Decoded(lines)->max_forwards == hops, lines.max_forwards);
    }
    lines.max_forwards = "Max-Forwards: 256\r\n";
    const Decoded strict(lines, Leniency::strict());
    REQUIRE_FALSE(strict.fine());
    CHECK(strict.result.error().condition == Condition::malformed);
    lines.max_forwards = "";
    CHECK(Decoded(lines)->max_forwards == 70);
    check_failure(lines, Condition::missing_header, "Max-Forwards is missing", "SUBSCRIBE",
                  Leniency::strict());
    lines.start = "SIP/2.0 200 OK\r\n";
    CHECK(Decoded(lines, Leniency::strict()).fine());
}

TEST_CASE("R4475-3.4.1: no From tag and no branch, as in RFC 2543, unless we are strict") {
    Lines lines;
    lines.from = "From: <sip:ada@mill.example>\r\n";
    CHECK(Decoded(lines)->from_tag.empty());
    check_failure(lines, Condition::malformed, "From: tag is missing", "<sip:ada",
                  Leniency::strict());
    lines = {};
    for (const std::string parameter : {"", ";branch=1", ";branch=z9hG4bK"}) {
        lines.via = "Via: SIP/2.0/UDP a.example" + parameter + "\r\n";
        CHECK(Decoded(lines).fine());
        CHECK_FALSE(Decoded(lines)->via.has_cookie());
        check_failure(lines, Condition::malformed, "Via: branch without magic cookie",
                      "SIP/2.0/UDP", Leniency::strict());
    }
}

TEST_CASE("R3261-7.3.1-1 T-2: a tag is a token and stands once") {
    struct Row {
        const char* parameters;
        const char* where;
    };
    for (const Row& row : {Row{";tag=\"x\"", "tag=\"x\""}, Row{";x;tag", "tag\r\n"},
                           Row{";tag=\"\"", "tag=\"\""}, Row{";tag=one;Tag=two", "Tag=two"}}) {
        for (const Leniency& leniency : {Leniency{}, Leniency::strict()}) {
            Lines lines;
            lines.from = "From: <sip:ada@mill.example>" + std::string(row.parameters) + "\r\n";
            check_failure(lines, Condition::malformed, "From: tag is malformed", row.where,
                          leniency);
            lines = {};
            lines.from = "From: <sip:ada@mill.example>;tag=1\r\n";
            lines.to = "To: <sip:porch@gate.example>" + std::string(row.parameters) + "\r\n";
            check_failure(lines, Condition::malformed, "To: tag is malformed", row.where, leniency);
        }
    }
    Lines lines;
    lines.from = "From: <sip:ada@mill.example>;x=\"tag=1;tag=2\";tag=f1\r\n";
    CHECK(Decoded(lines)->from_tag == "f1");
}

TEST_CASE("every Via counts, and each has to be well-formed") {
    Lines lines;
    lines.more = "Via: SIP/2.0/UDP b.example, SIP/2.0/UDP ;branch=x\r\n";
    CHECK_FALSE(Decoded(lines).fine());
    CHECK(Decoded(lines).result.error().offset == Decoded(lines).text.find(";branch=x"));
    lines.more = "";
    lines.via = "Via:\r\n";
    check_failure(lines, Condition::malformed, "Via is empty", "Via:");
    lines = {};
    lines.more = "v:\r\n";
    check_failure(lines, Condition::malformed, "Via is empty", "v:");
}

TEST_CASE("the fields that say where messages go all parse") {
    for (const std::string name :
         {"Contact", "m", "Route", "Record-Route", "Path", "Service-Route"}) {
        CAPTURE(name);
        Lines lines;
        lines.more = name + ": <sip:x.example;lr>,\r\n  <sip:y.example>;z\r\n";
        CHECK(Decoded(lines).fine());
        lines.more = name + ": <sip:x.example;lr>,\r\n  <sip:y.ex ample>;z\r\n";
        const Decoded bad(lines);
        REQUIRE_FALSE(bad.fine());
        CHECK(bad.result.error().condition == Condition::malformed);
        CHECK(bad.result.error().offset >= bad.text.find("<sip:y"));
        CHECK(bad.result.error().offset < bad.text.find(">;z"));
        lines.more = name + ": <sip:x.example>\r\n" + name + ": <sip:y.example\r\n";
        CHECK_FALSE(Decoded(lines).fine());
    }
    Lines lines;
    lines.more = "Contact: *\r\nSubject: <<<\r\nOdd: ,,\r\nReply-To: ((\r\n";
    CHECK(Decoded(lines).fine());
}

/// What each of the two steps tells.
struct Steps {
    explicit Steps(const Lines& lines) : text(lines.text()) {
        const Scan scan = scan_message(text, slots, Framing::datagram, {}, {});
        REQUIRE(scan.end == ScanEnd::complete);
        routing = decode_routing(found, scan.message, {});
        if (routing) addresses = decode_addresses(found, scan.message, {});
    }

    std::string text;
    std::array<HeaderField, 64> slots;
    Essentials found;
    Expected<void> routing, addresses;
};

TEST_CASE("what carries a message on is decoded without the other addresses") {
    Lines lines;
    lines.via = "Via: SIP/2.0/UDP a.example;branch=z9hG4bK1 , SIP/2.0/TCP b.example\r\n";
    lines.more =
        "Route: \"A, B\" <sip:r1.example;lr> ;x=1 , <sip:r2.example;lr>\r\n"
        "Via: SIP/2.0/TLS c.example\r\n"
        "Route: <sip:r3.example;lr>\r\nContact: <sip:c.example>, <sip:d.example>\r\n";
    const Steps fine(lines);
    REQUIRE(fine.routing.has_value());
    REQUIRE(fine.addresses.has_value());
    CHECK(fine.found.has_route);
    CHECK(fine.found.route.uri.host == "r1.example");
    CHECK(fine.found.via_count == 3);
    CHECK(fine.found.contact_count == 2);
    CHECK_FALSE(Decoded(Lines{})->has_route);

    // Each place where the second step has to look, broken alone.
    for (const auto& each : {std::pair{"SIP/2.0/TCP b.example", "SIP/2.0/ "},
                             {"<sip:r2.example;lr>", "<sip:?>"},
                             {"SIP/2.0/TLS c.example", "SIP/2.0/TLS"},
                             {"<sip:r3.example;lr>", "<sip:?>"},
                             {"<sip:c.example>", "<sip:?>"},
                             {"<sip:d.example>", "<sip:?>"}}) {
        const std::string_view good = each.first, broken = each.second;
        CAPTURE(good);
        Lines other = lines;
        for (std::string* line : {&other.via, &other.more})
            if (const std::size_t at = line->find(good); at != line->npos)
                line->replace(at, good.size(), broken);
        const Steps steps(other);
        CHECK(steps.routing.has_value());
        CHECK_FALSE(steps.addresses.has_value());
    }
}

TEST_CASE("of two faults both steps and `decode_essentials` tell the same") {
    const auto rule_of = [](const Lines& lines) {
        const Steps steps(lines);
        REQUIRE_FALSE(steps.routing.has_value());
        CHECK_FALSE(Decoded(lines).fine());
        CHECK(Decoded(lines).result.error().rule == steps.routing.error().rule);
        CHECK(Decoded(lines).result.error().offset == steps.routing.error().offset);
        return steps.routing.error().rule;
    };
    Lines lines;
    lines.start = "SUBSCRIBE sip:porch@gate.example?Subject=x SIP/2.0\r\n";
    CHECK(rule_of(lines) == "Request-URI: headers may not stand in it");
    lines.more = "Contact: <sip:ok.example>, <sip:>\r\n";
    CHECK(rule_of(lines) == "URI: host is missing");
    lines.cseq = "CSeq: x\r\n";
    CHECK(rule_of(lines) == "CSeq: number is malformed or above 2^32-1");
    lines.via += "Via: SIP/2.0/UDP\r\n";
    CHECK(rule_of(lines) == "Via: transport is malformed");
    lines.more += "To: <sip:twice.example>\r\n";
    CHECK(rule_of(lines) == "To stands more than once");
}

TEST_CASE("R3261-7.1-1: the Request-URI parses, without headers in it") {
    Lines lines;
    lines.start = "SUBSCRIBE sip:a@b.example:99999 SIP/2.0\r\n";
    const Decoded bad(lines);
    REQUIRE_FALSE(bad.fine());
    CHECK(bad.result.error().offset >= 10);
    CHECK(bad.result.error().offset < lines.start.size());
    lines.start = "SUBSCRIBE sip:b.example?Subject=x SIP/2.0\r\n";
    check_failure(lines, Condition::malformed, "Request-URI: headers may not stand in it",
                  "Subject=x");
    lines.start = "SUBSCRIBE strange:b SIP/2.0\r\n";
    CHECK(Decoded(lines)->request_uri.scheme == Scheme::other);
}

TEST_CASE("Call-ID: any visible characters, but not none") {
    Lines lines;
    lines.call_id = "Call-ID:\r\n";
    check_failure(lines, Condition::malformed, "Call-ID is empty", "Call-ID:");
    lines.call_id = "Call-ID: a b\r\n";
    check_failure(lines, Condition::malformed, "Call-ID: character that may not stand there",
                  " b\r\n");
    lines.call_id = "Call-ID: a\xc3\xa4\r\n";
    check_failure(lines, Condition::malformed, "Call-ID: character that may not stand there",
                  "\xc3");
    lines.call_id = "Call-ID: ()<>:\\\"/[]?{}@x=y\r\n";
    CHECK(Decoded(lines).fine());
}

TEST_CASE("offsets count from the start of the message, not from CRLFs before it") {
    Lines lines;
    lines.start = "\r\n\r\n" + lines.start;
    lines.cseq = "CSeq: 7 NOTIFY\r\n";
    const Decoded found(lines);
    REQUIRE_FALSE(found.fine());
    CHECK(found.result.error().offset == found.text.find("7 NOTIFY") - 4);
}

}  // namespace

TEST_CASE("the Contact of a 2xx to NOTIFY is not read, and that of any other response is") {
    const auto read = [](std::string_view start, std::string_view method) {
        static std::string text;
        text = std::string(start) +
               "\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n"
               "To: <sip:c@d>;tag=2\r\nCall-ID: x\r\nCSeq: 1 " +
               std::string(method) + "\r\nContact: <sip:\r\nContent-Length: 0\r\n\r\n";
        static std::array<HeaderField, 32> room;
        const Scan scan = scan_message(text, room, Framing::datagram, {}, {});
        REQUIRE(scan.end == ScanEnd::complete);
        return decode_essentials(scan.message, {});
    };
    const auto taken = read("SIP/2.0 200 OK", "NOTIFY");
    REQUIRE(taken);
    CHECK(taken->contact_count == 0);
    CHECK_FALSE(read("SIP/2.0 302 Moved", "NOTIFY"));
    CHECK_FALSE(read("SIP/2.0 200 OK", "SUBSCRIBE"));
}
