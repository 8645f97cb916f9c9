// How a UAS and registrar treat the messages of RFC 4475 and RFC 5118: those of their kinds that
// are our own, and where a standards folder is at hand the RFCs' very bytes.

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <vector>

#include "sip/auth/digest_gate.hpp"
#include "sip/message/essentials.hpp"
#include "tests/sip/auth/digest_world.hpp"
#include "tests/support/paths.hpp"
#include "tests/support/test_uas.hpp"
#include "tests/support/vectors.hpp"

using namespace sip;

namespace {

constexpr int silence = 0;

std::string method_of_text(const std::string& text) { return text.substr(0, text.find(' ')); }

/// The host of the Request-URI, as it stands: the domain to register at.
std::string host_of(const std::string& text) {
    const auto start = text.find(' ') + 1;
    const std::string target = text.substr(start, text.find(' ', start) - start);
    const auto uri = parse_uri(target);
    return uri ? std::string(uri->host) : std::string("example.com");
}

/// Both forms of one message.
struct Form {
    std::string name, text;
    bool ours;
};
std::vector<Form> forms_of(const std::string& name) {
    std::vector<Form> forms{{name, torture_vector(name).bytes, true}};
    if (auto original = original_torture_message(name))
        forms.push_back({name, std::move(*original), false});
    return forms;
}

/// How many Via values there are.
std::size_t vias_in(const std::string& text) {
    std::size_t count = 0;
    for (std::size_t i = 0; (i = text.find("SIP/2.0/", i)) != std::string::npos; ++i) ++count;
    return count;
}

/// The contacts of a 200 to REGISTER, without the expiry.
std::vector<std::string> bindings(const RawMessage& answer) {
    std::vector<std::string> found;
    for (std::string value : answer.fields("Contact")) {
        for (const char* name : {";expires=3600", ";q=1.0"})
            if (const auto at = value.find(name); at != std::string::npos)
                value.erase(at, std::string(name).size());
        found.push_back(value);
    }
    return found;
}

/// Sends the message by UDP to a new UAS and has `check(answer, uas, form)` look at what came of
/// it. Whatever that was, the UAS lives on and serves the next.
template <class Check>
void treat(const std::string& name, int status, Check check) {
    for (const Form& form : forms_of(name)) {
        CAPTURE(form.name);
        CAPTURE(form.ours);
        TestUas uas({host_of(form.text)});
        const RawMessage answer = uas.say(form.text);
        CAPTURE(answer.text);
        CHECK(answer.status() == status);
        CHECK_FALSE(uas.net.take());  // one answer at most
        check(answer, uas, form);
        CHECK(uas.say("OPTIONS sip:next@example.com SIP/2.0\r\nVia: SIP/2.0/UDP "
                      "192.0.2.99:5062;branch=z9hG4bKnext\r\nFrom: <sip:a@b>;tag=1\r\nTo: "
                      "<sip:next@example.com>\r\nCall-ID: next\r\nCSeq: 1 OPTIONS\r\n\r\n")
                  .status() == 200);
    }
}
void treat(const std::string& name, int status) {
    treat(name, status, [](const RawMessage&, TestUas&, const Form&) {});
}
/// A request that is refused for its form: said in so many words, and nothing kept.
void treat_malformed(const std::string& name, int status = 400) {
    treat(name, status, [](const RawMessage& answer, TestUas& uas, const Form&) {
        CHECK(answer.reason() != "Bad Request");
        CHECK(uas.stack.servers().size() == 0);
        CHECK(uas.registrar.size() == 0);
        CHECK(uas.callee.requests == 0);
        CHECK(uas.stack.counters().malformed_requests == 1);
    });
}
/// A well-formed request of which nobody here knows anything but its method.
void treat_by_method(const std::string& name) {
    for (const Form& form : forms_of(name)) {
        CAPTURE(form.name);
        CAPTURE(form.ours);
        const std::string method = method_of_text(form.text);
        TestUas uas({host_of(form.text)});
        const RawMessage answer = uas.say(form.text);
        CAPTURE(answer.text);
        CHECK(answer.status() == (method == "BYE" ? 481 : 200));
        CHECK(uas.stack.counters().malformed_requests == 0);
        CHECK(answer.field("CSeq").ends_with(method));
    }
}

}  // namespace

