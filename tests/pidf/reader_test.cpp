#include "pidf/reader.hpp"

#include "pidf/namespaces.hpp"
#include "tests/pidf/room.hpp"

using namespace pidf;
using sip::Condition;

namespace {

constexpr ReadOptions strict{.strict = true};
constexpr std::string_view data_model =
    "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='sip:a@b.c' "
    "xmlns:dm='urn:ietf:params:xml:ns:pidf:data-model'>";

/// Keeps what a document lives in.
struct Read {
    explicit Read(std::string_view text, const ReadOptions& options = {}) {
        const auto result = read(text, room.arena, options);
        REQUIRE_MESSAGE(result, std::string(text));
        document = *result;
    }
    const Document* operator->() const { return document; }
    Room room;
    const Document* document = nullptr;
};
template <class T>
std::size_t count(const List<T>& list) {
    std::size_t n = 0;
    for ([[maybe_unused]] const T& one : list) ++n;
    return n;
}
std::size_t count_of(std::string_view text, std::string_view part) {
    std::size_t n = 0;
    for (auto i = text.find(part); i != text.npos; i = text.find(part, i + 1)) ++n;
    return n;
}
std::string tuple(std::string_view inside) {
    return presence("<tuple id='t'>" + std::string(inside) + "</tuple>");
}
std::string status(std::string_view inside) {
    return tuple("<status>" + std::string(inside) + "</status>");
}
std::string with_data_model(std::string_view inside) {
    return std::string(data_model) + std::string(inside) + "</presence>";
}
const std::string open = "<status><basic>open</basic></status>";

}  // namespace

TEST_CASE("R3863-4.1.1-1: the root is presence in its namespace, whatever its prefix") {
    CHECK(Read("<q:presence xmlns:q='urn:ietf:params:xml:ns:pidf' entity=' sip:a@b '/>")->entity ==
          "sip:a@b");
    for (const std::string_view text :
         {"<presence/>", "<presence xmlns='urn:ietf:params:xml:ns:pidf:'/>",
          "<Presence xmlns='urn:ietf:params:xml:ns:pidf'/>",
          "<presence xmlns='URN:ietf:params:xml:ns:pidf'/>",
          "<tuple xmlns='urn:ietf:params:xml:ns:pidf'/>"})
        CHECK(fault_in_pidf(text) == Fault{"PIDF: root element is not presence", 1});
    const std::string_view no_entity = "<presence xmlns='urn:ietf:params:xml:ns:pidf'/>";
    CHECK(fault_in_pidf(no_entity) == Fault{});
    CHECK(fault_in_pidf(no_entity, strict) == Fault{"PIDF: entity is missing", 1});
    CHECK(fault_in_pidf(presence("words")) == Fault{"PIDF: text in presence", 1});
}

TEST_CASE(
    "R3863-4.1.1-2: zero tuples are legal; strictly tuples, notes, extensions in this order") {
    CHECK(fault_in_pidf(presence(""), strict) == Fault{});
    const std::string swapped = presence("<note>n</note><tuple id='t'>" + open + "</tuple>");
    CHECK(fault_in_pidf(swapped) == Fault{});
    CHECK(fault_in_pidf(swapped, strict) ==
          Fault{"PIDF: order is tuple, note, extensions", 65 + 14 + 1});
    CHECK(fault_in_pidf(presence("<z xmlns='n'/><note>n</note>"), strict).offset == 65 + 14 + 1);
    CHECK(fault_in_pidf(presence("<tuple id='t'>" + open + "</tuple><note>n</note><z xmlns='n'/>"),
                        strict) == Fault{});
}

