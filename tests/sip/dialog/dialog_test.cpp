#include "sip/dialog/dialog.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

#include "tests/support/stack_world.hpp"

using namespace sip;

namespace {

/// A dialog made by a request that came in (or refused, with the error why).
struct Uas {
    explicit Uas(const StackOptions& options = {}) : world(options) {
        world.user.script = [this](const Request& request) {
            if (!request.essentials.to_tag.empty() && dialog) {
                auto refresh = dialog->prepare_refresh(world.stack.shard(), request);
                refreshed = refresh.has_value();
                if (refresh) dialog->apply(std::move(*refresh));
                return 200;
            }
            auto made = Dialog::as_uas(world.stack.shard(), request, "local");
            if (made)
                dialog = std::move(*made);
            else
                error = made.error();
            return 200;
        };
    }
    Uas& ask(std::vector<std::string> fields, const std::string& to = "") {
        RawRequest request = StackWorld::request();
        request.from = "<sip:bob@example.com>;tag=remote";
        request.fields = std::move(fields);
        request.to = to;
        request.cseq = ++cseq;
        world.net.ask(request);
        return *this;
    }
    Uas& refresh(std::vector<std::string> fields) {
        return ask(std::move(fields), "<sip:alice@example.com>;tag=local");
    }
    /// The head of our next request in the dialog.
    RawMessage head() {
        REQUIRE(dialog);
        std::array<char, 4096> room{};
        Appender out(room);
        MessageWriter writer(out);
        const auto target = dialog->next_hop(world.stack.transport());
        dialog->write_request(writer, world.stack.transport().listeners(),
                              target ? *target : Target{}, Branch{1}, Method::notify,
                              dialog->next_cseq());
        writer.finish(std::size_t{0});
        return {std::string(out.view()), {}, {}, {}};
    }
    Endpoint hop() {
        REQUIRE(dialog);
        const auto target = dialog->next_hop(world.stack.transport());
        REQUIRE(target);
        return target->remote;
    }
    StackWorld world;
    std::optional<Dialog> dialog;
    Fault error;
    bool refreshed = false;
    unsigned cseq = 0;
};

const std::string contact = "Contact: <sip:bob@192.0.2.99:5062>";

}  // namespace

TEST_CASE("R3261-12.1.1-2 R3261-12.2.1.1-1: the side that was asked mirrors the request") {
    Uas uas;
    uas.ask({contact});
    REQUIRE(uas.dialog);
    CHECK(uas.dialog->matches("call-1", "local", "remote"));
    CHECK_FALSE(uas.dialog->matches("call-1", "remote", "local"));
    CHECK_FALSE(uas.dialog->matches("call-2", "local", "remote"));
    CHECK_FALSE(uas.dialog->matches("call-1", "local", ""));
    const RawMessage first = uas.head();
    CHECK(first.request_uri() == "sip:bob@192.0.2.99:5062");
    CHECK(first.field("From") == "<sip:alice@example.com>;tag=local");
    CHECK(first.field("To") == "<sip:bob@example.com>;tag=remote");
    CHECK(first.field("Call-ID") == "call-1");
    CHECK(first.field("CSeq") == "1 NOTIFY");
    CHECK(first.field("Max-Forwards") == "70");
    CHECK(first.field("Via") == "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK0000000000000001;rport");
    CHECK_FALSE(first.has("Route"));
    CHECK(uas.head().field("CSeq") == "2 NOTIFY");
}

TEST_CASE("R3261-12.1.1-2 R3261-12.2.1.1-2: loose routes stand as they came, in order and whole") {
    Uas uas;
    uas.ask({contact, "Record-Route: <sip:p,1@192.0.2.70;lr;x=y>, \"P2\" <sip:p2.example;lr>;y",
             "Record-Route: <sip:p3.example;lr>"});
    const RawMessage head = uas.head();
    CHECK(head.request_uri() == "sip:bob@192.0.2.99:5062");
    CHECK(head.field("Route") ==
          "<sip:p,1@192.0.2.70;lr;x=y>, <sip:p2.example;lr>, <sip:p3.example;lr>");
    CHECK(uas.hop() == Endpoint{Address::v4(192, 0, 2, 70), 5060});
}