TEST_CASE("R4475-3.1.1.1: wsinv is an INVITE like any") {
    treat("wsinv", 200, [](const RawMessage& answer, TestUas& uas, const Form& form) {
        CHECK(uas.callee.requests == 1);
        CHECK(answer.fields("Via").size() >= 2);
        if (!form.ours) CHECK(answer.field("CSeq").starts_with("0009"));
    });
}
TEST_CASE("R4475-3.1.1.2: intmeth is 501, with Allow") {
    treat("intmeth", 501, [](const RawMessage& answer, TestUas&, const Form&) {
        CHECK(answer.field("Allow") == "OPTIONS, INVITE, ACK, BYE, CANCEL, REGISTER, MESSAGE");
    });
}
TEST_CASE("R4475-3.1.1.3: esc01 is an INVITE like any") { treat("esc01", 200); }
TEST_CASE("R4475-3.1.1.4: escnull binds both of its contacts, to the whole address") {
    treat("escnull", 200, [](const RawMessage& answer, TestUas& uas, const Form&) {
        const auto bound = bindings(answer);
        REQUIRE(bound.size() == 2);
        CHECK(bound[0] != bound[1]);
        for (const std::string& one : bound) CHECK(one.find("sip:%00") != std::string::npos);
        CHECK(uas.registrar.size() == 2);
    });
}
TEST_CASE("R4475-3.1.1.5: esc02 has a method that is unknown: 501") { treat("esc02", 501); }
TEST_CASE("R4475-3.1.1.6: lwsdisp is accepted") { treat_by_method("lwsdisp"); }
TEST_CASE("R4475-3.1.1.7: longreq is accepted, and every Via goes back") {
    treat("longreq", 200, [](const RawMessage& answer, TestUas&, const Form& form) {
        CHECK(vias_in(answer.text) == vias_in(form.text));
        CHECK(vias_in(answer.text) > 20);
    });
}
TEST_CASE("R4475-3.1.1.8: dblreq is one REGISTER; what stands behind it by UDP is not looked at") {
    treat("dblreq", 200, [](const RawMessage& answer, TestUas& uas, const Form&) {
        CHECK(answer.field("CSeq").ends_with("REGISTER"));
        CHECK(uas.registrar.size() == 1);
        CHECK(uas.callee.requests == 0);
    });
}
TEST_CASE("R4475-3.1.1.9: semiuri is accepted") { treat_by_method("semiuri"); }
TEST_CASE("R4475-3.1.1.10: transports is accepted, its Vias go back as they came") {
    treat("transports", 200, [](const RawMessage& answer, TestUas&, const Form& form) {
        CHECK(vias_in(answer.text) == vias_in(form.text));
        CHECK(vias_in(answer.text) >= 5);
        if (!form.ours) CHECK(answer.text.find("SIP/2.0/UNKNOWN") != std::string::npos);
    });
}
TEST_CASE("R4475-3.1.1.11: mpart01 is a MESSAGE, taken with its binary body") {
    treat("mpart01", 200,
          [](const RawMessage&, TestUas& uas, const Form&) { CHECK(uas.callee.requests == 1); });
}
TEST_CASE("R4475-3.1.1.12 R4475-3.1.1.13: unreason and noreason are responses to nobody: silence") {
    for (const char* name : {"unreason", "noreason"})
        treat(name, silence, [](const RawMessage&, TestUas& uas, const Form&) {
            const Counters& c = uas.stack.counters();
            CHECK(c.malformed_responses == 0);
            CHECK(c.unmatched_responses + c.foreign_responses == 1);
        });
}