TEST_CASE("R3863-4.1.2-1: a tuple has an id and a status; strictly its children are in order") {
    CHECK(fault_in_pidf(presence("<tuple>" + open + "</tuple>")) ==
          Fault{"PIDF: id is missing or no XML name", 66});
    CHECK(fault_in_pidf(presence("<tuple id='  '>" + open + "</tuple>")).offset == 66);
    CHECK(fault_in_pidf(tuple("")) == Fault{"PIDF: status is missing", 66});
    CHECK(fault_in_pidf(tuple(open + open)).rule == "PIDF: status stands twice");
    CHECK(fault_in_pidf(tuple(open + "<contact>a:b</contact><contact>c:d</contact>")).rule ==
          "PIDF: contact stands twice");
    const std::string stamp = "<timestamp>2026-11-23T08:00:00Z</timestamp>";
    const std::string contact = "<contact>a:b</contact>", note = "<note>n</note>";
    CHECK(fault_in_pidf(tuple(open + "<z xmlns='n'/>" + contact + note + note + stamp), strict) ==
          Fault{});
    for (const std::string& wrong :
         {note + open, open + contact + "<z xmlns='n'/>", open + note + contact,
          open + stamp + note, open + stamp + stamp}) {
        CAPTURE(wrong);
        CHECK(fault_in_pidf(tuple(wrong)) == Fault{});
        CHECK(fault_in_pidf(tuple(wrong), strict).rule ==
              "PIDF: order is status, extensions, contact, note, timestamp");
    }
    const Read read(tuple(note + stamp + contact + open));
    CHECK(read->tuples.first->contact == "a:b");
    CHECK(read->tuples.first->timestamp.wall_ms == 1'795'420'800'000);
}

TEST_CASE("R3863-4.1.2-1: strictly an id is an XML name; leniently what is none becomes one") {
    const std::pair<std::string_view, std::string_view> ids[] = {{"1", "_1"},
                                                                 {"0x1f", "_0x1f"},
                                                                 {"a b", "_a_20b"},
                                                                 {"a:b", "_a_3Ab"},
                                                                 {"-", "_-"},
                                                                 {"\xC2\xB7",
                                                                  "_\x5F"
                                                                  "C2_B7"},
                                                                 {"_ _", "__5F_20_5F"}};
    for (const auto& [id, name] : ids) {
        const std::string text =
            presence("<tuple id='" + std::string(id) + "'>" + open + "</tuple>");
        CHECK(Read(text)->tuples.first->id == name);
        CHECK(fault_in_pidf(text, strict) == Fault{"PIDF: id is missing or no XML name", 66});
    }
    // One that somebody else has already is not taken from him.
    const auto tuple_with = [](std::string_view id) {
        return "<tuple id='" + std::string(id) + "'>" + open + "</tuple>";
    };
    const Read read(presence(tuple_with("__1") + tuple_with("1") + tuple_with("_1")));
    CHECK(read->tuples.first->id == "__1");
    CHECK(read->tuples.first->next->id == "___1");
    CHECK(read->tuples.last->id == "_1");
}

TEST_CASE("R3863-4.1.2-1 R4479-3-1: ids are unique over tuples, persons and devices") {
    const std::string tuple_x = "<tuple id='x'>" + open + "</tuple>";
    const std::string person_x = "<dm:person id=' x '/>";
    const std::string device_x = "<dm:device id='x'><dm:deviceID>u:1</dm:deviceID></dm:device>";
    for (const std::string& pair :
         {tuple_x + tuple_x, tuple_x + person_x, tuple_x + device_x, person_x + device_x,
          person_x + person_x, device_x + device_x, device_x + tuple_x}) {
        const Fault fault = fault_in_pidf(with_data_model(pair));
        CHECK(fault.rule == "PIDF: id stands twice");
        CHECK(fault.offset > data_model.size() + 10);
    }
    CHECK(fault_in_pidf(with_data_model(person_x + "<dm:person id='X'/>")) == Fault{});
}

TEST_CASE("R3863-4.1.3-1: a status may do without basic; strictly not without anything") {
    CHECK_FALSE(Read(status("<z xmlns='n'/>"), strict)->tuples.first->basic.has_value());
    CHECK_FALSE(Read(status(""))->tuples.first->basic.has_value());
    CHECK(fault_in_pidf(status(""), strict) == Fault{"PIDF: status is empty", 80});
    const std::string late = status("<z xmlns='n'/><basic>open</basic>");
    CHECK(fault_in_pidf(late) == Fault{});
    CHECK(fault_in_pidf(late, strict).rule == "PIDF: order is basic, extensions");
}

