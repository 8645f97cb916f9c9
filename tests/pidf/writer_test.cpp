#include "pidf/writer.hpp"

#include "pidf/namespaces.hpp"
#include "tests/pidf/room.hpp"

using namespace pidf;

namespace {
const std::string head =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<presence xmlns=\"urn:ietf:params:xml:ns:pidf\"";
}

TEST_CASE("R3863-4.1-1 R3863-7-1 R3863-4.1.1-1: output has its declaration, namespace and entity") {
    Document document;
    document.entity = "pres:a&b'c@d";
    CHECK(written(document) == head + " entity=\"pres:a&amp;b'c@d\">\n</presence>\n");
}

TEST_CASE(
    "R4479-5-1: what a program puts there that is no URI, time, language or text is not written") {
    Room room;
    Document document;
    document.entity = "pres:<c>@d";
    Tuple* tuple = add_tuple(document, room.arena, "t");
    Person* person = add_person(document, room.arena, "p");
    REQUIRE((tuple && person && add_device(document, room.arena, "d", "") &&
             add_device(document, room.arena, "e", "no urn")));
    tuple->contact = "sip:a b";
    tuple->priority = std::uint16_t{1};
    tuple->timestamp.text = "now";
    person->timestamp.text = "2026-11-23T08:00:60Z";
    REQUIRE(add_note(tuple->notes, room.arena, std::string_view("a\0\x1F\xFF\xC3z\xEF\xBF\xBF", 9),
                     "e n"));
    const std::string mark = "\xEF\xBF\xBD";
    CHECK(written(document) == head + " xmlns:dm=\"" + std::string(data_model_namespace) +
                                   "\" entity=\"\">\n<tuple id=\"t\">\n<status></status>\n<note>a" +
                                   mark + mark + mark + mark + "z" + mark +
                                   "</note>\n</tuple>\n<dm:person id=\"p\">\n</dm:person>\n" +
                                   "</presence>\n");
}

TEST_CASE("R3863-4.1.2-1 R3863-4.1.1-2 R4479-3-1: children are written in schema order") {
    Room room;
    Document document;
    document.entity = "a:b";
    REQUIRE(add_note(document.notes, room.arena, "root", "en"));
    Device* device = add_device(document, room.arena, "d", "urn:x:1");
    Person* person = add_person(document, room.arena, "p");
    Tuple* tuple = add_tuple(document, room.arena, "t");
    REQUIRE((device && person && tuple));
    REQUIRE(add_activity(*person, room.arena, "away"));
    tuple->timestamp.text = "2026-11-23T08:00:00Z";
    REQUIRE(add_note(tuple->notes, room.arena, "1 < 2"));
    tuple->contact = "sip:a@b";
    tuple->priority = std::uint16_t{50};
    tuple->basic = Basic::closed;
    tuple->extensions.push_back(make_element(room.arena, "urn:z", "z"));
    CHECK(
        written(document) ==
        head + " xmlns:ns1=\"urn:z\" xmlns:dm=\"" + std::string(data_model_namespace) +
            "\" xmlns:rpid=\"" + std::string(rpid_namespace) +
            "\" entity=\"a:b\">\n"
            "<tuple id=\"t\">\n<status><basic>closed</basic></status>\n<ns1:z/>\n"
            "<contact priority=\"0.05\">sip:a@b</contact>\n<note>1 &lt; 2</note>\n"
            "<timestamp>2026-11-23T08:00:00Z</timestamp>\n</tuple>\n"
            "<note xml:lang=\"en\">root</note>\n"
            "<dm:person id=\"p\">\n<rpid:activities><rpid:away/></rpid:activities>\n</dm:person>\n"
            "<dm:device id=\"d\">\n<dm:deviceID>urn:x:1</dm:deviceID>\n</dm:device>\n"
            "</presence>\n");
}

TEST_CASE("R3863-4.1.5-1: priorities are written short and exact") {
    for (unsigned thousandths = 0; thousandths <= 1000; ++thousandths) {
        Room room;
        Document document;
        Tuple* tuple = add_tuple(document, room.arena, "t");
        REQUIRE(tuple != nullptr);
        tuple->contact = "a:b";
        tuple->priority = static_cast<std::uint16_t>(thousandths);
        const std::string text = written(document);
        const auto back = read(text, room.arena);
        REQUIRE(back);
        CHECK((*back)->tuples.first->priority == thousandths);
        CHECK(text.find("0\">a:b") == (thousandths == 0 ? text.find("0\">a:b") : text.npos));
    }
}

TEST_CASE("R3863-4.1.4-1 R3863-4.1.7-1: what is absent is not written") {
    Room room;
    Document document;
    document.entity = "a:b";
    REQUIRE(add_tuple(document, room.arena, "t") != nullptr);
    CHECK(written(document) ==
          head + " entity=\"a:b\">\n<tuple id=\"t\">\n<status></status>\n</tuple>\n</presence>\n");
}

