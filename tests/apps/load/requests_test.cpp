#include "apps/load/requests.hpp"

#include <doctest/doctest.h>

#include <string>

#include "apps/vigil/inspection.hpp"

using namespace load;

namespace {

Plan plan_for(sip::Transport transport) {
    Plan plan;
    plan.server.transport = transport;
    plan.domain = "example.com";
    plan.prefix = "user";
    return plan;
}

void fill(Stamp& stamp, const Plan& plan) {
    stamp.set_port(5070);
    stamp.set_expires(600);
    stamp.set_call_id({'s', 0x1F, 2});
    stamp.set_cseq(cseq_base + 1);
    stamp.set_user(Slot::user, plan.prefix, 12);
    stamp.set_user(Slot::watcher, plan.prefix, 13);
    stamp.set_version(3);
    stamp.set_part(1);
}

bool is_good(const std::string& message) {
    const auto found = vigil::inspect_sip(message, sip::Leniency::strict());
    INFO(found.fields.rule);
    CHECK(found.fields.ok);
    return found.fields.ok;
}

bool has(const std::string& message, std::string_view part) {
    return message.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("A SUBSCRIBE is good SIP in and out of a dialog") {
    const Plan plan = plan_for(sip::Transport::udp);
    const Requests requests = Requests::make(plan, "127.0.0.1", "run");
    Stamp stamp;
    fill(stamp, plan);
    stamp.set(Slot::target, "sip:user0000012@example.com");
    const std::string first = requests.subscribe.render(stamp.values());
    CHECK(is_good(first));
    CHECK(has(first, "To: <sip:user0000012@example.com>\r\n"));
    CHECK(has(first, "From: <sip:user0000013@example.com>;tag=s0000001f.0002-run\r\n"));
    CHECK(has(first, "Call-ID: s0000001f.0002-run@127.0.0.1\r\n"));
    CHECK(has(first, "Via: SIP/2.0/UDP 127.0.0.1:5070;rport;branch="));
    CHECK(has(first, "Contact: <sip:load@127.0.0.1:5070>\r\n"));
    CHECK(has(first, "Expires: 600\r\n"));
    stamp.set(Slot::target, "sip:server@127.0.0.1:5060");
    stamp.set(Slot::routes, "Route: <sip:p;lr>\r\n");
    stamp.set(Slot::tag, ";tag=there");
    const std::string refresh = requests.subscribe.render(stamp.values());
    CHECK(is_good(refresh));
    CHECK(refresh.starts_with("SUBSCRIBE sip:server@127.0.0.1:5060 SIP/2.0\r\n"));
    CHECK(has(refresh, "To: <sip:user0000012@example.com>;tag=there\r\nRoute: <sip:p;lr>\r\n"));
}

TEST_CASE("A stream has its transport in Via and Contact") {
    const Plan plan = plan_for(sip::Transport::tcp);
    const Requests requests = Requests::make(plan, "[::1]", "run");
    Stamp stamp;
    fill(stamp, plan);
    stamp.set(Slot::target, "sip:a@b");
    for (const Template* each : {&requests.subscribe, &requests.options}) {
        const std::string text = each->render(stamp.values());
        CHECK(is_good(text));
        CHECK(has(text, "Via: SIP/2.0/TCP [::1]:5070;"));
        CHECK(has(text, "Contact: <sip:load@[::1]:5070;transport=tcp>\r\n"));
    }
}

TEST_CASE("Each request of an agent has a branch of its own") {
    const Plan plan = plan_for(sip::Transport::udp);
    Stamp one, two;
    fill(one, plan);
    fill(two, plan);
    CHECK(one.value(Slot::branch) == two.value(Slot::branch));
    two.set_cseq(cseq_base + 2);
    CHECK(one.value(Slot::branch) != two.value(Slot::branch));
    fill(two, plan);
    two.set_call_id({'p', 0x1F, 2});
    two.set_cseq(cseq_base + 1);
    CHECK(one.value(Slot::branch) != two.value(Slot::branch));
}

TEST_CASE("A PUBLISH is good SIP, its document good PIDF and as long as it says, of any size") {
    for (const std::uint32_t bytes : {0U, 300U, 1'000U, 5'000U, 60'000U}) {
        CAPTURE(bytes);
        Plan plan = plan_for(sip::Transport::udp);
        plan.body_bytes = bytes;
        const Requests requests = Requests::make(plan, "127.0.0.1", "run");
        Stamp stamp;
        fill(stamp, plan);
        stamp.set(Slot::entity_tag, "SIP-If-Match: abc\r\n");
        const std::string text = requests.publish.render(stamp.values());
        CHECK(is_good(text));
        CHECK(has(text, "\r\nSIP-If-Match: abc\r\n"));
        const std::string body = text.substr(text.find("\r\n\r\n") + 4);
        CHECK(has(text, "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n"));
        CHECK(body.size() >= bytes);
        CHECK(body.size() < bytes + bytes / 16 + 700);
        const auto document = vigil::inspect_pidf(body, true);
        INFO(document.fields.rule);
        CHECK(document.fields.ok);
        CHECK(has(body, "entity=\"sip:user0000012@example.com\""));
        CHECK(has(body, "<note>00000003</note>"));
        CHECK(is_good(requests.touch.render(stamp.values())));
    }
}

TEST_CASE("A prefix as long as may be leaves room for the digits") {
    Stamp stamp;
    stamp.set_user(Slot::user, std::string(32, 'x'), 9'999'999);
    CHECK(stamp.value(Slot::user) == std::string(32, 'x') + "9999999");
}