TEST_CASE("R3863-4.1.4-1: basic is exactly open or closed, and nothing is made up") {
    CHECK(Read(status("<basic>open</basic>"))->tuples.first->basic == Basic::open);
    CHECK(Read(status("<basic>\n closed </basic>"))->tuples.first->basic == Basic::closed);
    CHECK(Read(status("<basic>op<!-- -->en</basic>"))->tuples.first->basic == Basic::open);
    CHECK(Read(status("<basic>&#111;pen</basic>"))->tuples.first->basic == Basic::open);
    for (const std::string_view wrong : {"Open", "OPEN", "opened", "", "unknown", "open closed",
                                         "o pen", "<b xmlns='n'>open</b>"}) {
        CAPTURE(wrong);
        CHECK(fault_in_pidf(status("<basic>" + std::string(wrong) + "</basic>")) ==
              Fault{"PIDF: basic is neither open nor closed", 88});
    }
    CHECK(fault_in_pidf(status("<basic>open</basic><basic>open</basic>")).rule ==
          "PIDF: basic stands twice");
    CHECK_FALSE(Read(status("<basic xmlns='n'>open</basic>"))->tuples.first->basic.has_value());
}

TEST_CASE("R3863-4.1.5-1: a priority is 0 to 1 with three digits at most, else it is ignored") {
    const auto priority = [](std::string_view text) {
        const Read read(
            tuple(open + "<contact priority='" + std::string(text) + "'>sip:a@b</contact>"));
        CHECK(read->tuples.first->contact == "sip:a@b");
        const auto value = read->tuples.first->priority;
        return value ? int{*value} : -1;
    };
    CHECK(priority("0") == 0);
    CHECK(priority("1") == 1000);
    CHECK(priority("0.5") == 500);
    CHECK(priority("0.05") == 50);
    CHECK(priority("0.001") == 1);
    CHECK(priority("0.999") == 999);
    CHECK(priority("1.000") == 1000);
    CHECK(priority(" 0.25 ") == 250);
    for (const std::string_view wrong : {"", "1.001", "1.1", "2", "-0.1", "0.1234", "0.", ".5",
                                         "00.5", "0,5", "+1", "0.5x", "1e0", "high", "0.5 0.6"}) {
        CAPTURE(wrong);
        CHECK(priority(wrong) == -1);
    }
    CHECK_FALSE(Read(tuple(open + "<contact>a:b</contact>"))->tuples.first->priority.has_value());
}

TEST_CASE("R3863-4.1.6-1: notes keep their language, order and every character") {
    const Read read(
        presence("<note xml:lang='de'>gr&#252;&#223;t &amp; <!-- -->geht</note>"
                 "<note> two\n</note><note/>"));
    REQUIRE(count(read->notes) == 3);
    CHECK(read->notes.first->text == "gr\xC3\xBC\xC3\x9Ft & geht");
    CHECK(read->notes.first->lang == "de");
    CHECK(read->notes.first->next->text == " two\n");
    CHECK(read->notes.first->next->lang.empty());
    CHECK(read->notes.last->text.empty());
}

TEST_CASE("R3863-4.1.6-1: the language of an element around a note is the note's") {
    const Read read(presence("<tuple id='t' xml:lang='fr'>" + open +
                             "<note>a</note><note xml:lang='en'>b</note><note xml:lang=''>c</note>"
                             "</tuple><note>d</note>"));
    const Note* note = read->tuples.first->notes.first;
    CHECK(note->lang == "fr");
    CHECK(note->next->lang == "en");
    CHECK(note->next->next->lang.empty());
    CHECK(read->notes.first->lang.empty());
}

TEST_CASE("R3863-4.1.6-1 R4479-5-1: a language has the form of a language tag, or is not there") {
    const std::pair<std::string_view, std::string_view> forms[] = {{"en", "en"},
                                                                   {" zh-Hant-TW ", "zh-Hant-TW"},
                                                                   {"en_US", "en-US"},
                                                                   {"de_DE.UTF-8", "de-DE"},
                                                                   {"", ""},
                                                                   {"123", ""},
                                                                   {"a b", ""},
                                                                   {"toolongatag", ""},
                                                                   {"en-", ""},
                                                                   {"-", ""},
                                                                   {"i-klingon", "i-klingon"}};
    for (const auto& pair : forms) {
        const std::string_view text = pair.first, form = pair.second;
        CAPTURE(text);
        CHECK(Read(presence("<note xml:lang='" + std::string(text) + "'>n</note>"))
                  ->notes.first->lang == form);
    }
}

