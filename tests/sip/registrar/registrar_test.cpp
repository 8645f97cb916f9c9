#include "sip/registrar/registrar.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <vector>

#include "tests/sip/registrar/registrar_world.hpp"
#include "tests/support/stored.hpp"

namespace {

using sip::seconds;

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("R3261-10.3-5: the 200 lists every binding with its expires, and has a Date") {
    RegistrarWorld w;
    const RawMessage first = w.add({"<sip:alice@192.0.2.5:5070>;q=0.5"}, "Expires: 600");
    CHECK(first.status() == 200);
    CHECK(first.fields("Contact") == Texts{"<sip:alice@192.0.2.5:5070>;q=0.5;expires=600"});
    CHECK(first.field("Date") == "Thu, 01 Jan 2026 00:00:00 GMT");

    w.world.pass(seconds{100});
    const RawMessage second = w.add({"<sip:alice@192.0.2.6>;expires=300"});
    CHECK(second.fields("Contact") == Texts{"<sip:alice@192.0.2.5:5070>;q=0.5;expires=500",
                                            "<sip:alice@192.0.2.6>;expires=300"});
    CHECK(w.listener.told == Texts{"alice@example.com", "alice@example.com"});

    // Without a Contact it is a question.
    const RawMessage query = w.add({});
    CHECK(query.fields("Contact") == Texts{"<sip:alice@192.0.2.6>;expires=300",
                                           "<sip:alice@192.0.2.5:5070>;q=0.5;expires=500"});
    CHECK(w.listener.told.size() == 2);
}

TEST_CASE("R3261-10.3-1: Request-URI domain, Require, right to change, existence, contacts") {
    RegistrarWorld w;
    // Each request breaks a rule and all the ones behind it; the first that is broken answers.
    const std::string bad_contact = "Contact: *";
    const auto ask = [&](const std::string& uri, const std::string& to, const std::string& require,
                         const std::string& from) {
        RawRequest request = w.request({});
        request.uri = uri;
        request.to = to;
        request.from = from;
        request.with(bad_contact);
        if (!require.empty()) request.with("Require: " + require);
        return w.world.ask(request);
    };
    const std::string alice = "<sip:alice@example.com>", carol = "<sip:carol@example.com>";
    const std::string from_alice = alice + ";tag=1", from_carol = carol + ";tag=1";
    CHECK(ask("sip:example.org", carol, "nonsense", from_alice).status() == 404);
    const RawMessage require = ask("sip:example.com", carol, "nonsense", from_alice);
    CHECK(require.status() == 420);
    CHECK(require.field("Unsupported") == "nonsense");
    CHECK(ask("sip:example.com", carol, "", from_alice).status() == 403);
    CHECK(ask("sip:example.com", carol, "", from_carol).status() == 404);
    CHECK(ask("sip:example.com", alice, "", from_alice).status() == 400);
    CHECK(w.registrar.size() == 0);
    CHECK(w.stack.shard().memory.used() > 0);
    // Domains compare in any case, and a port or parameters of the Request-URI do not matter.
    RawRequest good = w.request({"<sip:alice@192.0.2.5>"});
    good.uri = "sip:EXAMPLE.com:5060;transport=udp";
    CHECK(w.world.ask(good).status() == 200);
}

TEST_CASE("To must be a sip or sips address, and a fault is named") {
    RegistrarWorld w;
    RawRequest request = w.request({"<sip:alice@192.0.2.5>"});
    request.to = "<isbn:2983792873>";
    const RawMessage answer = w.world.ask(request);
    CHECK(answer.status() == 400);
    CHECK(answer.reason() == "To: a sip or sips URI expected");
    RawRequest tel = w.request({"<sip:alice@192.0.2.5>"});
    tel.to = "<tel:+15551234>";
    CHECK(w.world.ask(tel).status() == 400);
    CHECK(w.registrar.size() == 0);
}

TEST_CASE("R3261-10.3-2 R3261-20.10-1: a star removes all, with Expires 0 and alone") {
    RegistrarWorld w;
    w.add({"<sip:alice@192.0.2.5>", "<sip:alice@192.0.2.6>"});
    REQUIRE(w.registrar.size() == 2);
    const std::size_t told = w.listener.told.size();
    CHECK(w.add({"*"}).status() == 400);
    CHECK(w.add({"*"}, "Expires: 1").status() == 400);
    CHECK(w.add({"*"}, "Expires: soon").status() == 400);
    CHECK(w.add({"*", "<sip:alice@192.0.2.7>"}, "Expires: 0").status() == 400);
    CHECK(w.add({"*, *"}, "Expires: 0").status() == 400);
    CHECK(w.registrar.size() == 2);
    CHECK(w.listener.told.size() == told);

    const RawMessage answer = w.add({"*"}, "Expires: 0");
    CHECK(answer.status() == 200);
    CHECK_FALSE(answer.has("Contact"));
    CHECK(w.registrar.size() == 0);
    CHECK(w.listener.told.size() == told + 1);
    // Again, with nothing there: fine, and nobody is told.
    CHECK(w.add({"*"}, "Expires: 0").status() == 200);
    CHECK(w.listener.told.size() == told + 1);
}

TEST_CASE("R3261-10.3-3: expires of the contact, then of the request, then 3600") {
    RegistrarWorld w;
    const auto granted = [&](const std::string& contact, const std::string& field) {
        const RawMessage answer = w.add({"<sip:alice@192.0.2.5>" + contact}, field);
        const std::string value = answer.field("Contact");
        const auto at = value.find("expires=");
        return at == std::string::npos ? std::to_string(answer.status()) : value.substr(at + 8);
    };
    CHECK(granted(";expires=120", "Expires: 600") == "120");
    CHECK(granted("", "Expires: 600") == "600");
    CHECK(granted("", "") == "3600");
    // R3261-20.19-1: what cannot be read counts as 3600.
    CHECK(granted("", "Expires: never") == "3600");
    CHECK(granted(";expires=99999999999", "Expires: 600") == "3600");
    CHECK(granted(";expires=soon", "Expires: 600") == "3600");
    // The maximum cuts, whatever comes.
    CHECK(granted(";expires=7200", "") == "7200");
    CHECK(granted(";expires=7201", "") == "7200");
    CHECK(granted("", "Expires: 4294967295") == "7200");
    // The minimum.
    CHECK(granted(";expires=60", "") == "60");
    CHECK(granted(";expires=59", "") == "423");
    CHECK(granted(";expires=1", "Expires: 600") == "423");
    // 0 removes, and is never too brief.
    CHECK(granted(";expires=0", "") == "200");
    CHECK(w.registrar.size() == 0);
}

TEST_CASE("R3261-10.3-3: 423 names the minimum, and an hour is never too brief") {
    RegistrarWorld w({}, {.expires_default_s = 9000, .expires_min_s = 5000, .expires_max_s = 9000});
    const RawMessage brief = w.add({"<sip:alice@192.0.2.5>;expires=3599"});
    CHECK(brief.status() == 423);
    CHECK(brief.field("Min-Expires") == "5000");
    CHECK(w.add({"<sip:alice@192.0.2.5>;expires=3600"}).status() == 200);
    CHECK(w.add({"<sip:alice@192.0.2.6>"}).fields("Contact").back() ==
          "<sip:alice@192.0.2.6>;expires=9000");
}

TEST_CASE("R3261-10.3-4: a request changes all it asks for or nothing") {
    RegistrarWorld w;
    w.add({"<sip:alice@192.0.2.5>"});
    const std::size_t told = w.listener.told.size();
    const std::size_t memory = w.stack.shard().memory.used();
    // The second contact is too brief: the first is not added, the third not removed.
    CHECK(w.add({"<sip:alice@192.0.2.6>", "<sip:alice@192.0.2.7>;expires=5",
                 "<sip:alice@192.0.2.5>;expires=0"})
              .status() == 423);
    CHECK(w.contacts() == Texts{"sip:alice@192.0.2.5"});
    CHECK(w.listener.told.size() == told);
    w.world.pass(seconds{33});  // the transactions are gone, and with them all that they kept
    CHECK(w.stack.shard().memory.used() <= memory + 65536);
}

TEST_CASE("R3261-10.3-4: the same Call-ID wants a higher CSeq; another Call-ID does not") {
    RegistrarWorld w;
    // Once its transaction is gone, a late copy is no merged request any more.
    const auto ask_late = [&](const RawRequest& request) {
        w.world.pass(seconds{33});
        return w.world.ask(request);
    };
    w.add({"<sip:alice@192.0.2.5>;q=0.1"});  // CSeq 1
    RawRequest late = w.request({"<sip:alice@192.0.2.5>;q=0.9", "<sip:alice@192.0.2.6>"});
    late.cseq = 1;
    const RawMessage answer = ask_late(late);
    CHECK(answer.status() == 500);
    CHECK(answer.reason() == "CSeq is not above that of the binding");
    CHECK(w.contacts().size() == 1);
    RawRequest star = w.request({"*"});
    star.cseq = 1;
    star.with("Expires: 0");
    CHECK(ask_late(star).status() == 500);
    CHECK(w.contacts().size() == 1);
    RawRequest removal = w.request({"<sip:alice@192.0.2.5>;expires=0"});
    removal.cseq = 1;
    CHECK(ask_late(removal).status() == 500);

    RawRequest rebooted = w.request({"<sip:alice@192.0.2.5>;q=0.9"});
    rebooted.cseq = 1;
    rebooted.call_id = "call-2";
    CHECK(ask_late(rebooted).status() == 200);
    // From here on the new Call-ID counts.
    RawRequest again = w.request({"<sip:alice@192.0.2.5>"});
    again.cseq = 1;
    CHECK(ask_late(again).status() == 200);
}

TEST_CASE("R3261-10.3-6: bindings are compared as URIs") {
    RegistrarWorld w;
    w.add({"<sip:%61lice@HOST.example.org;transport=tcp;x=1>;expires=600"});
    w.add({"<sip:alice@host.EXAMPLE.org;Transport=TCP>;expires=700"});
    CHECK(w.contacts() == Texts{"sip:alice@host.EXAMPLE.org;Transport=TCP"});
    w.add({"<sip:alice@host.example.org>"});       // no transport: another one
    w.add({"<sip:alice@host.example.org:5060>"});  // a port: another one
    w.add({"<sip:Alice@host.example.org>"});       // user parts are case-sensitive
    CHECK(w.registrar.size() == 4);
    w.add({"<sip:alice@host.example.org;transport=tcp>;expires=0"});
    CHECK(w.registrar.size() == 3);
}

TEST_CASE("R3261-10.3-6: parameters of Contact and of its URI are kept apart") {
    RegistrarWorld w;
    CHECK(w.add({"sip:+19725552222@gw1.example.net;unknownparam"}).field("Contact") ==
          "<sip:+19725552222@gw1.example.net>;expires=3600;unknownparam");
    w.add({"*"}, "Expires: 0");
    CHECK(w.add({"<sip:+19725552222@gw1.example.net;unknownparam>"}).field("Contact") ==
          "<sip:+19725552222@gw1.example.net;unknownparam>;expires=3600");
    w.add({"*"}, "Expires: 0");
    const std::string with_headers = "<sip:alice@192.0.2.5?Route=%3Csip:sip.example.com%3E>";
    CHECK(w.add({with_headers}).field("Contact") == with_headers + ";expires=3600");
}

TEST_CASE("an escaped NUL in an address does not end it") {
    RegistrarWorld w;
    w.directory.addresses.insert("null-%00-null@example.com");
    RawRequest request{"REGISTER", "sip:example.com"};
    request.from = "sip:null-%00-null@example.com;tag=839923423";
    request.to = "sip:null-%00-null@example.com";
    request.with("Contact: <sip:%00@host5.example.com>")
        .with("Contact: <sip:%00%00@host5.example.com>");
    CHECK(w.world.ask(request).fields("Contact").size() == 2);
    CHECK(w.contacts("null-%00-null@example.com").size() == 2);
}

TEST_CASE("R3840-6-1: callee capabilities are kept with the binding") {
    RegistrarWorld w;
    w.add(
        {"<sip:alice@192.0.2.5>;q=0.25;methods=\"INVITE,SUBSCRIBE\";expires=99;events="
         "\"presence\""});
    std::string parameters;
    std::uint16_t q = 0;
    w.registrar.for_each("alice@example.com", [&](const sip::Registrar::Binding& binding) {
        parameters = binding.parameters;
        q = binding.q;
        CHECK(binding.has_q);
    });
    CHECK(parameters == ";methods=\"INVITE,SUBSCRIBE\";events=\"presence\"");
    CHECK(q == 250);
}

TEST_CASE("R3327-5.3-1: Path is stored, and shown to who supports it") {
    RegistrarWorld w;
    RawRequest request = w.request({"<sip:alice@192.0.2.5>"});
    request.with("Path: <sip:p2.example.com;lr>, <sip:p1.example.com;lr>")
        .with("Path: <sip:p0.example.com;lr>")
        .with("Supported: replaces, path");
    const RawMessage answer = w.world.ask(request);
    CHECK(answer.fields("Path") ==
          Texts{"<sip:p2.example.com;lr>, <sip:p1.example.com;lr>", "<sip:p0.example.com;lr>"});
    std::string path;
    w.registrar.for_each("alice@example.com",
                         [&](const sip::Registrar::Binding& binding) { path = binding.path; });
    CHECK(path == "<sip:p2.example.com;lr>, <sip:p1.example.com;lr>, <sip:p0.example.com;lr>");
    RawRequest plain = w.request({"<sip:alice@192.0.2.5>"});
    plain.with("Path: <sip:p2.example.com;lr>");
    CHECK_FALSE(w.world.ask(plain).has("Path"));
    // Require: path is understood.
    RawRequest required = w.request({"<sip:alice@192.0.2.5>"});
    required.with("Require: path");
    CHECK(w.world.ask(required).status() == 200);
}

TEST_CASE("R3856-7.2-4: a binding that is not refreshed goes, and its listener hears of it") {
    RegistrarWorld w;
    w.add({"<sip:alice@192.0.2.5>;expires=60", "<sip:alice@192.0.2.6>;expires=120"});
    w.world.pass(seconds{50});
    w.add({"<sip:alice@192.0.2.5>;expires=60"});  // refreshed: nothing that shows has changed
    CHECK(w.listener.told.size() == 1);
    w.world.pass(seconds{59});
    CHECK(w.registrar.size() == 2);
    w.world.pass(seconds{1});
    CHECK(w.contacts() == Texts{"sip:alice@192.0.2.6"});
    CHECK(w.listener.told.size() == 2);
    w.world.pass(seconds{10});
    CHECK(w.registrar.size() == 0);
    CHECK(w.listener.told.size() == 3);
}

TEST_CASE("what a binding says of itself changes when it changes, not when it is refreshed") {
    RegistrarWorld w;
    const auto look = [&] {
        std::pair<std::uint64_t, std::int64_t> seen;
        w.registrar.for_each("alice@example.com", [&](const sip::Registrar::Binding& binding) {
            seen = {binding.id, binding.changed_wall_ms};
        });
        return seen;
    };
    w.add({"<sip:alice@192.0.2.5>"});
    const auto first = look();
    w.world.pass(seconds{10});
    w.add({"<sip:alice@192.0.2.5>"});
    CHECK(look() == first);
    w.add({"<sip:alice@192.0.2.5>;q=0.5"});
    CHECK(look().first == first.first);
    CHECK(look().second == first.second + 10'000);
    CHECK(w.listener.told.size() == 2);
}

TEST_CASE("a contact that stands twice in a request counts as it stands last") {
    RegistrarWorld w;
    CHECK(w.add({"<sip:alice@192.0.2.5>;q=0.1", "<sip:alice@192.0.2.5>;q=0.2"}).fields("Contact") ==
          Texts{"<sip:alice@192.0.2.5>;q=0.2;expires=3600"});
    CHECK(w.add({"<sip:alice@192.0.2.6>", "<sip:alice@192.0.2.6>;expires=0"}).fields("Contact") ==
          Texts{"<sip:alice@192.0.2.5>;q=0.2;expires=3600"});
    CHECK(w.contacts() == Texts{"sip:alice@192.0.2.5"});
}

TEST_CASE("bindings of an address are bounded: 403 at one past, and refreshes still pass") {
    sip::StackOptions options;
    options.limits.bindings_per_address = 2;
    RegistrarWorld w(options);
    CHECK(w.add({"<sip:alice@192.0.2.5>", "<sip:alice@192.0.2.6>"}).status() == 200);
    CHECK(w.add({"<sip:alice@192.0.2.7>"}).status() == 403);
    CHECK(w.stack.counters().limit_bindings_per_address == 1);
    CHECK(w.add({"<sip:alice@192.0.2.6>"}).status() == 200);
    // One out, one in.
    CHECK(w.add({"<sip:alice@192.0.2.6>;expires=0", "<sip:alice@192.0.2.7>"}).status() == 200);
    CHECK(w.contacts() == Texts{"sip:alice@192.0.2.7", "sip:alice@192.0.2.5"});
}

TEST_CASE("contacts of one request are bounded") {
    RegistrarWorld w;
    Texts many;
    for (std::size_t i = 0; i < sip::Registrar::contacts_max; ++i)
        many.push_back("<sip:alice@192.0.2." + std::to_string(i) + ">;expires=0");
    CHECK(w.add(many).status() == 200);
    many.push_back("<sip:alice@192.0.2.200>;expires=0");
    CHECK(w.add(many).status() == 403);
}

TEST_CASE("bindings of all are bounded: 503 with Retry-After at one past") {
    sip::StackOptions options;
    options.limits.bindings = 2;
    RegistrarWorld w(options);
    CHECK(w.add({"<sip:alice@192.0.2.5>", "<sip:alice@192.0.2.6>"}).status() == 200);
    const RawMessage full = w.add({"<sip:alice@192.0.2.7>"});
    CHECK(full.status() == 503);
    CHECK(full.has("Retry-After"));
    CHECK(w.stack.counters().limit_bindings == 1);
    CHECK(w.add({"<sip:alice@192.0.2.5>"}).status() == 200);
}

TEST_CASE("the strings of a binding are bounded") {
    sip::StackOptions options;
    options.limits.binding_bytes = 100;
    RegistrarWorld w(options);
    // Contact URI, parameters, Path and Call-ID together.
    const std::string uri = "sip:alice@192.0.2.5;x=";
    const auto contact = [&](std::size_t size) {
        return "<" + uri + std::string(size - uri.size(), 'x') + ">";
    };
    const std::size_t call_id = std::string_view("call-1").size();
    CHECK(w.add({contact(100 - call_id)}).status() == 200);
    CHECK(w.add({contact(101 - call_id)}).status() == 400);
    CHECK(w.stack.counters().limit_binding_bytes == 1);
}

TEST_CASE("an answer that would be too long is a 500, and nothing has changed") {
    sip::StackOptions options;
    options.limits.response_bytes = 1500;
    RegistrarWorld w(options);
    CHECK(w.add({"<sip:alice@192.0.2.5;x=" + std::string(500, 'x') + ">"}).status() == 200);
    CHECK(w.add({"<sip:alice@192.0.2.6;x=" + std::string(900, 'x') + ">"}).status() == 500);
    CHECK(w.registrar.size() == 1);
}

TEST_CASE("a connection by which somebody registered is not idle") {
    RegistrarWorld w;
    const sip::FlowId flow = w.world.connect();
    CHECK(w.world.ask(flow, w.request({"<sip:alice@192.0.2.99>;expires=7200"})).status() == 200);
    CHECK(w.stack.transport().is_bound(flow));
    w.world.pass(seconds{2000});
    CHECK(w.stack.transport().is_open(flow));
    // Registered anew from elsewhere: the connection is free again.
    w.add({"<sip:alice@192.0.2.99>;expires=7200"});
    w.world.pass(seconds{40});
    CHECK_FALSE(w.stack.transport().is_bound(flow));
}

TEST_CASE("a binding outlives its connection, and forgets it") {
    RegistrarWorld w;
    const sip::FlowId flow = w.world.connect();
    w.world.ask(flow, w.request({"<sip:alice@192.0.2.99>"}));
    w.stack.closed(w.world.now, flow);
    w.world.drain();
    REQUIRE(w.registrar.size() == 1);
    w.registrar.for_each("alice@example.com", [&](const sip::Registrar::Binding& binding) {
        CHECK(binding.flow == sip::FlowId{});
    });
    w.add({"*"}, "Expires: 0");
    CHECK(w.registrar.size() == 0);
}

TEST_CASE("with a store the 200 and the change wait until it is durable") {
    sip::StackOptions options;
    options.has_store = true;
    RegistrarWorld w(options);
    CHECK_FALSE(w.add({"<sip:alice@192.0.2.5>"}));
    REQUIRE(w.world.commits.size() == 1);
    CHECK(w.registrar.size() == 0);
    // A second one for the address waits behind it, and a question too.
    w.world.input(w.world.text_of(w.request({"<sip:alice@192.0.2.6>"})));
    w.world.input(w.world.text_of(w.request({})));
    CHECK(w.world.commits.size() == 1);
    CHECK(w.world.sent.empty());
    // One for another address does not.
    RawRequest other{"REGISTER", "sip:example.com"};
    other.from = "<sip:bob@example.com>;tag=2";
    other.to = "<sip:bob@example.com>";
    other.call_id = "call-bob";
    other.with("Contact: <sip:bob@192.0.2.8>");
    w.world.input(w.world.text_of(other));
    CHECK(w.world.commits.size() == 2);

    w.world.commit();
    CHECK(w.contacts() == Texts{"sip:alice@192.0.2.5"});
    CHECK(w.world.take().status() == 200);
    REQUIRE(w.world.commits.size() == 2);  // bob's, and the one that waited
    w.world.commit();
    CHECK(w.world.take().status() == 200);
    CHECK(w.contacts().size() == 1);
    w.world.commit();
    CHECK(w.world.take().fields("Contact").size() == 2);
    CHECK(w.world.take().fields("Contact").size() == 2);  // the question, last
    CHECK(w.listener.told.size() == 3);
}

TEST_CASE("a change that could not be stored is undone and answered 500") {
    sip::StackOptions options;
    options.has_store = true;
    RegistrarWorld w(options);
    w.add({"<sip:alice@192.0.2.5>;expires=60"});
    w.world.commit();
    w.world.sent.clear();
    w.add({"<sip:alice@192.0.2.5>;expires=600", "<sip:alice@192.0.2.6>"});
    w.world.commit(false);
    const RawMessage answer = w.world.take();
    CHECK(answer.status() == 500);
    CHECK(answer.has("Retry-After"));
    CHECK(w.contacts() == Texts{"sip:alice@192.0.2.5"});
    w.world.pass(seconds{60});
    CHECK(w.registrar.size() == 0);
    // Removal of all, undone too.
    w.add({"<sip:alice@192.0.2.5>"});
    w.world.commit();
    w.world.sent.clear();
    w.add({"*"}, "Expires: 0");
    w.world.commit(false);
    CHECK(w.world.take().status() == 500);
    CHECK(w.registrar.size() == 1);
}

TEST_CASE("ROUR-7: a binding that runs out while its refresh is being stored is refreshed") {
    sip::StackOptions options;
    options.has_store = true;
    RegistrarWorld w(options);
    w.add({"<sip:alice@192.0.2.5>;expires=60"});
    w.world.commit();
    w.world.pass(seconds{59});
    w.add({"<sip:alice@192.0.2.5>;expires=60"});
    w.world.pass(seconds{5});
    CHECK(w.registrar.size() == 1);
    w.world.commit();
    w.world.pass(seconds{59});
    CHECK(w.registrar.size() == 1);
    w.world.pass(seconds{1});
    CHECK(w.registrar.size() == 0);
}

TEST_CASE("refused memory is a 503 and leaves nothing behind") {
    for (std::uint64_t nth = 0;; ++nth) {
        CAPTURE(nth);
        RegistrarWorld w;
        w.add({"<sip:alice@192.0.2.5>"});
        w.world.pass(seconds{40});
        const std::uint64_t refused = w.stack.shard().memory.refusals();
        w.stack.shard().memory.refuse_after(nth);
        const RawMessage answer = w.add({"<sip:alice@192.0.2.6>", "<sip:alice@192.0.2.5>;q=0.1"});
        w.stack.shard().memory.refuse_none();
        const bool whole = w.stack.shard().memory.refusals() == refused;
        if (answer && answer.status() == 200)
            CHECK(w.registrar.size() == 2);
        else
            CHECK(w.registrar.size() <= 2);
        if (answer) {
            const bool expected =
                answer.status() == 200 || answer.status() == 503 || answer.status() == 500;
            CHECK(expected);
            if (answer.status() != 200) CHECK(w.registrar.size() == 1);
        }
        CHECK(w.add({"<sip:alice@192.0.2.6>", "<sip:alice@192.0.2.5>;q=0.1"}).status() == 200);
        CHECK(w.registrar.size() == 2);
        if (whole) break;
    }
}

TEST_CASE("T-31: a connection that closes while a binding is being stored is no way of it") {
    sip::StackOptions options;
    options.has_store = true;
    RegistrarWorld w(options);
    const sip::FlowId flow = w.world.connect();
    CHECK_FALSE(w.world.ask(flow, w.request({"<sip:alice@192.0.2.99:5080;transport=tcp>"})));
    w.stack.closed(w.world.now, flow);
    w.world.commit();
    REQUIRE(w.registrar.size() == 1);
    w.registrar.for_each("alice@example.com", [&](const sip::Registrar::Binding& binding) {
        CHECK(binding.flow == sip::FlowId{});
    });
}

TEST_CASE("T-31: what is stored of bindings is what holds after the commit") {
    sip::StackOptions options;
    options.has_store = true;
    RegistrarWorld w(options);
    const auto held = [&] { return held_by<sip::BindingRecord>(w.registrar, w.world.now); };
    w.add({"<sip:alice@192.0.2.5>;q=0.5;+sip.instance=\"<urn:uuid:0>\";expires=60",
           "<sip:alice@192.0.2.6>"},
          "Path: <sip:edge.example.com;lr>");
    const Stored made(w.world.records);
    CHECK(held().empty());
    w.world.commit();
    REQUIRE(made.records.size() == 2);
    const auto one = made.of<sip::BindingRecord>(0), two = made.of<sip::BindingRecord>(1);
    CHECK(held() == std::vector{one, two});
    CHECK(one.resource == "alice@example.com");
    CHECK(one.contact == "sip:alice@192.0.2.5");
    CHECK(one.parameters == ";+sip.instance=\"<urn:uuid:0>\"");
    CHECK(one.path == "<sip:edge.example.com;lr>");
    CHECK(one.has_q);
    CHECK(one.q == 500);
    CHECK(one.cseq > 0);
    CHECK_FALSE(one.call_id.empty());
    CHECK(one.changed_at_ms == w.world.now.wall_ms);
    CHECK(one.expires_at_ms == w.world.now.wall_ms + 60'000);
    CHECK_FALSE(two.has_q);
    CHECK(two.expires_at_ms == w.world.now.wall_ms + 3'600'000);

    // One changes, one goes, one is new, and one is named and taken away at once.
    w.world.pass(sip::seconds{10});
    w.add({"<sip:alice@192.0.2.5>;q=0.7;expires=600", "<sip:alice@192.0.2.6>;expires=0",
           "<sip:alice@192.0.2.7>", "<sip:alice@192.0.2.8>", "<sip:alice@192.0.2.8>;expires=0"});
    const Stored changed(w.world.records);
    CHECK(held() == std::vector{one, two});
    w.world.commit();
    REQUIRE(changed.records.size() == 3);
    const auto first = changed.of<sip::BindingRecord>(0), third = changed.of<sip::BindingRecord>(2);
    CHECK(held() == std::vector{first, third});
    CHECK(first.id == one.id);
    CHECK(first.q == 700);
    CHECK(changed.is(1, sip::RecordChange::remove));
    CHECK(changed.of<sip::BindingRecord>(1).id == two.id);
    CHECK(changed.of<sip::BindingRecord>(1).resource == "alice@example.com");

    w.add({"*"}, "Expires: 0");
    const Stored gone(w.world.records);
    w.world.commit();
    CHECK(held().empty());
    REQUIRE(gone.records.size() == 2);
    for (std::size_t i = 0; i < 2; ++i) CHECK(gone.is(i, sip::RecordChange::remove));
    w.world.sent.clear();
    CHECK(w.add({"<sip:alice@192.0.2.6>;expires=0"}).status() == 200);
    CHECK(w.world.commits.empty());
}

TEST_CASE("R3261-8.2.4-1: Path comes back only to who says that it understands it") {
    RegistrarWorld w;
    const RawMessage plain = w.add({"<sip:alice@192.0.2.5>"}, "Path: <sip:edge.example.com;lr>");
    CHECK(plain.status() == 200);
    CHECK_FALSE(plain.has("Path"));
    CHECK_FALSE(plain.has("Require"));
    RawRequest request = w.request({"<sip:alice@192.0.2.5>"});
    request.with("Path: <sip:edge.example.com;lr>").with("Supported: path");
    CHECK(w.world.ask(request).field("Path") == "<sip:edge.example.com;lr>");
}