TEST_CASE("R4475-3.1.2.1: badinv01 is 400") { treat_malformed("badinv01"); }
TEST_CASE("R4475-3.1.2.2: clerr is 400 by UDP") { treat_malformed("clerr"); }
TEST_CASE("R4475-3.1.2.3: ncl is 400 by UDP") { treat_malformed("ncl"); }
TEST_CASE("R4475-3.1.2.4: scalar02 is 400") { treat_malformed("scalar02"); }
TEST_CASE("R4475-3.1.2.5: scalarlg is dropped in silence") {
    treat("scalarlg", silence, [](const RawMessage&, TestUas& uas, const Form&) {
        CHECK(uas.stack.counters().malformed_responses == 1);
    });
}
TEST_CASE("R4475-3.1.2.6: quotbal is 400") { treat_malformed("quotbal"); }
TEST_CASE("R4475-3.1.2.7: ltgtruri is 400") { treat_malformed("ltgtruri"); }
TEST_CASE("R4475-3.1.2.8: lwsruri is 400") { treat_malformed("lwsruri"); }
TEST_CASE("R4475-3.1.2.9: lwsstart is 400") { treat_malformed("lwsstart"); }
TEST_CASE("R4475-3.1.2.10: trws is 400") { treat_malformed("trws"); }
TEST_CASE("R4475-3.1.2.11: escruri is 400") { treat_malformed("escruri"); }
TEST_CASE("R4475-3.1.2.12: baddate is served: its Date matters to nobody") {
    treat("baddate", 200);
}
TEST_CASE("R4475-3.1.2.13: regbadct is 400, and binds nothing") { treat_malformed("regbadct"); }
TEST_CASE("R4475-3.1.2.14: badaspec is 400") { treat_malformed("badaspec"); }
TEST_CASE("R4475-3.1.2.15: baddn is 400") { treat_malformed("baddn"); }
TEST_CASE("R4475-3.1.2.16: badvers is 505") { treat_malformed("badvers", 505); }
TEST_CASE("R4475-3.1.2.17: mismatch01 is 400") { treat_malformed("mismatch01"); }
TEST_CASE("R4475-3.1.2.18: mismatch02 is 501") { treat("mismatch02", 501); }
TEST_CASE("R4475-3.1.2.19: bigcode is dropped in silence") {
    treat("bigcode", silence, [](const RawMessage&, TestUas& uas, const Form&) {
        CHECK(uas.stack.counters().malformed_responses == 1);
    });
}