TEST_CASE(
    "R3863-4.1.6-1: every note is kept with all its text, wherever and however often it stands") {
    const std::string notes =
        "<note xml:lang='en'>a<!-- --><z xmlns='n'>b</z>c</note><note xml:lang='de'>d</note>"
        "<note xml:lang='de'>d</note>";
    const std::string dm_notes = "<dm:note xml:lang='en'>e</dm:note><dm:note>f</dm:note>";
    const Read read(with_data_model("<tuple id='t'>" + open + notes + "</tuple>" + notes +
                                    "<dm:person id='p'>" + dm_notes + "</dm:person>" +
                                    "<dm:device id='d'><dm:deviceID>u:1</dm:deviceID>" + dm_notes +
                                    "</dm:device>"));
    for (const List<Note>& list : {read->notes, read->tuples.first->notes}) {
        REQUIRE(count(list) == 3);
        CHECK(list.first->text == "ac");
        CHECK(list.first->lang == "en");
        CHECK(list.last->lang == "de");
    }
    for (const List<Note>& list : {read->persons.first->notes, read->devices.first->notes}) {
        REQUIRE(count(list) == 2);
        CHECK(list.first->lang == "en");
        CHECK(list.last->text == "f");
    }
    const std::string text = written(*read.document);
    CHECK(count_of(text, ">ac<") == 2);
    CHECK(count_of(text, "xml:lang=\"de\">d<") == 4);
    CHECK(count_of(text, "<dm:note xml:lang=\"en\">e<") == 2);
    CHECK(count_of(text, "<dm:note>f<") == 2);
}

TEST_CASE("R3863-OUR-1 T-5: notes of a document and all in it are counted") {
    const auto notes = [](int n) {
        std::string inside = "<tuple id='t'>" + open + "<note/></tuple>";
        for (int i = 1; i < n; ++i) inside += "<note>" + std::to_string(i) + "</note>";
        return presence(inside);
    };
    CHECK(count(Read(notes(256))->notes) == 255);
    CHECK(fault_in_pidf(notes(257)).rule == "PIDF: too many notes");
    CHECK(fault_in_pidf(notes(257)).condition == Condition::body_too_large);
    CHECK(fault_in_pidf(notes(2), {.notes = 1}).condition == Condition::body_too_large);
}

TEST_CASE("R3863-4.1.7-1: fractions and offsets are read; what cannot be read is no timestamp") {
    const auto stamp = [](std::string_view text) {
        const Read read(tuple(open + "<timestamp>" + std::string(text) + "</timestamp>"));
        return read->tuples.first->timestamp.wall_ms.value_or(-1);
    };
    CHECK(stamp("2026-11-23T08:00:00Z") == 1'795'420'800'000);
    CHECK(stamp(" 2026-11-23T09:00:00.25+01:00\n") == 1'795'420'800'250);
    for (const std::string_view wrong :
         {"", "yesterday", "2026-11-23", "2026-13-01T00:00:00Z", "2026-11-23T08:00:00",
          "2026-02-29T08:00:00Z", "2026-11-23T24:00:00Z", "2026-11-23T08:00:00.Z",
          "2026-11-23 08:00:00Z", "-2026-11-23T08:00:00Z", "0000-01-01T00:00:00Z"}) {
        CAPTURE(wrong);
        const std::string text = tuple(open + "<timestamp>" + std::string(wrong) + "</timestamp>");
        CHECK(stamp(wrong) == -1);
        CHECK(Read(text)->tuples.first->timestamp.text.empty());
        CHECK(fault_in_pidf(text, strict).rule == "PIDF: timestamp is malformed");
    }
}

