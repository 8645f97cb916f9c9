#include <doctest/doctest.h>

#include "tests/sip/registrar/registrar_world.hpp"

// RFC 5626 at the registrar, and what becomes of bindings whose connection goes.

namespace {

using sip::FlowId;
using sip::seconds;
using Texts = std::vector<std::string>;

const std::string instance = ";+sip.instance=\"<urn:uuid:1>\"";

struct FlowWorld : RegistrarWorld {
    using RegistrarWorld::RegistrarWorld;

    RawMessage ask(FlowId flow, const Texts& contacts, const Texts& fields = {}) {
        RawRequest made = request(contacts);
        made.call_id = "call-" + std::to_string(static_cast<std::uint64_t>(flow));
        for (const std::string& field : fields) made.with(field);
        return world.ask(flow, made);
    }
    RawMessage outbound(FlowId flow, const std::string& reg_id, const std::string& port = "5070") {
        return ask(
            flow,
            {"<sip:alice@10.0.0.7:" + port + ";transport=tcp>" + instance + ";reg-id=" + reg_id},
            {"Supported: outbound, path"});
    }
    void cut(FlowId flow) {
        stack.closed(world.now, flow);
        world.drain();
    }
    std::vector<FlowId> flows() {
        std::vector<FlowId> found;
        registrar.for_each("alice@example.com", [&](const sip::Registrar::Binding& binding) {
            found.push_back(binding.flow);
        });
        return found;
    }
};

}  // namespace

TEST_CASE("RFC 5626 6: instance and reg-id name a binding, whatever its Contact, and its flow") {
    FlowWorld w;
    const FlowId one = w.world.connect();
    const RawMessage answer = w.outbound(one, "1");
    CHECK(answer.status() == 200);
    CHECK(answer.field("Require") == "outbound");
    CHECK(answer.field("Flow-Timer") == "120");
    CHECK(answer.field("Contact").find("reg-id=1") != std::string::npos);
    CHECK(w.flows() == std::vector<FlowId>{one});
    // The device starts anew: another connection and another port take the place.
    const FlowId two = w.world.connect();
    CHECK(w.outbound(two, "1", "5071").status() == 200);
    CHECK(w.flows() == std::vector<FlowId>{two});
    CHECK(w.contacts() == Texts{"sip:alice@10.0.0.7:5071;transport=tcp"});
    // Its other flow is another binding; so is an ordinary registration of the same Contact.
    const FlowId three = w.world.connect();
    CHECK(w.outbound(three, "2", "5071").status() == 200);
    CHECK(w.ask(three, {"<sip:alice@10.0.0.7:5071;transport=tcp>"}).status() == 200);
    CHECK(w.flows() == std::vector<FlowId>{three, three, two});
    // What its first connection brings about concerns nothing any more.
    w.cut(one);
    CHECK(w.flows().size() == 3);
    w.cut(two);
    CHECK(w.flows() == std::vector<FlowId>{three, three});
    CHECK(w.stack.counters().bindings_lost == 1);
}

TEST_CASE("RFC 5626 6: expires 0 with instance and reg-id takes that flow's binding away") {
    FlowWorld w;
    const FlowId flow = w.world.connect();
    (void)w.outbound(flow, "1");
    (void)w.outbound(w.world.connect(), "2");
    RawMessage answer = w.ask(flow, {"<sip:alice@203.0.113.1>" + instance + ";reg-id=1;expires=0"});
    CHECK(answer.status() == 200);
    CHECK(answer.fields("Contact").size() == 1);
    CHECK(answer.field("Contact").find("reg-id=2") != std::string::npos);
    // Without Supported: outbound it is done all the same, and Require is not for it.
    CHECK_FALSE(answer.has("Require"));
}

