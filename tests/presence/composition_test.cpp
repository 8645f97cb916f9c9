#include "presence/composition.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cctype>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/presence/composition_world.hpp"

using World = CompositionWorld;

TEST_CASE(
    "R4479-OUR-3: with nothing known there is one closed tuple, and nothing that tells more") {
    World w;
    const std::string nothing = w.compose();
    CHECK(nothing.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>"));
    CHECK(count_of(nothing, "<tuple ") == 1);
    CHECK(count_of(nothing, "<basic>closed</basic>") == 1);
    CHECK(count_of(nothing, "<contact>sip:alice@example.com</contact>") == 1);
    CHECK(count_of(nothing, "entity=\"sip:alice@example.com\"") == 1);
    CHECK(count_of(nothing, "timestamp") == 0);
    CHECK(count_of(nothing, "note") == 0);
    CHECK(nothing == w.compose());
    // The id is a keyed hash of the presentity: nobody tells one from another without the key.
    World other_key, other_presentity;
    other_key.key = {3, 4};
    other_presentity.presentity = "bob@example.com";
    CHECK(ids_of(nothing) != ids_of(other_key.compose()));
    CHECK(ids_of(nothing) != ids_of(other_presentity.compose()));
    // An id may not begin with a digit (xs:ID).
    for (std::uint64_t k = 0; k < 50; ++k) {
        World w_k;
        w_k.key = {k, k};
        CHECK(std::isalpha(static_cast<unsigned char>(ids_of(w_k.compose()).at(0)[0])) != 0);
    }
}

TEST_CASE("a publication that says nothing at all is as good as none") {
    World w;
    const std::string nothing = w.compose();
    w.publish(document(""), 1, 1);
    CHECK(w.compose() == nothing);
}

TEST_CASE("clients.md 6: the newest publication stands first") {
    World w;
    w.publish(document(tuple("a", "open", "<contact>sip:one@h</contact>")), 1, 10)
        .publish(document(tuple("b", "closed", "<contact>sip:two@h</contact>")), 2, 30)
        .publish(document(tuple("c", "open", "<contact>sip:three@h</contact>")), 3, 20);
    CHECK(in_order(w.compose(), {"sip:two@h", "sip:three@h", "sip:one@h"}));
}

TEST_CASE("D-9 R3903-10.4-2: ids stay unique, and the same for a chain and an original id") {
    World w;
    w.publish(document(tuple("t1", "open") + tuple("t2", "open")), 1, 10)
        .publish(document(tuple("t1", "closed")), 2, 20);
    const std::vector<std::string> before = ids_of(w.compose());
    REQUIRE(before.size() == 3);
    CHECK(std::set<std::string>(before.begin(), before.end()).size() == 3);
    CHECK(std::find(before.begin(), before.end(), "t1") == before.end());
    // The first publisher changes its state: same chain, so the same ids, in front now.
    w.entries[0] = {document(tuple("t1", "closed") + tuple("t2", "open")), 1, at(30)};
    const std::vector<std::string> after = ids_of(w.compose());
    CHECK(after == std::vector{before[1], before[2], before[0]});
    // Another chain with the same original id is another tuple.
    w.entries[0].chain = 3;
    CHECK(ids_of(w.compose())[0] != before[1]);
}

TEST_CASE("R4479-5-1: ids are unique over tuples, persons and devices") {
    World w;
    const std::string same =
        "<dm:person id=\"p\"><r:activities><r:away/></r:activities></dm:person>"
        "<dm:device id=\"d\"><dm:deviceID>urn:x:1</dm:deviceID></dm:device>";
    w.publish(document(tuple("t", "open") + same), 1, 10)
        .publish(document(tuple("t", "open") + same), 2, 20);
    const std::vector<std::string> ids = ids_of(w.compose());
    CHECK(ids.size() == 4);  // two tuples, one person, one device
    CHECK(std::set<std::string>(ids.begin(), ids.end()).size() == ids.size());
}

TEST_CASE("R4479-OUR-2: the same service on the same device is told once, as it was said last") {
    const std::string device = "<dm:deviceID>urn:uuid:1</dm:deviceID>";
    World w;
    w.publish(document(tuple("a", "open", device + "<contact>sip:Alice@HOST</contact>")), 1, 10)
        .publish(document(tuple("b", "closed", device + "<contact>sip:Alice@host</contact>")), 2,
                 20);
    const std::string merged = w.compose();
    CHECK(count_of(merged, "<tuple ") == 1);
    CHECK(count_of(merged, "<basic>closed</basic>") == 1);
    // Another device, or another service, is another tuple; and so is an unknown device.
    w.publish(document(tuple("c", "open",
                             "<dm:deviceID>urn:uuid:2</dm:deviceID>"
                             "<contact>sip:Alice@host</contact>")),
              3, 5)
        .publish(document(tuple("d", "open", device + "<contact>im:alice@host</contact>")), 4, 6)
        .publish(document(tuple("e", "open", "<contact>sip:Alice@host</contact>")), 5, 7)
        .publish(document(tuple("f", "open", "<contact>sip:Alice@host</contact>")), 6, 8);
    CHECK(count_of(w.compose(), "<tuple ") == 5);
}

TEST_CASE("R3863-4.1.2-3: conflicting tuples of one publication are left as they are") {
    const std::string rest =
        "<dm:deviceID>urn:uuid:1</dm:deviceID><contact>sip:alice@host</contact>";
    World w;
    w.publish(document(tuple("a", "open", rest) + tuple("b", "closed", rest)), 1, 10);
    CHECK(count_of(w.compose(), "<tuple ") == 2);
}

TEST_CASE("R4479-OUR-2: persons become one, each attribute from the newest that has it") {
    World w;
    w.publish(document("<dm:person id=\"p\"><r:activities><r:away/></r:activities>"
                       "<r:mood><r:happy/></r:mood><x:extra>old</x:extra>"
                       "<dm:note>old note</dm:note></dm:person>"),
              1, 10)
        .publish(document("<dm:person id=\"q\"><r:activities><r:busy/></r:activities>"
                          "<dm:note>new note</dm:note></dm:person>"),
                 2, 20);
    const std::string merged = w.compose();
    CHECK(count_of(merged, "person id=") == 1);
    CHECK(count_of(merged, "busy") == 1);
    CHECK(count_of(merged, "away") == 0);
    CHECK(count_of(merged, "happy") == 1);
    CHECK(count_of(merged, ">old<") == 1);
    CHECK(count_of(merged, "new note") == 1);
    CHECK(count_of(merged, "old note") == 0);
    CHECK(count_of(merged, "<tuple ") == 0);
    // Its id outlives a change of who is newest.
    const auto id = ids_of(merged);
    w.entries[0].changed = at(30);
    CHECK(ids_of(w.compose()) == id);
    CHECK(count_of(w.compose(), "old note") == 1);
}

TEST_CASE("R4479-OUR-2: devices by deviceID, the newest of each") {
    World w;
    w.publish(document("<dm:device id=\"d\"><r:user-input>idle</r:user-input>"
                       "<dm:deviceID>urn:uuid:1</dm:deviceID></dm:device>"),
              1, 10)
        .publish(document("<dm:device id=\"d\"><r:user-input>active</r:user-input>"
                          "<dm:deviceID>urn:uuid:1</dm:deviceID></dm:device>"
                          "<dm:device id=\"e\"><dm:deviceID>urn:uuid:2</dm:deviceID></dm:device>"),
                 2, 20);
    const std::string merged = w.compose();
    CHECK(count_of(merged, "device id=") == 2);
    CHECK(count_of(merged, ">active<") == 1);
    CHECK(count_of(merged, ">idle<") == 0);
}

TEST_CASE("R3863-4.1.3-1 R3863-4.1.4-1: a tuple whose status says nothing is left out") {
    const std::string silent = "<tuple id=\"s\"><status/><note>n</note></tuple>";
    const std::string other = "<tuple id=\"o\"><status><x:mood>fine</x:mood></status></tuple>";
    World w;
    w.publish(document(silent + tuple("t", "open") + other), 1, 1);
    const std::string text = w.compose();
    CHECK(count_of(text, "<tuple ") == 2);
    CHECK(count_of(text, "<basic>") == 1);
    CHECK(count_of(text, "fine") == 1);
    CHECK(count_of(text, "<note>") == 0);
    World nothing;
    nothing.publish(document(silent), 1, 1);
    World empty;
    CHECK(nothing.compose() == empty.compose());
}

TEST_CASE("R3863-4.2.3-1: notes and unknown elements come through, those of the newest first") {
    World w;
    w.publish(document(tuple("a", "open", "<x:inside a=\"1\">deep</x:inside><note>tuple</note>") +
                       "<note xml:lang=\"en\">first</note><x:outside/>"),
              1, 10)
        .publish(document(tuple("b", "open") + "<note>second</note>"), 2, 20);
    const std::string merged = w.compose();
    CHECK(in_order(merged, {"second", "first"}));
    CHECK(count_of(merged, ">deep<") == 1);
    CHECK(count_of(merged, ">tuple<") == 1);
    CHECK(count_of(merged, "outside") == 1);
    CHECK(count_of(merged, "urn:example:x") >= 1);
}

TEST_CASE("R3856-7.2-2 R3856-7.2-3: registrations are open tuples behind what was published") {
    World w;
    w.registered = {{"sip:alice@192.0.2.7:5070", 500, true, 1, 1'767'225'600'000},
                    {"sip:alice@192.0.2.8", 1000, false, 2, 1'767'225'600'000}};
    const std::string merged = w.compose();
    CHECK(count_of(merged, "<tuple ") == 2);
    CHECK(count_of(merged, "<basic>open</basic>") == 2);
    CHECK(in_order(merged, {"<contact>sip:alice@example.com</contact>",
                            "<contact priority=\"0.5\">sip:alice@example.com</contact>"}));
    CHECK(count_of(merged, "2026-01-01T00:00:00Z") == 2);
    CHECK(count_of(merged, "192.0.2") == 0);
    const auto ids = ids_of(merged);
    CHECK(ids[0] != ids[1]);

    w.policy.contacts = presence::TupleContact::device;
    CHECK(in_order(w.compose(),
                   {"sip:alice@192.0.2.8</contact>", "sip:alice@192.0.2.7:5070</contact>"}));
    w.publish(document(tuple("a", "open", "<contact>im:alice@example.com</contact>")), 1, 10);
    CHECK(in_order(w.compose(), {"im:alice@example.com", "192.0.2.8", "192.0.2.7"}));
    CHECK(count_of(w.compose(), "<tuple ") == 3);
}

TEST_CASE("R3856-6.7-9: what is published of a contact weighs more than that it is registered") {
    World w;
    w.registered = {{"sip:alice@192.0.2.7", 1000, false, 1, 0}};
    // For the address itself, for the device, and without a contact, which means the address.
    for (const char* contact : {"<contact>sip:alice@EXAMPLE.com</contact>",
                                "<contact>sip:alice@192.0.2.7</contact>", ""}) {
        CAPTURE(contact);
        w.entries.clear();
        w.publish(document(tuple("a", "closed", contact)), 1, 10);
        CHECK(count_of(w.compose(), "<tuple ") == 1);
        CHECK(count_of(w.compose(), "<basic>closed</basic>") == 1);
    }
    w.entries.clear();
    w.publish(document("<dm:person id=\"p\"><r:activities><r:away/></r:activities></dm:person>"), 1,
              10);
    CHECK(count_of(w.compose(), "<basic>open</basic>") == 1);
}

TEST_CASE("R4479-OUR-4: the order in which inputs come makes no difference") {
    World w;
    std::mt19937_64 random(5);
    for (int i = 0; i < 8; ++i) {
        const std::string n = std::to_string(i);
        // Some at the same instant, some with the same ids, contacts and devices.
        w.publish(document(tuple("t" + std::to_string(i % 3), i % 2 == 0 ? "open" : "closed",
                                 "<dm:deviceID>urn:uuid:" + std::to_string(i % 4) +
                                     "</dm:deviceID><contact>sip:" + std::to_string(i % 2) +
                                     "@h</contact><note>" + n + "</note>") +
                           "<note>document " + n + "</note><dm:person id=\"p\"><r:mood><r:m" + n +
                           "/></r:mood><x:y" + std::to_string(i % 3) + ">" + n + "</x:y" +
                           std::to_string(i % 3) +
                           "></dm:person><dm:device id=\"d\">"
                           "<dm:deviceID>urn:uuid:" +
                           std::to_string(i % 3) + "</dm:deviceID><dm:note>" + n +
                           "</dm:note></dm:device>"),
                  random(), 10 + i / 3);
    }
    for (std::uint64_t i = 0; i < 4; ++i)
        w.registered.push_back({"sip:a@192.0.2.7", static_cast<std::uint16_t>(500 * (i % 2)), true,
                                random(), 1'767'225'600'000});
    const std::string once = w.compose();
    for (int i = 0; i < 200; ++i) {
        std::shuffle(w.entries.begin(), w.entries.end(), random);
        std::shuffle(w.registered.begin(), w.registered.end(), random);
        REQUIRE(w.compose() == once);
    }
}

TEST_CASE(
    "R3863-4.1.2-2 R4479-3.3-1 D-10: a tuple with a basic status has a contact and a timestamp") {
    World w;
    w.publish(document(tuple("a", "open") + tuple("b", "closed", "<contact>tel:+1</contact>") +
                       tuple("c", "open", "<contact>no uri</contact>") +
                       "<tuple id=\"d\"><status><x:up/></status></tuple>"),
              1, 1);
    const std::string text = w.compose();
    CHECK(count_of(text, "<contact>sip:alice@example.com</contact>") == 2);
    CHECK(count_of(text, "<contact>tel:+1</contact>") == 1);
    // Of a service nobody has said where it is.
    CHECK(count_of(text, "<contact>") == 3);
    CHECK(count_of(text, "<timestamp>2026-01-01T00:00:00Z</timestamp>") == 4);
}

TEST_CASE(
    "R4479-3.6-1 R4479-3.7-1: nothing is said that nobody said, and nothing new within status") {
    World w;
    w.registered = {{"sip:alice@192.0.2.7", 1000, false, 1, 1'767'225'600'000}};
    w.publish(
        document(tuple("a", "open", "<contact>tel:+1</contact><x:e/>") + "<dm:person id=\"p\"/>"),
        1, 1);
    const std::string text = w.compose();
    CHECK(count_of(text, "<status><basic>open</basic></status>") == 2);
    for (const char* absent :
         {"priority", "note", "activities", "deviceID", "dm:timestamp", "lang"})
        CHECK(count_of(text, absent) == 0);
}

TEST_CASE("R4479-5-1: ids inside extensions are nobody else's, and the same for a chain") {
    const std::string ids =
        "<dm:person id=\"p\"><r:activities id=\"a\"><r:away/></r:activities><x:z xml:id=\"b\" "
        "id=\"mine\"/></dm:person><x:y xml:id=\"t\"/>";
    World w;
    w.publish(document(tuple("u", "open", "<r:sphere id=\"a\"/><x:z xml:id=\"c\"/>") + ids), 1, 1)
        .publish(document(tuple("t", "open", "<r:sphere id=\"p\"/>")), 2, 2);
    const std::string text = w.compose();
    CHECK(count_of(text, " id=\"mine\"") == 1);
    std::set<std::string> seen;
    std::size_t all = 0;
    for (const std::string_view name : {" id=\"", " xml:id=\""})
        for (auto i = text.find(name); i != text.npos; i = text.find(name, i + 1), ++all)
            seen.insert(
                text.substr(i + name.size(), text.find('"', i + name.size()) - i - name.size()));
    // Two tuples, a person, one sphere of the first (its second id goes), activities, three xml:id.
    CHECK(all == seen.size());
    CHECK(all == 9);
    CHECK(seen.count("a") + seen.count("b") + seen.count("c") + seen.count("t") == 0);
    w.entries[0].changed = at(9);
    for (const std::string& id : seen) CHECK(count_of(w.compose(), "\"" + id + "\"") == 1);
}

TEST_CASE("R3863-4.1.6-1 R4479-OUR-2: notes of every publication and language are told") {
    World w;
    w.publish(document(tuple("a", "open",
                             "<note xml:lang=\"en\">a1</note><note xml:lang=\"de\">a2"
                             "</note>") +
                       "<note xml:lang=\"en\">d1</note><note xml:lang=\"fr\">d2</note>"
                       "<dm:person id=\"p\"><dm:note>old</dm:note></dm:person>"
                       "<dm:device id=\"d\"><dm:deviceID>urn:x:1</dm:deviceID>"
                       "<dm:note xml:lang=\"en\">v1</dm:note><dm:note>v2</dm:note></dm:device>"),
              1, 1)
        .publish(document(tuple("b", "open", "<note>b1</note>") +
                          "<note xml:lang=\"en\">d3</note>"
                          "<dm:person id=\"p\"><dm:note xml:lang=\"en\">p1</dm:note>"
                          "<dm:note xml:lang=\"de\">p2</dm:note></dm:person>"),
                 2, 2);
    const std::string text = w.compose();
    for (const char* note :
         {"<note>b1<", "<note xml:lang=\"en\">a1<", "<note xml:lang=\"de\">a2<",
          "<note xml:lang=\"en\">d1<", "<note xml:lang=\"fr\">d2<", "<note xml:lang=\"en\">d3<",
          "<dm:note xml:lang=\"en\">v1<", "<dm:note>v2<", "<dm:note xml:lang=\"en\">p1<",
          "<dm:note xml:lang=\"de\">p2<"}) {
        CAPTURE(note);
        CHECK(count_of(text, note) == 1);
    }
    // The note of a person is an attribute of his: the newest person who has any gives them all.
    CHECK(count_of(text, "old") == 0);
}

TEST_CASE("T-5: of extensions in more namespaces than are declared those of the newest stay") {
    World w;
    for (int source = 0; source < 3; ++source) {
        std::string inside = tuple("t", "open") + "<dm:person id=\"p\"/>";
        for (int i = 0; i < 20; ++i)
            inside += "<z xmlns=\"urn:n:" + std::to_string(20 * source + i) + "\"/>";
        w.publish(document(inside), static_cast<std::uint64_t>(source), source);
    }
    const std::string text = w.compose();
    CHECK(count_of(text, "<tuple ") == 3);
    // 48 with the data model: of the oldest seven.
    CHECK(count_of(text, ":z/>") == 47);
    CHECK(count_of(text, "\"urn:n:59\"") == 1);
    CHECK(count_of(text, "\"urn:n:6\"") == 1);
    CHECK(count_of(text, "\"urn:n:7\"") == 0);
}

TEST_CASE("R4479-OUR-4: at the same instant the tuple id decides") {
    World w;
    w.publish(document(tuple("b", "open", "<contact>sip:b@h</contact>")), 1, 10)
        .publish(document(tuple("a", "open", "<contact>sip:a@h</contact>")), 2, 10);
    CHECK(in_order(w.compose(), {"sip:a@h", "sip:b@h"}));
    std::swap(w.entries[0].chain, w.entries[1].chain);
    CHECK(in_order(w.compose(), {"sip:a@h", "sip:b@h"}));
}

TEST_CASE("what does not fit, cannot be read or has no memory is an error, and leaves nothing") {
    World w;
    w.publish(document(tuple("a", "open")), 1, 10);
    const std::size_t size = w.compose().size();
    std::string room(size, '?');
    CHECK(w.compose_into(room).has_value());
    room.resize(size - 1);
    const auto cut = w.compose_into(room);
    REQUIRE_FALSE(cut);
    CHECK(cut.error().condition == sip::Condition::body_too_large);
    CHECK(w.memory.used() == 0);

    room.assign(65536, '?');
    for (std::uint64_t nth = 0;; ++nth) {
        const std::uint64_t refused = w.memory.refusals();
        w.memory.refuse_after(nth);
        const auto result = w.compose_into(room);
        w.memory.refuse_none();
        CHECK(w.memory.used() == 0);
        if (w.memory.refusals() == refused) {
            CHECK(result.has_value());
            break;
        }
        REQUIRE_FALSE(result);
        CHECK(result.error().condition == sip::Condition::overloaded);
    }
    w.publish("<presence", 2, 20);
    CHECK_FALSE(w.compose_into(room).has_value());
}

namespace {

/// What was left out, one a line: "tuple t1 of 2 for 3: why".
struct Told final : presence::CompositionObserver {
    void left_out(const LeftOut& what) override {
        lines.insert(std::string(what.what) + " " + std::string(what.name) + " of " +
                     std::to_string(what.chain) + " for " + std::to_string(what.in_favour) + ": " +
                     std::string(what.because));
    }
    std::set<std::string> lines;
};

}  // namespace

TEST_CASE("R4479-OUR-2: what a composition leaves out is told, with what stands instead") {
    World w;
    Told told;
    w.observer = &told;
    const std::string there =
        "<dm:deviceID>urn:d</dm:deviceID><contact>sip:alice@192.0.2.7</contact>";
    w.publish(document(tuple("old", "open", there) + "<tuple id=\"mute\"><status/></tuple>" +
                       "<dm:person id=\"p\"><r:activities><r:away/></r:activities></dm:person>" +
                       "<dm:device id=\"d\"><dm:deviceID>urn:d</dm:deviceID></dm:device>"),
              11, 1);
    w.publish(document(tuple("new", "closed", there) +
                       "<dm:person id=\"q\"><r:activities><r:busy/></r:activities></dm:person>" +
                       "<dm:device id=\"e\"><dm:deviceID>urn:d</dm:deviceID></dm:device>"),
              22, 2);
    w.registered.push_back({"sip:alice@192.0.2.7", 1000, false, 5, 0});
    w.registered.push_back({"sip:alice@192.0.2.8", 1000, false, 6, 0});
    const std::string composed = w.compose();
    CHECK(told.lines ==
          std::set<std::string>{
              "device urn:d of 11 for 0: a newer one tells of it",
              "person attribute activities of 11 for 0: another person's goes before it",
              "registration sip:alice@192.0.2.7 of 0 for 22: a publication speaks for the same "
              "contact",
              "tuple mute of 11 for 0: its status says nothing",
              "tuple old of 11 for 22: a newer publication tells of the same service",
          });
    // To be listened to changes nothing.
    w.observer = nullptr;
    CHECK(w.compose() == composed);
}

TEST_CASE("a publication for the address itself leaves every registration out, and says so") {
    World w;
    Told told;
    w.observer = &told;
    w.publish(document(tuple("t", "open", "<contact>pres:alice@example.com</contact>")), 11, 1);
    w.registered.push_back({"sip:alice@192.0.2.7", 1000, false, 5, 0});
    (void)w.compose();
    CHECK(told.lines ==
          std::set<std::string>{"registration sip:alice@192.0.2.7 of 0 for 11: a publication "
                                "speaks for the address itself"});
}
