#include "sip/transaction/reply.hpp"

#include <doctest/doctest.h>

#include <string>

#include "tests/support/stack_world.hpp"

using namespace sip;

namespace {

/// One request that came from `from`, and the answer to it.
struct Asked {
    explicit Asked(const std::string& via,
                   const Endpoint& from = {Address::v4(192, 0, 2, 99), 5062}) {
        world.net.peer = from;
        answer = world.say(StackWorld::text("MESSAGE", via));
    }
    StackWorld world;
    RawMessage answer;
};
const Address other = Address::v4(198, 51, 100, 7);

}  // namespace

TEST_CASE("R3261-18.2.1-2: received is added where the sent-by is a name or another address") {
    CHECK(Asked("SIP/2.0/UDP 192.0.2.99:5062;branch=z9hG4bK1").answer.field("Via") ==
          "SIP/2.0/UDP 192.0.2.99:5062;branch=z9hG4bK1");
    CHECK(Asked("SIP/2.0/UDP 192.0.2.98:5062;branch=z9hG4bK1").answer.field("Via") ==
          "SIP/2.0/UDP 192.0.2.98:5062;branch=z9hG4bK1;received=192.0.2.99");
    CHECK(Asked("SIP/2.0/UDP phone.example;branch=z9hG4bK1").answer.field("Via") ==
          "SIP/2.0/UDP phone.example;branch=z9hG4bK1;received=192.0.2.99");
    // What a client claims to have been received from is replaced.
    CHECK(Asked("SIP/2.0/UDP phone.example;received=203.0.113.1;branch=z9hG4bK1;x=\"a b\"")
              .answer.field("Via") ==
          "SIP/2.0/UDP phone.example;branch=z9hG4bK1;x=\"a b\";received=192.0.2.99");
}