TEST_CASE(
    "R3863-4.1.7-1 R4479-5-1: a timestamp gets the form that RFC 3863 and xs:dateTime share") {
    const std::pair<std::string_view, std::string_view> forms[] = {
        {"2026-11-23T08:00:00Z", "2026-11-23T08:00:00Z"},
        {"2026-11-23T08:00:00.120+14:00", "2026-11-23T08:00:00.120+14:00"},
        {"2026-11-23t08:00:00z", "2026-11-23T08:00:00Z"},
        {"2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"},
        {"2026-11-23T08:00:00-14:01", "2026-11-23T22:01:00Z"},
        {"2026-11-23T08:00:00+23:59", "2026-11-22T08:01:00Z"},
        {"0000-12-31T23:30:00-01:00", "0001-01-01T00:30:00Z"},
        {"9999-12-31T23:59:60Z", ""},
        {"9999-12-31t23:59:59.999z", "9999-12-31T23:59:59.999Z"}};
    for (const auto& pair : forms) {
        const std::string_view text = pair.first, form = pair.second;
        CAPTURE(text);
        const std::string inside = "<timestamp>" + std::string(text) + "</timestamp>";
        const Read read(tuple(open + inside));
        CHECK(read->tuples.first->timestamp.text == form);
        CHECK((fault_in_pidf(tuple(open + inside), strict) == Fault{}) == (text == form));
    }
}

TEST_CASE("R3863-4.1.7-1: of several timestamps the latest counts, in any order; strictly none") {
    const std::string early = "<timestamp>2026-11-23T08:00:00Z</timestamp>";
    const std::string late = "<timestamp>2026-11-23T08:00:00.001Z</timestamp>";
    const std::string bad = "<timestamp>tomorrow</timestamp>";
    for (const std::string& both :
         {early + late, late + early, early + bad + late, late + early + bad}) {
        CHECK(Read(tuple(open + both))->tuples.first->timestamp.text == "2026-11-23T08:00:00.001Z");
        CHECK(fault_in_pidf(tuple(open + both), strict) != Fault{});
    }
}

TEST_CASE(
    "R3863-4.1.5-1 R4479-3.3-1: a contact that is no URI counts as absent; strictly it is "
    "refused") {
    const auto contact = [](std::string_view text) {
        return tuple(open + "<contact priority='1'>" + std::string(text) + "</contact>");
    };
    for (const std::string_view good :
         {"sip:a@b.c", "sip:a@[2001:db8::1]:5060;transport=tcp", "tel:+1", "im:a@b.c", "alice",
          "sip:%41@h", "urn:uuid:1", "http://[::1]:80/x?y#z", "sip:\xC3\xBC@h"})
        CHECK(Read(contact(good), strict)->tuples.first->contact == good);
    for (const std::string_view wrong :
         {"sip:a b", "&lt;sip:a@b&gt;", "sip:a%zz@h", "sip:a%4", ":a", "1:a", "a^b", "http://h:p/",
          "http://a@b@c/", "a#b#c", "sip:a@[x]", "a[::1]", "http://[::1]x/", "sip:[::1"}) {
        CAPTURE(wrong);
        const Read read(contact(wrong));
        CHECK(read->tuples.first->contact.empty());
        CHECK_FALSE(read->tuples.first->priority.has_value());
        CHECK(fault_in_pidf(contact(wrong), strict).rule == "PIDF: contact is no URI");
    }
    const std::string_view entity = "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='a b'/>";
    CHECK(Read(entity)->entity.empty());
    CHECK(fault_in_pidf(entity, strict).rule == "PIDF: entity is no URI");
}

TEST_CASE("R3863-4.2.3-1: unknown elements and attributes are kept where they stand") {
    const Read read(presence(
        "<tuple id='t'><status><basic>open</basic><z xmlns='n' y='1'>s</z></status>"
        "<z xmlns='n'>t</z></tuple><z xmlns='n'><tuple xmlns='urn:ietf:params:xml:ns:pidf'/></z>"));
    const Tuple& tuple = *read->tuples.first;
    REQUIRE(count(tuple.status_extensions) == 1);
    CHECK(tuple.status_extensions.first->attribute("y") == "1");
    CHECK(tuple.extensions.first->simple_text() == "t");
    REQUIRE(count(read->extensions) == 1);
    CHECK(read->extensions.first->children.first->is(pidf_namespace, "tuple"));
    CHECK(count(read->tuples) == 1);
}