TEST_CASE(
    "RFC 5626 6: behind a proxy that keeps no flow 439; over UDP as if it was not asked for") {
    FlowWorld w;
    const std::string contact = "<sip:alice@192.0.2.99:5062>" + instance + ";reg-id=1";
    const RawMessage plain = w.add({contact}, "Supported: outbound");
    CHECK(plain.status() == 200);
    CHECK_FALSE(plain.has("Require"));
    CHECK_FALSE(plain.has("Flow-Timer"));
    CHECK(w.add({"<sip:alice@192.0.2.99:5062>;expires=0"}).fields("Contact").empty());

    const FlowId flow = w.world.connect();
    const auto behind = [&](const std::string& path) {
        RawRequest made = w.request({contact});
        made.with("Via: SIP/2.0/TCP 10.0.0.7:5070;branch=z9hG4bKua").with("Supported: outbound");
        if (!path.empty()) made.with("Path: " + path);
        return w.world.ask(flow, made);
    };
    CHECK(behind("").status() == 439);
    CHECK(behind("<sip:edge.example;lr>").status() == 439);
    CHECK(behind("<sip:inner.example;lr;ob>, <sip:edge.example;lr>").status() == 439);
    const RawMessage applied = behind("<sip:inner.example;lr>, <sip:t0ken@edge.example;lr;ob>");
    CHECK(applied.status() == 200);
    CHECK(applied.field("Require") == "outbound");
    // The flow is the edge's to watch.
    CHECK_FALSE(applied.has("Flow-Timer"));
    w.cut(flow);
    CHECK(w.contacts().size() == 1);
}

TEST_CASE("RFC 5626 6: a reg-id with more than one lasting contact is 400") {
    FlowWorld w;
    const FlowId flow = w.world.connect();
    const std::string first = "<sip:alice@10.0.0.7>" + instance + ";reg-id=1";
    CHECK(w.ask(flow, {first, "<sip:alice@10.0.0.8>"}).status() == 400);
    CHECK(w.contacts().empty());
    CHECK(w.ask(flow, {first, "<sip:alice@10.0.0.8>;expires=0"}).status() == 200);
    // An instance alone is an ordinary contact, and there may be several.
    CHECK(w.ask(flow, {"<sip:alice@10.0.0.9>" + instance, "<sip:alice@10.0.0.8>"}).status() == 200);
    CHECK(w.contacts().size() == 3);
}

TEST_CASE("RFC 5626 5.4: a flow that is quiet for a quarter longer than Flow-Timer is closed") {
    FlowWorld w;
    const FlowId flow = w.world.connect();
    (void)w.outbound(flow, "1");
    w.world.pass(seconds{149});
    w.world.input(flow, "\r\n\r\n");
    CHECK(w.world.take().text == "\r\n");
    w.world.pass(seconds{149});
    CHECK(w.contacts().size() == 1);
    w.listener.told.clear();
    w.world.pass(seconds{1});
    CHECK(w.contacts().empty());
    CHECK(w.world.closed == std::deque<FlowId>{flow});
    CHECK(w.listener.told == Texts{"alice@example.com"});
}

TEST_CASE("a contact that its connection alone leads to goes with it, another one stays") {
    struct Case {
        const char* contact;
        bool stays;
    };
    // They register from 192.0.2.99:5062.
    for (const Case& each : {
             Case{"<sip:alice@192.0.2.99:5080;transport=tcp>", true},
             Case{"<sip:alice@192.0.2.99;transport=tcp>", true},
             Case{"<sip:alice@10.0.0.7:5080;transport=tcp>", true},
             Case{"<sip:alice@df7jal23ls0d.invalid;transport=ws>", false},
             Case{"<sip:alice@phone.example.net;transport=tcp>", true},
             Case{"<tel:+4930123>", true},
         }) {
        CAPTURE(each.contact);
        FlowWorld w;
        const FlowId flow = w.world.connect();
        CHECK(w.ask(flow, {each.contact}).status() == 200);
        w.listener.told.clear();
        w.cut(flow);
        CHECK(w.contacts().size() == (each.stays ? 1 : 0));
        CHECK(w.listener.told.size() == (each.stays ? 0 : 1));
        CHECK(w.stack.transport().flow_count() == 0);
        if (each.stays) CHECK(w.flows() == std::vector<FlowId>{FlowId{}});
    }
}

TEST_CASE("behind a NAT a contact goes with its connection; one of somebody else does not") {
    for (const bool own : {true, false}) {
        FlowWorld w;
        const FlowId flow = w.world.connect();
        std::string text =
            w.world.text_of(w.request({"<sip:alice@10.0.0.7:5080;transport=tcp>"}), "TCP");
        const std::string said = "192.0.2.99:5062";
        if (own) text.replace(text.find(said), said.size(), "10.0.0.7:49152");
        w.world.input(flow, text);
        CHECK(w.contacts().size() == 1);
        w.cut(flow);
        CHECK(w.contacts().size() == (own ? 0 : 1));
    }
}

