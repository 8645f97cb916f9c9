#include "pidf/xml_guard.hpp"

#include "tests/pidf/room.hpp"

using namespace pidf;
using sip::Condition;

namespace {

Fault fault_in(std::string_view text, const XmlLimits& limits = {}, bool utf16 = false) {
    const auto copy = std::make_unique<char[]>(text.size() + xml_padding);
    const auto fault = check_xml(ExactCopy(text), copy.get(), limits, utf16);
    return fault ? fault_of(*fault) : Fault{};
}
Fault at(std::string_view rule, std::size_t offset) { return {std::string(rule), offset}; }
Fault too_large(std::string_view rule, std::size_t offset) {
    return {std::string(rule), offset, Condition::body_too_large};
}
std::string repeated(std::string_view text, std::size_t count) {
    std::string all;
    while (count-- > 0) all += text;
    return all;
}
std::string nested(std::size_t depth, std::string_view innermost) {
    return repeated("<a>", depth) + std::string(innermost) + repeated("</a>", depth);
}

}  // namespace

TEST_CASE("T-6 T-40: a second root element is refused") {
    CHECK(fault_in("<a/><b/>") == at("XML: more than one root element", 4));
    CHECK(fault_in("<a></a> <b></b>") == at("XML: more than one root element", 8));
}

TEST_CASE("T-6 T-40: an end tag closes the element that is open, and no other") {
    CHECK(fault_in("<b></c>") == at("XML: end tag does not match", 3));
    CHECK(fault_in("<a><b></a></b>") == at("XML: end tag does not match", 6));
    CHECK(fault_in("<p:a></q:a>") == at("XML: end tag does not match", 5));
    CHECK(fault_in("</a>") == at("XML: end tag does not match", 0));
    CHECK(fault_in("<a/></a>") == at("XML: end tag does not match", 4));
    CHECK(fault_in("<a></>") == at("XML: end tag does not match", 3));
    CHECK(fault_in("<a></ a>") == at("XML: end tag does not match", 3));
    CHECK(fault_in("<a></a b>") == at("XML: end tag is malformed", 7));
    CHECK(fault_in("<a></a\n>") == Fault{});
    CHECK(fault_in("<a>") == at("XML: element has no end", 3));
    CHECK(fault_in("<a></a") == at("XML: end tag is malformed", 6));
}

TEST_CASE("T-6 T-40: an attribute stands once") {
    CHECK(fault_in("<a x='1' x='1'/>") == at("XML: attribute stands twice", 9));
    CHECK(fault_in("<a p:x='1' y='2' p:x='3'></a>") == at("XML: attribute stands twice", 17));
    CHECK(fault_in("<a x='1' X='1'/>") == Fault{});
}

TEST_CASE("T-7 T-40: no entities but the five") {
    CHECK(fault_in("<a>&bogus;</a>") == at("XML: entity is not declared", 3));
    CHECK(fault_in("<a x='&bogus;'/>") == at("XML: entity is not declared", 6));
    CHECK(fault_in("<a>&amp</a>") == at("XML: entity is not declared", 3));
    CHECK(fault_in("<a>& b</a>") == at("XML: entity is not declared", 3));
    CHECK(fault_in("<a>&;</a>") == at("XML: entity is not declared", 3));
    CHECK(fault_in("<a>&AMP;</a>") == at("XML: entity is not declared", 3));
    CHECK(fault_in("<a>&") == at("XML: entity is not declared", 3));
    CHECK(fault_in("<a x='&lt;&gt;&amp;&quot;&apos;'>&lt;&gt;&amp;&quot;&apos;</a>") == Fault{});
}

TEST_CASE("T-6 T-40: ]]> stands only behind CDATA") {
    CHECK(fault_in("<a>]]></a>") == at("XML: ]]> within text", 3));
    CHECK(fault_in("<a>x]]]></a>") == at("XML: ]]> within text", 5));
    CHECK(fault_in("<a>]] >]]&gt;</a>") == Fault{});
    CHECK(fault_in("<a x=']]>'/>") == Fault{});
    CHECK(fault_in("<a><![CDATA[<b>&bogus;]]]]></a>") == Fault{});
    CHECK(fault_in("<a><![CDATA[x]]></a>]]>") == at("XML: ]]> within text", 20));
    CHECK(fault_in("<a><![CDATA[x]]</a>") == at("XML: CDATA section has no end", 3));
    CHECK(fault_in("<a><![cdata[x]]></a>") == at("XML: document type is refused", 3));
}