TEST_CASE("R3863-4.2.3-1 R3863-4.2.3-2: extensions keep namespaces, also none and PIDF's own") {
    const std::string text = rewritten(
        "<q:presence xmlns:q='urn:ietf:params:xml:ns:pidf' entity='a:b'><q:tuple id='t'><q:status>"
        "<z xmlns='n' q:mustUnderstand='1' y='2' q:x='3'><none xmlns=''><deep/><q:own><inner/>"
        "</q:own></none><q:own2/></z></q:status></q:tuple></q:presence>");
    CHECK(text ==
          head +
              " xmlns:ns1=\"n\" xmlns:pidf=\"urn:ietf:params:xml:ns:pidf\" entity=\"a:b\">\n"
              "<tuple id=\"t\">\n<status><ns1:z pidf:mustUnderstand=\"1\" y=\"2\" "
              "pidf:x=\"3\"><none xmlns=\"\"><deep/><own "
              "xmlns=\"urn:ietf:params:xml:ns:pidf\"><inner xmlns=\"\"/></own></none><own2/>"
              "</ns1:z></status>\n</tuple>\n</presence>\n");
    CHECK(rewritten(text) == text);
}

TEST_CASE("R3863-4.1.6-1: texts come back as they were, blanks and all") {
    for (const std::string_view text : {" ", "\n", "\r\n", "\t ", "a\r\nb", "]]>", "&amp;", "<b/>",
                                        "\"'", " a ", "\xF0\x9F\x98\x80"}) {
        CAPTURE(text);
        Room room;
        Document document;
        REQUIRE(add_note(document.notes, room.arena, text));
        Element* z = make_element(room.arena, "n", "z");
        append(*z, make_text(room.arena, text));
        Attribute attribute{"", "x", text};
        z->attributes.push_back(&attribute);
        document.extensions.push_back(z);
        document.entity = "a:b";
        const std::string bytes = written(document);
        const auto back = read(bytes, room.arena);
        REQUIRE(back);
        CHECK((*back)->notes.first->text == text);
        CHECK((*back)->extensions.first->children.first->text == text);
        CHECK((*back)->extensions.first->attribute("x") == text);
        CHECK(written(**back) == bytes);
    }
}

TEST_CASE("T-6: a document read, written and read again is equal, twice over") {
    const auto vectors = pidf_vectors();
    REQUIRE(vectors.size() >= 7);
    for (const PidfVector& vector : vectors) {
        CAPTURE(vector.name);
        const std::string once = rewritten(vector.bytes);
        CHECK(once.starts_with(head));
        CHECK(rewritten(once) == once);
        CHECK(rewritten(vector.bytes) == once);
        CHECK(rewritten(once, {.strict = true}) == once);
    }
}

TEST_CASE("T-6: prefixes and places of declarations make no difference to what is written") {
    const std::string one = rewritten(
        "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='a:b' xmlns:z='n'>"
        "<tuple id='t'><status><basic>open</basic><z:on z:x='1'/></status></tuple></presence>");
    const std::string two = rewritten(
        "<u:presence xmlns:u='urn:ietf:params:xml:ns:pidf' entity='a:b'>\n\t<u:tuple id='t'>\r\n"
        "<u:status><!-- --><u:basic><![CDATA[open]]></u:basic><on xmlns='n' xmlns:k='n' k:x='1'>"
        "</on></u:status></u:tuple></u:presence>");
    CHECK(one == two);
}

TEST_CASE("T-5: a room that is too small is an error for every size up to the whole") {
    Room room;
    const auto document = read(pidf_vector("rich"), room.arena);
    REQUIRE(document);
    const std::string whole = written(**document);
    for (std::size_t size = 0; size <= whole.size(); ++size) {
        std::string bytes(size, '\0');
        sip::Appender out(bytes);
        const auto result = write(**document, out);
        REQUIRE(result.has_value() == (size == whole.size()));
        if (!result) CHECK(result.error().condition == sip::Condition::body_too_large);
    }
}

TEST_CASE("T-5: 48 namespaces are declared and a 49th is refused") {
    for (const int count : {48, 49}) {
        std::string text = std::string(presence_tag);
        for (int i = 0; i < count; ++i) text += "<z xmlns='n" + std::to_string(i) + "'/>";
        text += "</presence>";
        Room room;
        const auto document = read(text, room.arena);
        REQUIRE(document);
        std::string bytes(100'000, '\0');
        sip::Appender out(bytes);
        const auto result = write(**document, out);
        REQUIRE(result.has_value() == (count == 48));
        if (result) {
            CHECK(rewritten(out.view()) == out.view());
        } else {
            CHECK(result.error().rule == "PIDF: too many namespaces");
        }
    }
}