TEST_CASE("a contact that is the connection's own end has 32 s to come back, and then is gone") {
    FlowWorld w;
    const std::string contact = "<sip:alice@192.0.2.99:5062;transport=tcp>";
    const FlowId one = w.world.connect();
    CHECK(w.ask(one, {contact}).status() == 200);
    w.cut(one);
    w.world.pass(seconds{31});
    CHECK(w.contacts().size() == 1);
    const FlowId two = w.world.connect();
    CHECK(w.ask(two, {contact}).status() == 200);
    w.world.pass(seconds{600});
    CHECK(w.contacts().size() == 1);
    w.cut(two);
    w.world.pass(seconds{31});
    CHECK(w.contacts().size() == 1);
    w.listener.told.clear();
    w.world.pass(seconds{1});
    CHECK(w.contacts().empty());
    CHECK(w.listener.told == Texts{"alice@example.com"});
}

TEST_CASE("a contact registered through a proxy outlives the proxy's connection") {
    FlowWorld w;
    const FlowId flow = w.world.connect();
    CHECK(w.ask(flow, {"<sip:alice@10.0.0.7>"}, {"Path: <sip:192.0.2.99;transport=tcp;lr>"})
              .status() == 200);
    w.cut(flow);
    CHECK(w.contacts().size() == 1);
}

TEST_CASE("behind a NAT requests go where the UA registered from; elsewhere to its Contact") {
    // They register from 192.0.2.99:5062.
    const auto behind = [](const std::string& contact, const std::string& via,
                           const std::string& path = {}) {
        FlowWorld w;
        RawRequest request = w.request({contact});
        if (!path.empty()) request.with("Path: " + path);
        std::string text = w.world.text_of(request);
        const std::string said = "192.0.2.99:5062";
        text.replace(text.find(said), said.size(), via);
        w.world.input(text);
        CHECK(w.world.take().status() == 200);
        sip::Endpoint found;
        w.registrar.for_each("alice@example.com", [&](const sip::Registrar::Binding& binding) {
            found = binding.behind_nat;
            CHECK(binding.listener == w.world.udp);
        });
        return found;
    };
    const sip::Endpoint there{sip::Address::v4(192, 0, 2, 99), 5062};
    CHECK(behind("<sip:alice@10.0.0.7:5070>", "10.0.0.7:5070") == there);
    CHECK(behind("<sip:alice@10.0.0.7>", "10.0.0.7") == there);
    CHECK(behind("<sip:alice@192.0.2.99:5062>", "192.0.2.99:5062") == sip::Endpoint{});
    // Another UA, which it speaks for, is where its Contact says.
    CHECK(behind("<sip:alice@10.0.0.8:5070>", "10.0.0.7:5070") == sip::Endpoint{});
    CHECK(behind("<sip:alice@10.0.0.7:5071>", "10.0.0.7:5070") == sip::Endpoint{});
    CHECK(behind("<sip:alice@10.0.0.7:5070;transport=tcp>", "10.0.0.7:5070") == sip::Endpoint{});
    CHECK(behind("<sip:alice@10.0.0.7:5070>", "10.0.0.7:5070", "<sip:192.0.2.99;lr>") ==
          sip::Endpoint{});
}

TEST_CASE("a connection that goes while its registration is stored leaves no binding behind") {
    sip::StackOptions options;
    options.has_store = true;
    FlowWorld w(options);
    const FlowId one = w.world.connect();
    (void)w.outbound(one, "1");
    w.cut(one);
    w.world.commit();
    w.world.pass(seconds{1});
    CHECK(w.contacts().empty());
    // A refresh by a new connection that is being stored when the old one goes counts.
    const FlowId two = w.world.connect();
    (void)w.outbound(two, "1");
    w.world.commit();
    const FlowId three = w.world.connect();
    (void)w.outbound(three, "1");
    w.cut(two);
    w.world.pass(seconds{3});
    w.world.commit();
    w.world.pass(seconds{3});
    CHECK(w.flows() == std::vector<FlowId>{three});
    // Where that fails, the old one is gone.
    const FlowId four = w.world.connect();
    (void)w.outbound(four, "1");
    w.cut(three);
    w.world.commit(false);
    w.world.pass(seconds{3});
    CHECK(w.contacts().empty());
}