TEST_CASE("T-8 T-40: control characters and what is no character are refused") {
    CHECK(fault_in("<a>\x01</a>") == at("XML: character is not allowed", 3));
    CHECK(fault_in("<a x='\x1F'/>") == at("XML: character is not allowed", 6));
    CHECK(fault_in("<a>\xEF\xBF\xBE</a>") == at("XML: character is not allowed", 3));
    CHECK(fault_in("<a>\t\r\n\x7F\xEF\xBF\xBD</a>") == Fault{});
}

TEST_CASE("T-8 T-40: a NUL is no end") {
    using namespace std::string_view_literals;
    CHECK(fault_in("<a/>\0"sv) == at("XML: character is not allowed", 4));
    CHECK(fault_in("<a/>\0<b/>"sv) == at("XML: character is not allowed", 4));
    CHECK(fault_in("<a>\0</a>"sv) == at("XML: character is not allowed", 3));
    CHECK(fault_in("\0"sv) == at("XML: character is not allowed", 0));
}

TEST_CASE("T-6 T-40: names are those of XML") {
    CHECK(fault_in("<1a/>") == at("XML: element name is malformed", 1));
    CHECK(fault_in("<-a/>") == at("XML: element name is malformed", 1));
    CHECK(fault_in("< a/>") == at("XML: element name is malformed", 1));
    CHECK(fault_in("<a:/>") == at("XML: element name is malformed", 1));
    CHECK(fault_in("<:a/>") == at("XML: element name is malformed", 1));
    CHECK(fault_in("<a:b:c/>") == at("XML: attribute name expected", 4));
    CHECK(fault_in("<a 1x='1'/>") == at("XML: attribute name expected", 3));
    CHECK(fault_in("<a\xC3\x97/>") == at("XML: attribute name expected", 2));
    CHECK(fault_in("<\xC3\xA9 \xC3\xA8='1'></\xC3\xA9>") == Fault{});
    CHECK(fault_in("<") == at("XML: element name is malformed", 1));
}

TEST_CASE("T-6 T-40: no -- in a comment") {
    CHECK(fault_in("<!-- a -- b --><a/>") == at("XML: -- within a comment", 7));
    CHECK(fault_in("<!-- a ---><a/>") == at("XML: -- within a comment", 7));
    CHECK(fault_in("<!--><a/>-->") == at("XML: root element is missing", 12));
    CHECK(fault_in("<!--->") == at("XML: comment has no end", 0));
    CHECK(fault_in("<!-- a") == at("XML: comment has no end", 0));
    CHECK(fault_in("<!---->\n<!-- - --><a><!-- <b> &c; --></a><!---->") == Fault{});
}

TEST_CASE("T-6 T-40: a character reference names a character") {
    CHECK(fault_in("<a>&#xD800;</a>") == at("XML: character reference is malformed", 3));
    for (const std::string_view reference :
         {"&#0;", "&#1;", "&#x0;", "&#xFFFE;", "&#x110000;", "&#99999999999999999999;", "&#;",
          "&#x;", "&#xG;", "&#1a;", "&#-1;", "&#X41;", "&# 65;", "&#65", "&#x41 ;"}) {
        CAPTURE(reference);
        const std::string text = "<a>" + std::string(reference) + "</a>";
        CHECK(fault_in(text) == at("XML: character reference is malformed", 3));
        const std::string in_attribute = "<a x='" + std::string(reference) + "'/>";
        CHECK(fault_in(in_attribute) == at("XML: character reference is malformed", 6));
    }
    CHECK(fault_in("<a x='&#9;&#xa;'>&#x10FFFF;&#000000000000000000065;&#xd7ff;</a>") == Fault{});
}

TEST_CASE("R3863-4.1-1 R3863-7-1 T-8: bytes that are not UTF-8 are refused") {
    CHECK(fault_in("<a>\xFF</a>") == at("XML: bytes are not UTF-8", 3));
    CHECK(fault_in("<a>\xC0\x80</a>") == at("XML: bytes are not UTF-8", 3));
    CHECK(fault_in("<a>\xED\xA0\x80</a>") == at("XML: bytes are not UTF-8", 3));
    CHECK(fault_in("<a/>\xE2\x82") == at("XML: bytes are not UTF-8", 4));
    CHECK(fault_in("<a x='\xE9'/>") == at("XML: bytes are not UTF-8", 6));
    CHECK(fault_in("<a>\xF0\x9F\x98\x80</a>") == Fault{});
}

