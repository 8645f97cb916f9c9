#include "apps/edge/net/name_answer.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "apps/edge/net/resolver.hpp"

using edge::parse_name_answer;
using edge::ParsedNameAnswer;
using sip::Address;
using sip::RecordType;
using Kind = sip::NameAnswer::Kind;

namespace {

/// Builds a name server's message byte by byte.
struct Message {
    std::string bytes;

    static std::string number(std::uint32_t value, int size) {
        std::string made;
        for (int i = size - 1; i >= 0; --i) made += static_cast<char>(value >> (8 * i) & 0xff);
        return made;
    }
    static std::string name(std::string_view text) {
        std::string made;
        while (!text.empty()) {
            const auto dot = std::min(text.find('.'), text.size());
            made += static_cast<char>(dot);
            made += text.substr(0, dot);
            text.remove_prefix(std::min(dot + 1, text.size()));
        }
        return made + '\0';
    }
    static std::string text(std::string_view value) {
        return static_cast<char>(value.size()) + std::string(value);
    }
    explicit Message(unsigned answers, unsigned authorities = 0, unsigned flags = 0x8180) {
        bytes = number(7, 2) + number(flags, 2) + number(1, 2) + number(answers, 2) +
                number(authorities, 2) + number(0, 2) + name("example.com") + number(1, 2) +
                number(1, 2);
    }
    Message& record(const std::string& owner, unsigned type, unsigned ttl_s,
                    const std::string& data, unsigned name_class = 1) {
        bytes += owner + number(type, 2) + number(name_class, 2) + number(ttl_s, 4) +
                 number(static_cast<unsigned>(data.size()), 2) + data;
        return *this;
    }
    ParsedNameAnswer parse(RecordType type, std::string_view about = "example.com") const {
        const std::vector<unsigned char> exact(bytes.begin(), bytes.end());
        return parse_name_answer(exact, type, about);
    }
    static std::string pointer(unsigned to) { return number(0xc000 | to, 2); }
};

const std::string question = Message::pointer(12);  // example.com

}  // namespace

TEST_CASE("addresses of both families, with their time to live, whatever the case of the owner") {
    const auto a = Message(2)
                       .record(question, 1, 60, {"\xc0\x00\x02\x09", 4})
                       .record(Message::name("EXAMPLE.com"), 1, 30, {"\xc0\x00\x02\x0a", 4})
                       .parse(RecordType::a);
    CHECK(a.kind == Kind::found);
    REQUIRE(a.records.size() == 2);
    CHECK(a.records[0].record.address == Address::v4(192, 0, 2, 9));
    CHECK(a.records[0].record.ttl_s == 60);
    CHECK(a.records[1].record.address == Address::v4(192, 0, 2, 10));
    CHECK(a.records[1].record.ttl_s == 30);
    const std::string six("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x09", 16);
    const auto aaaa = Message(1).record(question, 28, 60, six).parse(RecordType::aaaa);
    REQUIRE(aaaa.records.size() == 1);
    CHECK(aaaa.records[0].record.address.bytes[15] == 9);
    CHECK_FALSE(aaaa.records[0].record.address.is_v4());
}

TEST_CASE("SRV and NAPTR with names that lead back into the message") {
    const std::string srv = Message::number(10, 2) + Message::number(60, 2) +
                            Message::number(5062, 2) +
                            std::string(
                                "\x01"
                                "a") +
                            question;
    const auto found = Message(1).record(question, 33, 60, srv).parse(RecordType::srv);
    REQUIRE(found.records.size() == 1);
    CHECK(found.records[0].record.priority == 10);
    CHECK(found.records[0].record.weight == 60);
    CHECK(found.records[0].record.port == 5062);
    CHECK(found.records[0].target == "a.example.com");
    const std::string root = Message::number(0, 2) + Message::number(0, 2) + Message::number(0, 2) +
                             std::string(1, '\0');
    const auto none = Message(1).record(question, 33, 60, root).parse(RecordType::srv);
    REQUIRE(none.records.size() == 1);
    CHECK(none.records[0].target.empty());
    const std::string naptr = Message::number(20, 2) + Message::number(30, 2) + Message::text("s") +
                              Message::text("SIP+D2U") + Message::text("") +
                              Message::name("_sip._udp.example.com");
    const auto services = Message(1).record(question, 35, 60, naptr).parse(RecordType::naptr);
    REQUIRE(services.records.size() == 1);
    CHECK(services.records[0].record.priority == 20);
    CHECK(services.records[0].record.weight == 30);
    CHECK(services.records[0].flags == "s");
    CHECK(services.records[0].service == "SIP+D2U");
    CHECK(services.records[0].target == "_sip._udp.example.com");
}

TEST_CASE("an alias leads to the records, in any order, and its time bounds theirs") {
    const auto found = Message(3)
                           .record(Message::name("b.example"), 1, 500, {"\xc0\x00\x02\x09", 4})
                           .record(Message::name("a.example"), 5, 40, Message::name("b.example"))
                           .record(question, 5, 300, Message::name("a.example"))
                           .parse(RecordType::a);
    REQUIRE(found.records.size() == 1);
    CHECK(found.records[0].record.ttl_s == 40);
    // In a circle there is an end, and nothing.
    const auto circle = Message(2)
                            .record(question, 5, 40, Message::name("a.example"))
                            .record(Message::name("a.example"), 5, 40, question)
                            .parse(RecordType::a);
    CHECK(circle.kind == Kind::nothing);
}