TEST_CASE("R3261-12.2.1.1-2: a strict first router becomes the Request-URI, the target goes last") {
    Uas uas;
    uas.ask({contact, "Record-Route: <sip:192.0.2.70:5061?Subject=x>, <sip:p2.example;lr>"});
    const RawMessage head = uas.head();
    CHECK(head.request_uri() == "sip:192.0.2.70:5061");
    CHECK(head.field("Route") == "<sip:p2.example;lr>, <sip:bob@192.0.2.99:5062>");
    CHECK(uas.hop() == Endpoint{Address::v4(192, 0, 2, 70), 5061});
    Uas alone;
    alone.ask({contact, "Record-Route: <sip:192.0.2.70>"});
    CHECK(alone.head().field("Route") == "<sip:bob@192.0.2.99:5062>");
}

TEST_CASE("R3261-12.2.1.1-2 R3261-19.1.4-1: lr is seen escaped, and behind odd parameters") {
    for (const char* route : {"<sip:192.0.2.70;%6C%72>", "<sip:192.0.2.70;x=(a);lr>",
                              "<sip:192.0.2.70;(;LR>", "<sip:192.0.2.70;x=%22;l%52=on>"}) {
        CAPTURE(route);
        Uas uas;
        uas.ask({contact, std::string("Record-Route: ") + route});
        const RawMessage head = uas.head();
        CHECK(head.request_uri() == "sip:bob@192.0.2.99:5062");
        CHECK(head.field("Route") == route);
    }
}

TEST_CASE(
    "R3261-12.2.1.1-1: headers that a peer put into its Contact stay out of our Request-URI") {
    Uas uas;
    uas.ask({"Contact: <sip:bob@192.0.2.99:5062;x=(y)?Subject=a&Priority=b>"});
    CHECK(uas.head().request_uri() == "sip:bob@192.0.2.99:5062;x=(y)");
}

TEST_CASE("R3261-12.1.2-1: the side that asked has the routes of the answer back to front") {
    StackWorld world;
    const std::string text =
        "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKx\r\n"
        "From: <sip:us@example.com>;tag=ours\r\nTo: <sip:them@example.com>;tag=theirs\r\n"
        "Call-ID: c\r\nCSeq: 41 SUBSCRIBE\r\nContact: <sip:them@192.0.2.50:5070>\r\n"
        "Record-Route: <sip:far.example;lr>, <sip:192.0.2.70;lr>\r\n\r\n";
    std::array<HeaderField, 32> slots;
    const Scan scan = scan_message(text, slots, Framing::datagram, {}, {});
    const auto essentials = decode_essentials(scan.message, {});
    REQUIRE(essentials);
    const Response response{scan.message, *essentials, {}, {}, 200};
    auto dialog = Dialog::as_uac(world.stack.shard(), response, 41);
    REQUIRE(dialog);
    CHECK(dialog->matches("c", "ours", "theirs"));
    CHECK(dialog->local_uri() == "sip:us@example.com");
    CHECK(dialog->remote_uri() == "sip:them@example.com");
    CHECK(dialog->next_cseq() == 42);
    CHECK(dialog->accept_cseq(7));  // the peer's first number is whatever it likes
    CHECK_FALSE(dialog->accept_cseq(7));
    std::array<char, 2048> room{};
    Appender out(room);
    MessageWriter writer(out);
    const auto target = dialog->next_hop(world.stack.transport());
    REQUIRE(target);
    CHECK(target->remote == Endpoint{Address::v4(192, 0, 2, 70), 5060});
    dialog->write_request(writer, world.stack.transport().listeners(), *target, Branch{1},
                          Method::subscribe, 42);
    writer.finish(std::size_t{0});
    const RawMessage head{std::string(out.view()), {}, {}, {}};
    CHECK(head.field("Route") == "<sip:192.0.2.70;lr>, <sip:far.example;lr>");
    CHECK(head.request_uri() == "sip:them@192.0.2.50:5070");
}