TEST_CASE("R4475-3.2.1: badbranch is matched as RFC 2543 did, and a copy absorbed") {
    treat("badbranch", 200, [](const RawMessage& answer, TestUas& uas, const Form& form) {
        CHECK(uas.say(form.text).text == answer.text);
        // OPTIONS keeps nothing; what does is matched by the fields.
        std::string message = form.text;
        for (auto at = message.find("OPTIONS"); at != std::string::npos;
             at = message.find("OPTIONS"))
            message.replace(at, 7, "MESSAGE");
        const RawMessage first = uas.say(message);
        CHECK(uas.say(message).text == first.text);
        CHECK(uas.stack.counters().retransmissions_in == 1);
    });
}
TEST_CASE("R4475-3.3.1: insuf is 400") { treat_malformed("insuf"); }
TEST_CASE("R4475-3.3.2: unkscm is 416") { treat("unkscm", 416); }
TEST_CASE("R4475-3.3.3: novelsc is 416") { treat("novelsc", 416); }
TEST_CASE("R4475-3.3.4: unksm2 is 400 at a registrar") {
    treat("unksm2", 400, [](const RawMessage& answer, TestUas& uas, const Form&) {
        CHECK(answer.reason().starts_with("To"));
        CHECK(uas.registrar.size() == 0);
    });
}
TEST_CASE("R4475-3.3.5: bext01 is 420, and Unsupported lists what Require asked for") {
    treat("bext01", 420, [](const RawMessage& answer, TestUas&, const Form& form) {
        const auto at = form.text.find("\r\nRequire:") + 10;
        const std::string wanted = form.text.substr(at, form.text.find("\r\n", at) - at);
        CHECK(" " + answer.field("Unsupported") == wanted);
    });
}
TEST_CASE("R4475-3.3.6: invut is 415, with Accept") {
    treat("invut", 415, [](const RawMessage& answer, TestUas&, const Form&) {
        CHECK(answer.field("Accept") == "application/sdp");
    });
}
TEST_CASE("R4475-3.3.7: regaut01 is registered where nobody asks, and 401 where one does") {
    treat("regaut01", 200);
    for (const Form& form : forms_of("regaut01")) {
        TestUas uas({host_of(form.text)});
        const TestUsers users;
        DigestServer server(uas.stack.shard().memory, uas.entropy, {});
        DigestGate gate(server, users, uas.names);
        uas.stack.set_gate(&gate);
        const RawMessage answer = uas.say(form.text);
        CHECK(answer.status() == 401);
        CHECK(answer.field("WWW-Authenticate").starts_with("Digest "));
    }
}
TEST_CASE("R4475-3.3.8: multi01 is 400") { treat_malformed("multi01"); }
TEST_CASE("R4475-3.3.9: mcl01 is 400 by UDP") { treat_malformed("mcl01"); }
TEST_CASE("R4475-3.3.10: bcast is a response with Vias of others: dropped in silence") {
    treat("bcast", silence, [](const RawMessage&, TestUas& uas, const Form&) {
        CHECK(uas.stack.counters().foreign_responses == 1);
    });
}
TEST_CASE("R4475-3.3.11: zeromf is served by the element that it is for") {
    treat_by_method("zeromf");
}
TEST_CASE("R4475-3.3.12: cparam01 has a parameter of the field, and not of the URI") {
    treat("cparam01", 200, [](const RawMessage& answer, TestUas&, const Form& form) {
        const std::string name = form.ours ? "hue" : "unknownparam";
        const auto bound = bindings(answer);
        REQUIRE(bound.size() == 1);
        CHECK(bound[0].find(">;" + name) != std::string::npos);
        CHECK(bound[0].find(name + ">") == std::string::npos);
    });
}
TEST_CASE("R4475-3.3.13: cparam02 has a parameter of the URI, which comes back in it") {
    treat("cparam02", 200, [](const RawMessage& answer, TestUas&, const Form& form) {
        const auto bound = bindings(answer);
        REQUIRE(bound.size() == 1);
        CHECK(bound[0].find(std::string(form.ours ? ";hue" : ";unknownparam") + ">") !=
              std::string::npos);
    });
}
TEST_CASE("R4475-3.3.14: regescrt gets its contact back with the escaped Route in it") {
    treat("regescrt", 200, [](const RawMessage& answer, TestUas&, const Form&) {
        const auto bound = bindings(answer);
        REQUIRE(bound.size() == 1);
        CHECK(bound[0].find("?Route=%3Csip:") != std::string::npos);
    });
}
TEST_CASE("R4475-3.3.15: sdp01 is 406, with Warning 399") {
    treat("sdp01", 406, [](const RawMessage& answer, TestUas&, const Form&) {
        CHECK(answer.field("Warning").starts_with("399 "));
    });
}
TEST_CASE("R4475-3.4.1: inv2543 is accepted, its body taken to the end of the datagram") {
    treat("inv2543", 200,
          [](const RawMessage&, TestUas& uas, const Form&) { CHECK(uas.callee.requests == 1); });
}
TEST_CASE("the stray file of RFC 4475's archive gets a 400 or nothing") {
    for (const Form& form : forms_of("test")) {
        TestUas uas;
        const RawMessage answer = uas.say(form.text);
        CHECK((!answer || answer.status() == 400));
        CHECK(uas.callee.requests == 0);
    }
}