TEST_CASE("T-26: what is nobody's who was asked for is passed over") {
    const auto other = Message(3)
                           .record(Message::name("evil.example"), 1, 60, {"\x0a\x00\x00\x01", 4})
                           .record(question, 1, 60, {"\xc0\x00\x02\x09", 4}, 3)  // class CH
                           .record(question, 16, 60, Message::text("v=spf1"))
                           .parse(RecordType::a);
    CHECK(other.kind == Kind::nothing);
    // An address of the wrong size is none; there was one, though.
    const auto odd = Message(1).record(question, 1, 60, "abc").parse(RecordType::a);
    CHECK(odd.kind == Kind::found);
    CHECK(odd.records.empty());
    // A dot or a control in a label would be read as another name.
    const std::string srv = Message::number(1, 2) + Message::number(1, 2) +
                            Message::number(5060, 2) + Message::text("a.evil") + question;
    CHECK(Message(1).record(question, 33, 60, srv).parse(RecordType::srv).records.empty());
}

TEST_CASE("R3263-4.2-1: that there is nothing is true for as long as the SOA says") {
    const std::string soa = Message::name("ns.example.com") + Message::name("root.example.com") +
                            std::string(16, '\0') + Message::number(90, 4);
    auto nothing = Message(0, 1).record(question, 6, 300, soa).parse(RecordType::srv);
    CHECK(nothing.kind == Kind::nothing);
    CHECK(nothing.negative_ttl_s == 90);
    nothing = Message(0, 1, 0x8183).record(question, 6, 60, soa).parse(RecordType::srv);
    CHECK(nothing.kind == Kind::nothing);
    CHECK(nothing.negative_ttl_s == 60);
    CHECK(Message(0).parse(RecordType::srv).negative_ttl_s == 0);
}

TEST_CASE("T-26: a failure, a question and a message that was cut short are no answer") {
    CHECK(Message(0, 0, 0x8182).parse(RecordType::a).kind == Kind::failed);  // SERVFAIL
    CHECK(Message(0, 0, 0x8185).parse(RecordType::a).kind == Kind::failed);  // REFUSED
    CHECK(Message(0, 0, 0x0100).parse(RecordType::a).kind == Kind::failed);
    CHECK(Message(0, 0, 0x8380).parse(RecordType::a).kind == Kind::failed);
    const std::string srv = Message::number(10, 2) + Message::number(60, 2) +
                            Message::number(5062, 2) +
                            std::string(
                                "\x01"
                                "a") +
                            question;
    Message whole(2);
    whole.record(question, 33, 60, srv).record(question, 33, 60, srv);
    const std::string all = whole.bytes;
    for (std::size_t cut = 0; cut < all.size(); ++cut) {
        CAPTURE(cut);
        whole.bytes = all.substr(0, cut);
        CHECK(whole.parse(RecordType::srv).kind == Kind::failed);
    }
}

TEST_CASE("T-26: a pointer leads back alone, so every name has an end") {
    for (unsigned to : {29U, 30U, 31U, 60U, 0x3fffU}) {
        CAPTURE(to);
        Message message(1);
        CHECK(message.bytes.size() == 29);
        CHECK(message.record(Message::pointer(to), 1, 60, "1234").parse(RecordType::a).kind ==
              Kind::failed);
    }
    // The longest name has 255 bytes on the wire; one more is none.
    const std::string label(63, 'a');
    for (const std::size_t last : {61U, 62U}) {
        const std::string name = label + "." + label + "." + label + "." + std::string(last, 'b');
        const auto found =
            Message(1).record(Message::name(name), 1, 60, "1234").parse(RecordType::a, name);
        CHECK(found.kind == (last == 61 ? Kind::found : Kind::failed));
    }
}

TEST_CASE("a hosts file, and localhost, are known without asking") {
    edge::HostNames hosts;
    hosts.read(
        "# comment\n192.0.2.5 phone.example Phone # desk\n\n2001:db8::5\tphone.example\n"
        "fe80::1%eth0 odd\nnonsense here\n192.0.2.6");
    const auto a = hosts.answer(RecordType::a, "PHONE.example");
    REQUIRE(a);
    REQUIRE(a->records.size() == 1);
    CHECK(a->records[0].record.address == Address::v4(192, 0, 2, 5));
    CHECK(hosts.answer(RecordType::aaaa, "phone.example")->records.size() == 1);
    CHECK(hosts.answer(RecordType::aaaa, "phone")->kind == Kind::nothing);
    CHECK_FALSE(hosts.answer(RecordType::srv, "phone.example"));
    CHECK_FALSE(hosts.answer(RecordType::a, "other.example"));
    CHECK_FALSE(hosts.answer(RecordType::a, "odd"));
    for (const char* name : {"localhost", "a.LOCALHOST"}) {
        CHECK(hosts.answer(RecordType::a, name)->records[0].record.address ==
              Address::v4(127, 0, 0, 1));
        CHECK(hosts.answer(RecordType::srv, name)->kind == Kind::nothing);
    }
    CHECK_FALSE(hosts.answer(RecordType::a, "notlocalhost"));
}

TEST_CASE("the address of a name server, with a port or without") {
    CHECK(edge::parse_name_server("192.0.2.53")->port == 53);
    CHECK(edge::parse_name_server("127.0.0.1:5353")->port == 5353);
    CHECK(edge::parse_name_server("[2001:db8::53]:5353")->port == 5353);
    CHECK(edge::parse_name_server("[2001:db8::53]")->port == 53);
    CHECK(edge::parse_name_server("2001:db8::53")->port == 53);
    for (const char* wrong : {"", "ns.example", "192.0.2.53:", "192.0.2.53:0", "192.0.2.53:65536",
                              "192.0.2.53:x", ":53"})
        CHECK_FALSE(edge::parse_name_server(wrong));
}