TEST_CASE("T-7 R3863-OUR-1: a document type is refused, whatever stands in it") {
    CHECK(fault_in("<!DOCTYPE a><a/>") == at("XML: document type is refused", 0));
    CHECK(fault_in("<?xml version='1.0'?><!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>") ==
          at("XML: document type is refused", 21));
    CHECK(fault_in("<!doctype a><a/>") == at("XML: document type is refused", 0));
    CHECK(fault_in("<a><!DOCTYPE a></a>") == at("XML: document type is refused", 3));
    CHECK(fault_in("<a/><!DOCTYPE a>") == at("XML: document type is refused", 4));
    CHECK(fault_in("<a><!ENTITY b 'c'></a>") == at("XML: document type is refused", 3));
}

TEST_CASE("T-5 T-7 R3863-OUR-1: a billion laughs are refused at the first") {
    std::string bomb = "<!DOCTYPE l [<!ENTITY a0 'ha'>";
    for (int i = 1; i < 10; ++i) {
        const std::string last = "&a" + std::to_string(i - 1) + ";";
        bomb += "<!ENTITY a" + std::to_string(i) + " '" + repeated(last, 10) + "'>";
    }
    bomb += "]><l>&a9;</l>";
    CHECK(fault_in(bomb) == at("XML: document type is refused", 0));
}

TEST_CASE("T-6 T-40: the declaration stands once, at the very start") {
    CHECK(fault_in("<?xml version='1.0'?><?xml version='1.0'?><a/>") ==
          at("XML: declaration stands not at the start", 21));
    CHECK(fault_in(" <?xml version='1.0'?><a/>") ==
          at("XML: declaration stands not at the start", 1));
    CHECK(fault_in("<a><?xml version='1.0'?></a>") ==
          at("XML: declaration stands not at the start", 3));
    CHECK(fault_in("<a/><?XML version='1.0'?>") ==
          at("XML: declaration stands not at the start", 4));
    CHECK(fault_in("<?xml?><a/>") == at("XML: declaration stands not at the start", 0));
}

TEST_CASE("R3863-4.1-1: the declaration's parts are in order and have sound values") {
    for (const std::string_view good :
         {"version='1.0'", "version=\"1.0\"", "version = '1.1' ", "version='1.0' encoding='UTF-8'",
          "version='1.0' encoding='utf-8' standalone='no'", "version='1.0' standalone='yes' ",
          "version='1.0'\n\tencoding\r=\n'US-ASCII'"}) {
        CAPTURE(good);
        CHECK(fault_in("<?xml " + std::string(good) + "?><a/>") == Fault{});
    }
    for (const std::string_view bad :
         {"", "encoding='UTF-8'", "encoding='UTF-8' version='1.0'", "version='1.0'encoding='UTF-8'",
          "version=1.0", "version='1.0", "version='2.0'", "version='1.'", "version=''",
          "version='1.0\"", "version='1.0' encoding=''", "version='1.0' standalone=''",
          "version='1.0' standalone='maybe'", "version='1.0' standalone='no' encoding='UTF-8'",
          "version='1.0' other='x'", "version='1.0' version='1.0'", "version='1.x'"}) {
        CAPTURE(bad);
        const Fault fault = fault_in("<?xml " + std::string(bad) + "?><a/>");
        CHECK(fault.rule.starts_with("XML: "));
        CHECK(fault.condition == Condition::malformed);
        CHECK(fault.offset <= bad.size() + 6);
    }
}

TEST_CASE("R3863-4.1-1: another encoding is not supported, and said so") {
    for (const std::string_view encoding :
         {"ISO-8859-1", "UTF-16", "UTF-7", "utf8", "windows-1252"})
        CHECK(fault_in("<?xml version='1.0' encoding='" + std::string(encoding) + "'?><a/>") ==
              Fault{"XML: encoding is not UTF-8", 0, Condition::media_not_supported});
    CHECK(fault_in("<?xml version='1.0' encoding='UTF-16'?><a/>", {}, true) == Fault{});
}

TEST_CASE("T-6 T-40: no text outside the root element") {
    CHECK(fault_in("x<a/>") == at("XML: text outside the root element", 0));
    CHECK(fault_in("<a/>x") == at("XML: text outside the root element", 4));
    CHECK(fault_in("<a/>&lt;") == at("XML: text outside the root element", 4));
    CHECK(fault_in("<![CDATA[x]]><a/>") == at("XML: text outside the root element", 0));
    CHECK(fault_in("\xEF\xBB\xBF<a/>") == at("XML: text outside the root element", 0));
    CHECK(fault_in("<a/>\v") == at("XML: character is not allowed", 4));
    CHECK(fault_in("\n\t<a/>\r\n ") == Fault{});
    CHECK(fault_in("") == at("XML: root element is missing", 0));
    CHECK(fault_in(" <!-- --> ") == at("XML: root element is missing", 10));
}