TEST_CASE(
    "R3863-4.2.3-1 R4479-5-1: pidf, data model and no namespace have no elements but their own") {
    for (const std::string& text :
         {presence("<extra/>"), tuple(open + "<extra/>"), status("<basic>open</basic><extra/>"),
          presence("<extra xmlns=''/>"), tuple(open + "<extra xmlns=''/>"),
          status("<basic>open</basic><extra xmlns=''/>"),
          with_data_model("<dm:person id='p'><dm:extra/></dm:person>"),
          with_data_model("<dm:person id='p'><extra/></dm:person>"),
          with_data_model("<dm:person id='p'><extra xmlns=''/></dm:person>")}) {
        CHECK(fault_in_pidf(text) == Fault{});
        CHECK(rewritten(text).find("extra") == std::string::npos);
        CHECK(fault_in_pidf(text, strict).rule == "PIDF: element is not defined here");
    }
}

TEST_CASE("R3863-4.2.3-2: a watcher ignores what it must understand and does not, never basic") {
    const auto with = [](std::string_view attribute, bool nested = false) {
        return "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='a:b' "
               "xmlns:p='urn:ietf:params:xml:ns:pidf'><tuple id='t'><status><basic>open</basic>"
               "<y xmlns='n'>plain</y><z xmlns='n'" +
               std::string(nested ? "><deep " : " ") + std::string(attribute) +
               (nested ? "/></z>" : "/>") + "</status><note>n</note></tuple></presence>";
    };
    for (const std::string_view must : {"p:mustUnderstand='true'", "p:mustUnderstand='1'"}) {
        for (const bool nested : {false, true}) {
            const Read watcher(with(must, nested), {.watcher = true});
            CHECK(watcher->tuples.first->basic == Basic::open);
            REQUIRE(count(watcher->tuples.first->status_extensions) == 1);
            CHECK(watcher->tuples.first->status_extensions.first->name == "y");
            CHECK(count(watcher->tuples.first->notes) == 1);
        }
        const Read compositor(with(must));
        CHECK(compositor->tuples.first->basic == Basic::open);
        CHECK(compositor->tuples.first->status_extensions.last->find_attribute(
                  pidf_namespace, "mustUnderstand") != nullptr);
    }
    for (const std::string_view may :
         {"p:mustUnderstand='false'", "p:mustUnderstand='0'", "mustUnderstand='true'", ""})
        CHECK(count(Read(with(may), {.watcher = true})->tuples.first->status_extensions) == 2);
}

TEST_CASE("R4479-3-1 R4479-3.2-1 R4479-3.4-1: persons and devices are read beside the tuples") {
    const Read read(with_data_model(
        "<dm:person id='p'><z xmlns='n'/><dm:note>here</dm:note>"
        "<dm:timestamp>2026-11-23T08:00:00Z</dm:timestamp></dm:person><dm:person id='q'/>"
        "<dm:device id='d'><dm:deviceID> urn:x:1 </dm:deviceID><dm:note>PC</dm:note></dm:device>"));
    REQUIRE(count(read->persons) == 2);
    const Person& person = *read->persons.first;
    CHECK(person.id == "p");
    CHECK(person.notes.first->text == "here");
    CHECK(person.timestamp.wall_ms == 1'795'420'800'000);
    CHECK(count(person.extensions) == 1);
    REQUIRE(count(read->devices) == 1);
    CHECK(read->devices.first->device_id == "urn:x:1");
    CHECK(read->devices.first->notes.first->text == "PC");
}

TEST_CASE("R4479-3.4-1: strictly a device has its deviceID, and children are in order") {
    CHECK(Read(with_data_model("<dm:device id='d'/>"))->devices.empty());
    CHECK(Read(with_data_model("<dm:device id='d'><dm:deviceID>a b</dm:deviceID></dm:device>"))
              ->devices.empty());
    CHECK(Read(with_data_model("<dm:device id='d'><dm:deviceID>a b</dm:deviceID><dm:deviceID>u:1"
                               "</dm:deviceID><dm:deviceID>u:2</dm:deviceID></dm:device>"))
              ->devices.first->device_id == "u:1");
    CHECK(fault_in_pidf(with_data_model("<dm:device id='d'/>"), strict).rule ==
          "PIDF: deviceID is missing");
    const std::string swapped =
        with_data_model("<dm:person id='p'><dm:note/><z xmlns='n'/></dm:person>");
    CHECK(fault_in_pidf(swapped) == Fault{});
    CHECK(fault_in_pidf(swapped, strict).rule ==
          "PIDF: order is extensions, deviceID, note, timestamp");
}