TEST_CASE("R5118-4.1: ipv6-good is registered") {
    treat("ipv6-good", 200, [](const RawMessage& answer, TestUas&, const Form&) {
        const auto bound = bindings(answer);
        REQUIRE(bound.size() == 1);
        CHECK(bound[0].find("@[2001:db8") != std::string::npos);
    });
}
TEST_CASE("R5118-4.2: ipv6-bad is 400") { treat_malformed("ipv6-bad"); }
TEST_CASE("R5118-4.3 R5118-4.4: port-ambiguous is an address, port-unambiguous one with a port") {
    // The address that stands in the first is the domain; the port of the second is none of it.
    for (const Form& form : forms_of("port-ambiguous")) {
        CHECK(host_of(form.text).ends_with(form.ours ? ":5090]" : ":5070]"));
        CHECK(TestUas({host_of(form.text)}).say(form.text).status() == 200);
        CHECK(TestUas({form.ours ? "[2001:db8:a::1]" : "[2001:db8::10]"}).say(form.text).status() ==
              404);
    }
    for (const Form& form : forms_of("port-unambiguous"))
        CHECK(TestUas({form.ours ? "[2001:db8:a::1]" : "[2001:db8::10]"}).say(form.text).status() ==
              200);
}
TEST_CASE("R5118-4.5: received is read with and without brackets") {
    treat_by_method("via-received-param-with-delim");
    treat_by_method("via-received-param-no-delim");
}
TEST_CASE("R5118-4.6 R5118-4.8 R5118-4.9: INVITEs with IPv6 addresses in SDP, Via and Contact") {
    for (const char* name : {"ipv6-in-sdp", "mult-ip-in-sdp", "ipv4-mapped-ipv6"}) treat(name, 200);
}
TEST_CASE("R5118-4.7: mult-ip-in-header is a BYE whose Vias go back as they came") {
    treat("mult-ip-in-header", 481, [](const RawMessage& answer, TestUas&, const Form&) {
        CHECK(answer.fields("Via").size() >= 2);
    });
}
TEST_CASE("R5118-4.10: three colons before an IPv4 suffix are taken, and two") {
    treat_by_method("ipv6-bug-abnf-3-colons");
    treat_by_method("ipv6-correct-abnf-2-colons");
}

TEST_CASE("ROUR-8 R3261-18.3-2: on a stream each is treated as its framing lets it be") {
    for (const TortureVector& vector : torture_vectors()) {
        CAPTURE(vector.name);
        TestUas by_udp({host_of(vector.bytes)}), by_tcp({host_of(vector.bytes)});
        const RawMessage wanted = by_udp.say(vector.bytes);
        const FlowId flow = by_tcp.net.connect();
        by_tcp.net.input(flow, vector.bytes);
        const RawMessage got = by_tcp.net.take();
        if (vector.on_stream == "need_more") {
            CHECK_FALSE(got);
            CHECK(by_tcp.net.closed.empty());
            by_tcp.net.pass(seconds{30});
            CHECK(by_tcp.net.closed.size() == 1);
            CHECK(by_tcp.callee.requests == 0);
        } else if (vector.on_stream == vector.outcome) {
            // Without a Via a datagram has no answer; a connection has its other end.
            CHECK(got.status() == (vector.name == "test" ? 400 : wanted.status()));
        } else {
            // What a datagram could do without: Content-Length. Framing is lost.
            CHECK((!got || got.status() == 400));
            CHECK(by_tcp.net.closed.size() == 1);
            CHECK(by_tcp.callee.requests == 0);
        }
    }
}

TEST_CASE("R4475-OUR-1 T-1: each cut at every byte, with each byte made NUL or 0xFF: never worse") {
    for (const TortureVector& vector : torture_vectors()) {
        CAPTURE(vector.name);
        TestUas uas({host_of(vector.bytes)});
        const auto poke = [&](const std::string& text) {
            uas.net.sent.clear();
            const std::vector<char> bytes(text.begin(), text.end());
            uas.stack.input(uas.net.now, Datagram{RawWorld<Stack>::udp, uas.net.peer, bytes});
            uas.net.drain();
            for (const RawMessage& message : uas.net.sent) {
                CHECK(message.status() >= 100);
                // Within a quoted-pair it is kept; raw it never leaves.
                const auto nul = message.text.find('\0');
                CHECK((nul == std::string::npos || message.text[nul - 1] == '\\'));
            }
        };
        const std::size_t step = vector.bytes.size() > 1'500 ? 7 : 1;
        for (std::size_t i = 0; i < vector.bytes.size(); i += step) {
            poke(vector.bytes.substr(0, i));
            for (const char byte : {'\0', '\xff'}) {
                std::string text = vector.bytes;
                text[i] = byte;
                poke(text);
            }
        }
        uas.net.pass(seconds{40});
        CHECK(uas.stack.servers().size() == 0);
    }
}