TEST_CASE("R3261-12.2.2-1 T-22: numbers of the peer rise, by whatever step; others are refused") {
    Uas uas;
    uas.cseq = 9;
    uas.ask({contact});
    CHECK_FALSE(uas.dialog->accept_cseq(9));
    CHECK_FALSE(uas.dialog->accept_cseq(10));
    CHECK(uas.dialog->accept_cseq(11));
    CHECK(uas.dialog->accept_cseq(4'000'000'000));
    CHECK_FALSE(uas.dialog->accept_cseq(11));
    CHECK(uas.dialog->accept_cseq(UINT32_MAX));
    CHECK_FALSE(uas.dialog->accept_cseq(0));
}

TEST_CASE("R3261-12.2.1.1-3: a refresh moves the target and leaves the routes as they are") {
    Uas uas;
    uas.ask({contact, "Record-Route: <sip:192.0.2.70;lr>"});
    uas.refresh({"Contact: <sip:bob@192.0.2.98>", "Record-Route: <sip:evil.example;lr>"});
    CHECK(uas.refreshed);
    CHECK(uas.dialog->remote_target() == "sip:bob@192.0.2.98");
    CHECK(uas.head().field("Route") == "<sip:192.0.2.70;lr>");
    CHECK(uas.dialog->call_id() == "call-1");
    CHECK(uas.dialog->remote_tag() == "remote");
    uas.refresh({});
    CHECK(uas.refreshed);
    CHECK(uas.dialog->remote_target() == "sip:bob@192.0.2.98");
    uas.refresh({"Contact: *"});
    CHECK_FALSE(uas.refreshed);
    CHECK(uas.dialog->remote_target() == "sip:bob@192.0.2.98");
}

TEST_CASE("R3261-12-1: a peer without From tag has the null tag, and gets none back") {
    Uas uas;
    RawRequest request = StackWorld::request();
    request.from = "<sip:old@example.com>";
    request.with(contact);
    uas.world.net.ask(request);
    REQUIRE(uas.dialog);
    CHECK(uas.dialog->matches("call-1", "local", ""));
    CHECK(uas.head().field("To") == "<sip:old@example.com>");
}

TEST_CASE(
    "T-26: a peer that speaks to us itself is answered where it spoke from, also behind a NAT") {
    Uas uas;
    const std::string behind = "Contact: <sip:bob@192.168.7.7:5060>";
    uas.ask({behind});
    CHECK(uas.dialog->is_direct());
    CHECK(uas.hop() == uas.world.net.peer);
    // The NAT gives it another port: what comes next says so.
    uas.world.net.peer.port = 40'007;
    uas.refresh({behind});
    CHECK(uas.hop().port == 40'007);
    CHECK(uas.head().request_uri() == "sip:bob@192.168.7.7:5060");
    // A name behind it is never looked up.
    Uas named;
    named.ask({"Contact: <sip:bob@phone.invalid>"});
    CHECK(named.hop() == named.world.net.peer);
}

TEST_CASE("a peer behind a proxy is reached by its Contact, or by the routes it left") {
    Uas uas;
    uas.ask(
        {"Via: SIP/2.0/UDP 192.0.2.44;branch=z9hG4bKinner", "Contact: <sip:bob@192.0.2.55:5099>"});
    CHECK_FALSE(uas.dialog->is_direct());
    CHECK(uas.hop() == Endpoint{Address::v4(192, 0, 2, 55), 5099});
    Uas routed;
    routed.ask({"Record-Route: <sip:192.0.2.99:5062;lr>", "Contact: <sip:bob@192.0.2.55:5099>"});
    CHECK_FALSE(routed.dialog->is_direct());
    CHECK(routed.hop() == routed.world.net.peer);
    Uas nowhere;
    nowhere.ask({"Record-Route: <sip:proxy.example;lr>", contact});
    CHECK(nowhere.dialog->next_hop(nowhere.world.stack.transport()).error().condition ==
          Condition::not_found);
}

TEST_CASE(
    "R3261-18.1.1-5: a peer on a connection is reached by it; when it is gone, by its Contact") {
    Uas uas;
    const FlowId flow = uas.world.net.connect();
    RawRequest request = StackWorld::request();
    request.with("Contact: <sip:bob@192.0.2.98:5088;transport=tcp>");
    uas.world.net.ask(flow, request);
    REQUIRE(uas.dialog);
    CHECK(uas.dialog->next_hop(uas.world.stack.transport())->flow == flow);
    CHECK(uas.head().field("Via").starts_with("SIP/2.0/TCP 192.0.2.1:5060"));
    uas.world.stack.closed(uas.world.net.now, flow);
    const auto target = uas.dialog->next_hop(uas.world.stack.transport());
    REQUIRE(target);
    CHECK(target->transport == Transport::tcp);
    CHECK(target->remote == Endpoint{Address::v4(192, 0, 2, 98), 5088});
}

TEST_CASE("R3261-8.1.1.8-1: without one SIP Contact there is no dialog") {
    for (const std::vector<std::string>& fields :
         std::vector<std::vector<std::string>>{{},
                                               {"Contact: *"},
                                               {"Contact: <tel:+15550100>"},
                                               {contact, contact},
                                               {contact + ", <sip:c@192.0.2.1>"}}) {
        Uas uas;
        uas.ask(fields);
        CHECK_FALSE(uas.dialog);
        REQUIRE(uas.error);
        CHECK(status_of(uas.error->condition) == 400);
    }
}

TEST_CASE("ROUR-4: routes and bytes of a dialog are bounded, at the limit and one past") {
    const auto routes = [](std::size_t count) {
        std::string value = "Record-Route: ";
        for (std::size_t i = 0; i < count; ++i)
            value += (i == 0 ? "" : ", ") + std::string("<sip:p.example;lr>");
        return value;
    };
    Uas most;
    most.ask({contact, routes(16)});
    CHECK(most.dialog);
    Uas more;
    more.ask({contact, routes(17)});
    CHECK_FALSE(more.dialog);
    CHECK(more.world.stack.counters().limit_route_set == 1);
    REQUIRE(more.error);
    CHECK(status_of(more.error->condition) == 400);

    StackOptions options;
    options.limits.dialog_bytes = static_cast<std::uint32_t>(most.dialog->bytes());
    Uas fits(options);
    fits.ask({contact, routes(16)});
    CHECK(fits.dialog);
    --options.limits.dialog_bytes;
    Uas over(options);
    over.ask({contact, routes(16)});
    CHECK_FALSE(over.dialog);
    CHECK(over.world.stack.counters().limit_dialog_bytes == 1);
    // A refresh that would be too long changes nothing.
    fits.refresh({"Contact: <sip:somebody-with-a-longer-name@192.0.2.99:5062>"});
    CHECK_FALSE(fits.refreshed);
    CHECK(fits.dialog->remote_target() == "sip:bob@192.0.2.99:5062");
}

TEST_CASE("T-35: memory refused at any allocation of a dialog or its refresh changes nothing") {
    for (std::uint64_t n = 0; n < 20; ++n) {
        Uas uas;
        uas.world.stack.shard().memory.refuse_after(n);
        uas.ask({contact, "Record-Route: <sip:192.0.2.70;lr>"});
        uas.world.stack.shard().memory.refuse_none();
        if (uas.error) CHECK(uas.error->condition == Condition::overloaded);
        if (!uas.dialog) continue;
        CHECK(uas.dialog->call_id() == "call-1");
        uas.world.stack.shard().memory.refuse_after(n);
        uas.refresh({"Contact: <sip:bob@192.0.2.98>"});
        uas.world.stack.shard().memory.refuse_none();
        CHECK(uas.dialog->remote_target() ==
              (uas.refreshed ? "sip:bob@192.0.2.98" : "sip:bob@192.0.2.99:5062"));
    }
}

TEST_CASE("R3261-8.1.1.8-1: a refresh with the Contact of before is one Contact still") {
    Uas uas;
    uas.ask({contact});
    REQUIRE(uas.dialog);
    CHECK(uas.refresh({contact}).refreshed);
    CHECK(uas.dialog->remote_target() == "sip:bob@192.0.2.99:5062");
    CHECK_FALSE(uas.refresh({contact, contact}).refreshed);
    CHECK_FALSE(uas.refresh({contact, "Contact: <sip:bob@192.0.2.98>"}).refreshed);
    CHECK_FALSE(uas.refresh({"Contact: <sip:bob@192.0.2.98>", contact}).refreshed);
    CHECK(uas.refresh({"Contact: <sip:bob@192.0.2.98>"}).refreshed);
    CHECK(uas.dialog->remote_target() == "sip:bob@192.0.2.98");
}

TEST_CASE("T-35: a dialog takes one block and its URIs, which those with the same share") {
    Uas uas;
    uas.ask({contact});
    REQUIRE(uas.dialog);
    Memory& memory = uas.world.stack.shard().memory;
    const std::size_t texts = uas.world.stack.shard().texts.size();
    StackWorld* world = &uas.world;
    std::optional<Dialog> second;
    world->user.script = [&](const Request& request) {
        const std::size_t before = memory.used();
        auto made = Dialog::as_uas(world->stack.shard(), request, "another");
        REQUIRE(made);
        CHECK(memory.used() - before <= 64 + 100);
        second = std::move(*made);
        return 200;
    };
    uas.ask({contact});
    REQUIRE(second);
    CHECK(uas.world.stack.shard().texts.size() == texts);
    uas.dialog.reset();
    CHECK(second->remote_target() == "sip:bob@192.0.2.99:5062");
    CHECK(second->matches("call-1", "another", "remote"));
}