TEST_CASE("R4479-3.5-1: the same element twice stays ambiguous, nothing is dropped") {
    const Read read(with_data_model("<tuple id='a'>" + open +
                                    "</tuple><tuple id='b'><status>"
                                    "<basic>closed</basic></status></tuple>"
                                    "<dm:person id='p'><z xmlns='n'>1</z><z xmlns='n'>2</z>"
                                    "</dm:person>"));
    CHECK(count(read->tuples) == 2);
    CHECK(count(read->persons.first->extensions) == 2);
}

TEST_CASE("R3863-OUR-1 T-5: tuples, persons and devices together are counted") {
    std::string inside;
    for (int i = 0; i < 127; ++i)
        inside += "<tuple id='t" + std::to_string(i) + "'>" + open + "</tuple>";
    const std::string person = "<dm:person id='p'/>", device = "<dm:device id='d'/>";
    CHECK(fault_in_pidf(with_data_model(inside + person)) == Fault{});
    CHECK(fault_in_pidf(with_data_model(inside + person + device)) ==
          Fault{"PIDF: too many tuples", data_model.size() + inside.size() + person.size() + 1,
                Condition::body_too_large});
    CHECK(fault_in_pidf(with_data_model(person + device), {.components = 1}).condition ==
          Condition::body_too_large);
}

TEST_CASE("T-6: errors of PIDF count the bytes that came, also of UTF-16 and behind a mark") {
    const std::string_view text =
        "<presence xmlns='urn:ietf:params:xml:ns:pidf'><tuple/></presence>";
    const std::size_t place = text.find("tuple");
    CHECK(fault_in_pidf(text).offset == place);
    CHECK(fault_in_pidf("\xEF\xBB\xBF" + std::string(text)).offset == place + 3);
    const std::u16string wide(text.begin(), text.end());
    for (const bool big_endian : {false, true})
        CHECK(fault_in_pidf(utf16(wide, big_endian)) ==
              Fault{"PIDF: id is missing or no XML name", 2 + 2 * place});
}

TEST_CASE("T-5: memory refused anywhere ends in an error, and all comes back") {
    for (const PidfVector& vector : pidf_vectors()) {
        bool done = false;
        for (std::uint64_t nth = 0; !done; ++nth) {
            sip::Memory memory;
            memory.refuse_after(nth);
            Arena arena(memory, 1U << 20U);
            const auto document = read(vector.bytes, arena);
            done = document.has_value();
            if (!done) CHECK(document.error().condition == Condition::overloaded);
            CHECK(done == (memory.refusals() == 0));
            arena.reset();
            CHECK(memory.used() == 0);
            REQUIRE(nth < 1'000);
        }
    }
}

TEST_CASE("R3863-4.1-1: what clients send is read, and means what they say") {
    const Read pjsua(pidf_vector("pjsua"));
    CHECK(pjsua->entity == "sip:bob@shop.example");
    CHECK(pjsua->tuples.first->notes.first->text == "Unpacking boxes");
    CHECK(activity_of(*pjsua->persons.first, 0) == "busy");
    const Read linphone(pidf_vector("liblinphone_online"));
    CHECK(linphone->tuples.first->id == "k7.2v");
    CHECK(linphone->tuples.first->priority == 800);
    CHECK(linphone->tuples.first->status_extensions.first->name == "online");
    const Read away(pidf_vector("liblinphone_away"), strict);
    CHECK(activity_of(*away->persons.first, 0) == "away");
    const Read baresip(pidf_vector("baresip"));
    CHECK(baresip->entity == "sip:dave@shop.example");
    CHECK(baresip->tuples.first->contact == "sip:dave@shop.example");
    CHECK(count(baresip->persons) == 1);
    CHECK(fault_in_pidf(pidf_vector("baresip"), strict).rule ==
          "PIDF: order is tuple, note, extensions");
    const Read purple(pidf_vector("libpurple"), strict);
    CHECK(purple->tuples.first->notes.first->text == "available");
    const Read rich(pidf_vector("rich"), strict);
    CHECK(device_of(*rich->tuples.first) == rich->devices.first->device_id);
    CHECK(activity_of(*rich->persons.first, 1) == "rowing");
}