TEST_CASE("T-6 T-40: processing instructions have a target and an end") {
    CHECK(fault_in("<?a?><a/>") == Fault{});
    CHECK(fault_in("<?xml-model href='x'?><a><?b c?></a><?d <>&?>") == Fault{});
    CHECK(fault_in("<?"
                   "?><a/>") == at("XML: processing instruction has no target", 0));
    CHECK(fault_in("<? a?><a/>") == at("XML: processing instruction has no target", 0));
    CHECK(fault_in("<?a:b?><a/>") == at("XML: processing instruction has no target", 0));
    CHECK(fault_in("<?a/b?><a/>") == at("XML: processing instruction is malformed", 3));
    CHECK(fault_in("<?a b><a/>") == at("XML: processing instruction has no end", 0));
}

TEST_CASE("T-6 T-40: attributes are apart from each other, quoted, and free of <") {
    CHECK(fault_in("<a x='1'y='2'/>") == at("XML: attribute name expected", 8));
    CHECK(fault_in("<a x=1/>") == at("XML: attribute value has no quotes", 5));
    CHECK(fault_in("<a x/>") == at("XML: = expected behind the attribute name", 4));
    CHECK(fault_in("<a x='<'/>") == at("XML: < within an attribute value", 6));
    CHECK(fault_in("<a x='1/>") == at("XML: attribute value has no end", 5));
    CHECK(fault_in("<a x='1\"/>") == at("XML: attribute value has no end", 5));
    CHECK(fault_in("<a / >") == at("XML: attribute name expected", 3));
    CHECK(fault_in("<a") == at("XML: attribute name expected", 2));
    CHECK(fault_in("<a x\n=\t'\"' y=\"'>\" />") == Fault{});
}

TEST_CASE("T-5 R3863-OUR-1: 64 elements may stand in each other and no 65th") {
    CHECK(fault_in(nested(64, "")) == Fault{});
    CHECK(fault_in(nested(63, "<b/>")) == Fault{});
    CHECK(fault_in(nested(64, "text<!-- -->")) == Fault{});
    const Fault deep = too_large("XML: elements are nested too deeply", 64 * 3);
    CHECK(fault_in(nested(65, "")) == deep);
    CHECK(fault_in(nested(64, "<b/>")) == deep);
    CHECK(fault_in(nested(5'000, "")) == deep);
    CHECK(fault_in(nested(3, "<b/>"), {.depth = 3}) ==
          too_large("XML: elements are nested too deeply", 9));
    CHECK(fault_in(nested(64, "<b/>"), {.depth = 1'000}) == deep);
}

TEST_CASE("T-5 R3863-OUR-1: elements are counted") {
    const XmlLimits limits{.elements = 10};
    CHECK(fault_in("<a>" + repeated("<b/>", 9) + "</a>", limits) == Fault{});
    CHECK(fault_in("<a>" + repeated("<b/>", 10) + "</a>", limits) ==
          too_large("XML: too many elements", 3 + 9 * 4));
    CHECK(fault_in("<a>" + repeated("<b/>", 2'047) + "</a>") == Fault{});
    CHECK(fault_in("<a>" + repeated("<b/>", 2'048) + "</a>") ==
          too_large("XML: too many elements", 3 + 2'047 * 4));
}

TEST_CASE("T-5 R3863-OUR-1: attributes of an element are counted") {
    const auto element = [](int count) {
        std::string text = "<a";
        for (int i = 0; i < count; ++i) text += " x" + std::to_string(100 + i) + "=''";
        return text + "/>";
    };
    CHECK(fault_in(element(60)) == Fault{});
    CHECK(fault_in(element(61)) == too_large("XML: too many attributes", 2 + 60 * 8 + 1));
    CHECK(fault_in(element(64), {.attributes = 1'000}) == Fault{});
    CHECK(fault_in(element(65), {.attributes = 1'000}).condition == Condition::body_too_large);
}

TEST_CASE("T-5 R3863-OUR-1: bytes are counted") {
    const std::string text = "<a>" + std::string(93, 'x') + "</a>";
    CHECK(fault_in(text, {.bytes = 100}) == Fault{});
    CHECK(fault_in(text, {.bytes = 99}) == too_large("XML: document is too large", 99));
}

TEST_CASE("T-6: the same bytes end the same wherever a text is cut") {
    const std::string text = pidf_vector("rich");
    REQUIRE(fault_in(text) == Fault{});
    const std::size_t end = text.rfind('>') + 1;
    for (std::size_t size = 0; size < end; ++size) {
        const Fault fault = fault_in(std::string_view(text).substr(0, size));
        if (fault.rule.empty() || fault.offset > size) FAIL_CHECK(size);
    }
}
