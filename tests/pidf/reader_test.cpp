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

TEST_CASE("R3863-4.1.2-1: strictly an id is an XML name; leniently clients number their tuples") {
    for (const std::string_view id : {"1", "0x1f", "a b", "a:b", "-"}) {
        const std::string text =
            presence("<tuple id='" + std::string(id) + "'>" + open + "</tuple>");
        CHECK(Read(text)->tuples.first->id == id);
        CHECK(fault_in_pidf(text, strict) == Fault{"PIDF: id is missing or no XML name", 66});
    }
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

TEST_CASE("R3863-4.1.7-1: fractions and offsets are read; what cannot be read is no timestamp") {
    const auto stamp = [](std::string_view text) {
        const Read read(tuple(open + "<timestamp>" + std::string(text) + "</timestamp>"));
        return read->tuples.first->timestamp.wall_ms.value_or(-1);
    };
    CHECK(stamp("2026-11-23T08:00:00Z") == 1'795'420'800'000);
    CHECK(stamp(" 2026-11-23T09:00:00.25+01:00\n") == 1'795'420'800'250);
    for (const std::string_view wrong : {"", "yesterday", "2026-11-23", "2026-13-01T00:00:00Z"}) {
        const std::string text = tuple(open + "<timestamp>" + std::string(wrong) + "</timestamp>");
        CHECK(stamp(wrong) == -1);
        CHECK(Read(text)->tuples.first->timestamp.text.empty());
        CHECK(fault_in_pidf(text, strict).rule == "PIDF: timestamp is malformed");
    }
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

TEST_CASE("R3863-4.2.3-1: strictly the pidf namespace has no elements but its own") {
    for (const std::string& text :
         {presence("<extra/>"), tuple(open + "<extra/>"), status("<basic>open</basic><extra/>")}) {
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
    CHECK(fault_in_pidf(with_data_model("<dm:device id='d'/>")) == Fault{});
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