TEST_CASE(
    "R3581-4-1: rport is filled in, received always with it, and the answer goes back there") {
    const Endpoint nat{other, 40'001};
    const Asked asked("SIP/2.0/UDP 192.168.0.5:5070;rport;branch=z9hG4bK1", nat);
    CHECK(asked.answer.field("Via") ==
          "SIP/2.0/UDP 192.168.0.5:5070;branch=z9hG4bK1;received=198.51.100.7;rport=40001");
    CHECK(asked.answer.to == nat);
    CHECK(Asked("SIP/2.0/UDP 192.0.2.99:5062;rport=9;branch=z9hG4bK1").answer.field("Via") ==
          "SIP/2.0/UDP 192.0.2.99:5062;branch=z9hG4bK1;received=192.0.2.99;rport=5062");
}

TEST_CASE("R3261-18.2.2-2: without rport the answer goes to the source at the sent-by port") {
    const Endpoint source{other, 40'001};
    CHECK(Asked("SIP/2.0/UDP 192.168.0.5:5070;branch=z9hG4bK1", source).answer.to ==
          Endpoint{other, 5070});
    CHECK(Asked("SIP/2.0/UDP 192.168.0.5;branch=z9hG4bK1", source).answer.to ==
          Endpoint{other, 5060});
    CHECK(Asked("SIP/2.0/UDP phone.example;branch=z9hG4bK1", source).answer.to ==
          Endpoint{other, 5060});
}

TEST_CASE(
    "R3261-18.2.2-2 T-25: a numeric maddr goes before received and rport, but not for a stranger") {
    const Source source{Transport::udp, ListenerId{1}, {}, {}, Endpoint{other, 40'001}};
    const auto remote = [&](std::string_view text, Sender sender) {
        const auto via = next_via(text);
        REQUIRE(via);
        REQUIRE(*via);
        return response_route(**via, source, sender).target.remote;
    };
    const std::string numeric =
        "SIP/2.0/UDP 192.168.0.5:5070;maddr=203.0.113.9;rport;branch=z9hG4bK1";
    CHECK(remote(numeric, Sender::proved) == Endpoint{Address::v4(203, 0, 113, 9), 5070});
    CHECK(remote(numeric, Sender::stranger) == source.remote);
    CHECK(remote("SIP/2.0/UDP 192.168.0.5:5070;maddr=a.name.example;rport;branch=z9hG4bK1",
                 Sender::proved) == source.remote);
    CHECK(Asked(numeric, source.remote).answer.to == source.remote);
}

TEST_CASE("R5118-4.5 R5952-4-1: received is written without brackets, in the short form") {
    SeededEntropy entropy;
    Stack stack({}, entropy);
    ScriptedUser user(stack.core());
    RawWorld<Stack> net(stack);
    const auto v6 = parse_numeric_host("[2001:db8::1]");
    const auto remote = parse_numeric_host("[2001:DB8:0:0:0:0:0:99]");
    REQUIRE(v6);
    REQUIRE(remote);
    REQUIRE(stack.add_listener({ListenerId{9}, Transport::udp, {*v6, 5060}, {}}));
    const std::string text =
        StackWorld::text("OPTIONS", "SIP/2.0/UDP [2001:db8::5]:5070;rport;branch=z9hG4bK1");
    const std::vector<char> bytes(text.begin(), text.end());
    stack.input(net.now, Datagram{ListenerId{9}, {*remote, 6000}, bytes});
    net.drain();
    const RawMessage answer = net.take();
    CHECK(answer.field("Via") ==
          "SIP/2.0/UDP [2001:db8::5]:5070;branch=z9hG4bK1;received=2001:db8::99;rport=6000");
    CHECK(answer.to == Endpoint{*remote, 6000});
}

TEST_CASE("R3261-8.2.6.2-1: From, Call-ID, CSeq, To and every Via in order go back as they came") {
    StackWorld world;
    const std::string text =
        "MESSAGE sip:alice@example.com SIP/2.0\r\n"
        "v: SIP/2.0/UDP 192.0.2.99:5062;branch=z9hG4bK1 , SIP/2.0/TCP b.example;branch=z9hG4bK2\r\n"
        "Via: SIP / 2.0 / UNHEARD-OF c.example;hidden\r\n"
        "f: \"Bob, of; there\"   <sip:bob@example.com>;x=y;tag=b\r\n"
        "To: Alice\r\n  <sip:alice@example.com>;quiet\r\n"
        "i: call@1\r\nCSeq: 0009   MESSAGE\r\n\r\n";
    const RawMessage answer = world.say(text);
    CHECK(answer.status() == 200);
    CHECK(answer.fields("Via") ==
          std::vector<std::string>{
              "SIP/2.0/UDP 192.0.2.99:5062;branch=z9hG4bK1, SIP/2.0/TCP b.example;branch=z9hG4bK2",
              "SIP / 2.0 / UNHEARD-OF c.example;hidden"});
    CHECK(answer.field("From") == "\"Bob, of; there\"   <sip:bob@example.com>;x=y;tag=b");
    CHECK(answer.field("To").starts_with("Alice <sip:alice@example.com>;quiet;tag="));
    CHECK(answer.field("Call-ID") == "call@1");
    CHECK(answer.field("CSeq") == "0009   MESSAGE");
}

TEST_CASE("R3261-8.2.6.2-2: a To tag is added where there was none, never where there was one") {
    StackWorld world;
    RawRequest request = StackWorld::request();
    request.to = "<sip:alice@example.com>;tag=theirs";
    CHECK(world.net.ask(request).field("To") == "<sip:alice@example.com>;tag=theirs");
}

TEST_CASE(
    "R3261-8.2.6.2-2 R3261-8.2.7-1: the To tag of answers without state is that of each copy") {
    StackWorld world;
    const std::string broken =
        "MESSAGE sip:alice@example.com SIP/2.0\r\nVia: SIP/2.0/UDP "
        "192.0.2.99:5062;branch=z9hG4bK1\r\n"
        "From: <sip:bob@example.com>;tag=b\r\nTo: <sip:alice@example.com>\r\n"
        "Call-ID: call-1\r\nCSeq: 1 BYE\r\n\r\n";
    const RawMessage first = world.say(broken);
    CHECK(first.status() == 400);
    CHECK(first.to_tag().size() == 16);
    CHECK(world.say(broken).text == first.text);
    std::string other_call = broken;
    other_call.replace(other_call.find("call-1"), 6, "call-2");
    CHECK(world.say(other_call).to_tag() != first.to_tag());
    // Another server has another secret.
    SeededEntropy entropy(99);
    Stack stack({}, entropy);
    RawWorld<Stack> net(stack);
    net.input(broken);
    CHECK(net.take().to_tag() != first.to_tag());
}

TEST_CASE("R3261-8.2.6.1-1: Timestamp goes into a 100, and into no other answer") {
    StackWorld world;
    world.user.script = [](const Request&) { return 0; };
    RawRequest request = StackWorld::request();
    request.with("Timestamp: 54.2");
    world.net.ask(request);
    world.net.pass(seconds{4});
    CHECK(world.net.take().field("Timestamp") == "54.2");
    world.user.say(world.net.now, 0);
    world.net.drain();
    CHECK_FALSE(world.net.take().has("Timestamp"));
}

TEST_CASE("T-25 T-8: a malformed request is answered with less than it brought, and no raw byte") {
    StackWorld world;
    std::string text =
        "MESSAGE sip:alice@example.com SIP/2.0\r\nVia: SIP/2.0/UDP "
        "192.0.2.99:5062;branch=z9hG4bK1\r\n"
        "From: <sip:bob@example.com>;tag=b\r\nTo: \"x\x01y\" <sip:alice@example.com>\r\n"
        "Call-ID: call-1\r\nCSeq: 1 MESSAGE\r\nX: " +
        std::string(600, 'x') + "\r\n\r\n";
    const RawMessage answer = world.say(text);
    CHECK(answer.status() == 400);
    CHECK(answer.body().empty());
    CHECK(answer.text.size() < text.size());
    CHECK(answer.text.find('\x01') == std::string::npos);
}

TEST_CASE("R3261-8.2.6.2-1 T-2: To and From go back as they came, whatever is wrong with the tag") {
    StackWorld world;
    for (const std::string tag :
         {";tag=\"x\"", ";tag=\"\"", ";tag", ";tag=a;tag=b", ";x=\"a\\\"b\";Tag=\"q\""}) {
        CAPTURE(tag);
        std::string text =
            StackWorld::text("MESSAGE", "SIP/2.0/UDP 192.0.2.99:5062;branch=z9hG4bK1");
        const std::string to = "To: <sip:alice@example.com>";
        text.insert(text.find(to) + to.size(), tag);
        const RawMessage answer = world.say(text);
        CHECK(answer.status() == 400);
        CHECK(answer.field("To") == "<sip:alice@example.com>" + tag);
        CHECK(answer.field("From") == "<sip:bob@example.com>;tag=b");
    }
}

TEST_CASE(
    "R3261-8.2.6.2-1 R3261-7.3.1-2: a folded To is tagged on one line, other values kept whole") {
    StackWorld world;
    std::string text = StackWorld::text("MESSAGE",
                                        "SIP/2.0/UDP 192.0.2.99:5062;branch=z9hG4bK1\r\n "
                                        ";x=\"a\\\"\\\\\"\r\n ,\r\n\tSIP/2.0/UDP b");
    const std::string to = "To: <sip:alice@example.com>";
    text.insert(text.find(to) + to.size(), "\r\n ;x=\"y;\\\"z\"");
    const RawMessage answer = world.say(text);
    CHECK(answer.status() == 200);
    CHECK(answer.field("To").starts_with("<sip:alice@example.com> ;x=\"y;\\\"z\";tag="));
    CHECK(answer.field("Via") ==
          "SIP/2.0/UDP 192.0.2.99:5062;branch=z9hG4bK1;x=\"a\\\"\\\\\", SIP/2.0/UDP b");
    CHECK(answer.text.find("\r\n ") == std::string::npos);
}

TEST_CASE("T-8: of a broken request nothing goes back raw, a backslash before it or not") {
    StackWorld world;
    using namespace std::string_literals;
    for (const std::string& bad : {"\x01"s, "\\\0"s, "\x7f"s, "\"a\" \\\0"s, "\\\x7f"s}) {
        for (const char* field : {"From", "To", "Call-ID", "CSeq", "Via"}) {
            std::string text =
                StackWorld::text("MESSAGE", "SIP/2.0/UDP 192.0.2.99:5062;branch=z9hG4bK1");
            const std::string start = "\r\n" + std::string(field) + ": ";
            const auto end = text.find("\r\n", text.find(start) + 2);
            text.insert(end, ";x=" + bad);
            const RawMessage answer = world.say(text);
            CAPTURE(field);
            CHECK(answer.status() == 400);
            for (char c : {'\0', '\x01', '\x7f'}) CHECK(answer.text.find(c) == std::string::npos);
        }
    }
}

TEST_CASE("an answer that would be one byte too long becomes a bare 500") {
    RawRequest request = StackWorld::request("OPTIONS");
    request.branch = "z9hG4bKfixed";
    StackOptions options;
    options.limits.response_bytes =
        static_cast<std::uint32_t>(StackWorld().net.ask(request).text.size());
    StackWorld fits(options);
    CHECK(fits.net.ask(request).status() == 200);
    --options.limits.response_bytes;
    StackWorld world(options);
    const RawMessage answer = world.net.ask(request);
    CHECK(answer.text.size() <= options.limits.response_bytes);
    CHECK(answer.status() == 500);
    CHECK(world.stack.counters().limit_response_bytes == 1);
}