TEST_CASE(
    "RFC 5627 5.2: GRUUs are given where that is set, to a UA that asks and has an instance") {
    sip::Registrar::Options options;
    const auto contact = "<sip:alice@10.0.0.7:5070;transport=tcp>" + instance;
    FlowWorld off({}, options);
    CHECK(off.ask(off.world.connect(), {contact}, {"Supported: gruu"}).text.find("gruu") ==
          std::string::npos);
    options.gives_gruu = true;
    FlowWorld w({}, options);
    const FlowId flow = w.world.connect();
    CHECK(w.ask(flow, {contact}).field("Contact").find("gruu=") == std::string::npos);
    const std::string given = w.ask(flow, {contact}, {"Supported: gruu"}).field("Contact");
    CHECK(given.find(";pub-gruu=\"sip:alice@example.com;gr=urn:uuid:1\"") != std::string::npos);
    CHECK(given.find(";temp-gruu=\"sip:tgruu.") != std::string::npos);
    CHECK(w.ask(flow, {"<sip:alice@10.0.0.9>"}, {"Supported: gruu"}).text.find("10.0.0.9>;gruu") ==
          std::string::npos);
    // What a UA says they are counts for nothing.
    const std::string again =
        w.ask(flow, {contact + ";pub-gruu=\"sip:eve@example.com;gr\""}, {"Supported: gruu"}).text;
    CHECK(again.find("eve") == std::string::npos);
}

TEST_CASE("RFC 5627 5.1: a GRUU leads to the bindings of its device, as long as there are any") {
    sip::Registrar::Options options;
    options.gives_gruu = true;
    FlowWorld w({}, options);
    const FlowId flow = w.world.connect();
    const auto contact = "<sip:alice@10.0.0.7:5070;transport=tcp>" + instance;
    const auto temporary_of = [](const std::string& text) {
        const auto at = text.find("sip:tgruu.", text.find("Contact: <sip:alice@10.0.0.7"));
        return text.substr(at, text.find('"', at) - at);
    };
    const auto leads_to = [&](const std::string& gruu) {
        Texts found;
        const auto uri = sip::parse_uri(gruu);
        REQUIRE(uri);
        (void)w.registrar.for_each_of_gruu(*uri, [&](const sip::Registrar::Binding& binding) {
            found.emplace_back(binding.contact);
        });
        return found;
    };
    const std::string first = temporary_of(w.ask(flow, {contact}, {"Supported: gruu"}).text);
    const std::string second = temporary_of(w.ask(flow, {contact}, {"Supported: gruu"}).text);
    CHECK(first != second);
    (void)w.ask(flow, {"<sip:alice@10.0.0.8>;+sip.instance=\"<urn:uuid:2>\""});
    const Texts there{"sip:alice@10.0.0.7:5070;transport=tcp"};
    CHECK(leads_to("sip:alice@example.com;gr=urn:uuid:1") == there);
    CHECK(leads_to("sip:alice@example.com;gr=URN:UUID:1") == there);
    CHECK(leads_to(first) == there);
    CHECK(leads_to(second) == there);
    CHECK(leads_to("sip:alice@example.com;gr=urn:uuid:3").empty());
    CHECK(leads_to("sip:alice@example.com;gr").empty());
    CHECK(leads_to("sip:alice@example.org;gr=urn:uuid:1").empty());
    CHECK(leads_to("sip:alice@example.com").empty());
    // The UA starts anew: with another Call-ID it knows none of the old temporary ones.
    const FlowId other = w.world.connect();
    const std::string third = temporary_of(w.ask(other, {contact}, {"Supported: gruu"}).text);
    CHECK(leads_to(first).empty());
    CHECK(leads_to(second).empty());
    CHECK(leads_to(third) == there);
    // And a GRUU of ours is no contact.
    CHECK(w.ask(other, {"<" + third + ">"}).status() == 403);
    (void)w.ask(other, {"*"}, {"Expires: 0"});
    CHECK(leads_to(third).empty());
    CHECK(leads_to("sip:alice@example.com;gr=urn:uuid:1").empty());
}
