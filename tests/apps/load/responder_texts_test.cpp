#include "apps/load/responder_texts.hpp"

#include <doctest/doctest.h>

#include <string>

#include "apps/load/incoming.hpp"
#include "apps/load/requests.hpp"
#include "apps/vigil/inspection.hpp"

using namespace load;

namespace {

struct World {
    Plan plan;
    Requests requests = Requests::make(plan, "127.0.0.1", "run");
    ResponderTexts texts{"127.0.0.1:5060", 3, 0};

    std::string request(const Template& from, CallId id, std::uint32_t expires = 3'600,
                        std::string_view tag = "") {
        Stamp stamp;
        stamp.set_port(5070);
        stamp.set_expires(expires);
        stamp.set_call_id(id);
        stamp.set_cseq(cseq_base + 1);
        stamp.set_user(Slot::user, plan.prefix, 1);
        stamp.set_user(Slot::watcher, plan.prefix, 2);
        stamp.set_version(1);
        stamp.set_part(0);
        stamp.set(Slot::target, "sip:u0000001@localhost");
        stamp.set(Slot::tag, tag);
        return from.render(stamp.values());
    }
    std::string response(const std::string& message) {
        const auto& found = texts.find(message);
        std::string out(texts.response_size(found), '\0');
        out.resize(static_cast<std::size_t>(texts.write_response(out.data(), found, message) -
                                            out.data()));
        return out;
    }
    std::string notify(const std::string& message, std::uint32_t index) {
        const auto& found = texts.find(message);
        std::string out(texts.notify_size(found), '\0');
        out.resize(static_cast<std::size_t>(texts.write_notify(out.data(), found, message, index) -
                                            out.data()));
        return out;
    }
};

bool is_good(const std::string& message) {
    const auto found = vigil::inspect_sip(message, sip::Leniency::strict());
    INFO(found.fields.rule);
    CHECK(found.fields.ok);
    return found.fields.ok;
}

}  // namespace

TEST_CASE("What the floor says is good SIP, and repeats what a response has to") {
    World world;
    for (std::uint32_t i = 0; i < 3; ++i) {  // the first is learnt from, the others are not read
        const std::string asked = world.request(world.requests.subscribe, {'s', i, 1});
        const std::string response = world.response(asked), notify = world.notify(asked, 0);
        CHECK(is_good(response));
        CHECK(is_good(notify));
        const auto request = read_incoming(asked), in = read_incoming(response);
        REQUIRE(in);
        CHECK(in->call_id == request->call_id);
        CHECK(in->from == request->from);
        CHECK(in->to == std::string(request->to) + ";tag=floor");
        CHECK(in->cseq == cseq_base + 1);
        const auto told = read_incoming(notify);
        REQUIRE(told);
        CHECK(told->call_id == request->call_id);
        CHECK(tag_of(told->from) == "floor");
        CHECK_FALSE(told->is_terminated());
        CHECK(told->cseq == i + 1);
    }
}

TEST_CASE("The floor tells a refresh from an end, and leaves the tag as it is") {
    World world;
    const std::string refresh =
        world.request(world.requests.subscribe, {'s', 1, 1}, 3'600, ";tag=floor");
    const std::string end = world.request(world.requests.subscribe, {'s', 1, 1}, 0, ";tag=floor");
    CHECK(read_incoming(world.response(refresh))->to == read_incoming(refresh)->to);
    CHECK_FALSE(read_incoming(world.notify(refresh, 0))->is_terminated());
    CHECK(read_incoming(world.notify(end, 0))->is_terminated());
}

TEST_CASE("The floor tells each watcher of a presentity of a publication") {
    World world;
    for (const std::uint32_t presentity : {0U, 0x1234U}) {
        const std::string asked = world.request(world.requests.publish, {'p', presentity, 1});
        const auto& found = world.texts.find(asked);
        CHECK(found.asked == ResponderTexts::Asked::publish);
        CHECK(found.has_document);
        CHECK_FALSE(
            world.texts.find(world.request(world.requests.touch, {'p', 1, 1})).has_document);
        CHECK(world.texts.presentity_of(found, asked) == presentity);
        CHECK(is_good(world.response(asked)));
        const std::string notify = world.notify(asked, presentity * 3 + 2);
        const auto id = CallId::read(read_incoming(notify)->call_id, "run");
        REQUIRE(id);
        CHECK(id->kind == 's');
        CHECK(id->index == presentity * 3 + 2);
    }
}

TEST_CASE("A message that is as long as another one but other is read anew") {
    World world;
    const std::string asked = world.request(world.requests.subscribe, {'s', 1, 1});
    std::string moved = asked;
    const auto via = moved.find("Via: ");
    const auto end = moved.find("\r\n", via) + 2;
    const std::string line = moved.substr(via, end - via);
    moved.erase(via, line.size());
    moved.insert(moved.find("From: "), line);  // the same length, another order
    REQUIRE(moved.size() == asked.size());
    CHECK(read_incoming(world.response(asked))->call_id == read_incoming(asked)->call_id);
    CHECK(read_incoming(world.response(moved))->call_id == read_incoming(asked)->call_id);
    CHECK(world.texts.find("").asked == ResponderTexts::Asked::nothing);
    CHECK(world.texts.find("SIP/2.0 200 OK\r\n\r\n").asked == ResponderTexts::Asked::nothing);
    CHECK(world.texts.find("SUBSCRIBE").asked == ResponderTexts::Asked::nothing);
}
