#include "pidf/xml.hpp"

#include "pidf/namespaces.hpp"
#include "tests/pidf/room.hpp"

using namespace pidf;
using sip::Condition;

namespace {

/// A tree as one line: {namespace}name[attributes](children), texts in quotes.
std::string shown(const Element& e) {
    if (e.is_text) return "'" + std::string(e.text) + "'";
    const auto named = [](std::string_view ns, std::string_view name) {
        return (ns.empty() ? "" : "{" + std::string(ns) + "}") + std::string(name);
    };
    std::string text = named(e.ns, e.name);
    for (const Attribute& a : e.attributes)
        text += "[" + named(a.ns, a.name) + "=" + std::string(a.value) + "]";
    if (e.children.empty()) return text;
    text += "(";
    for (const Element& child : e.children) {
        CHECK(child.parent == &e);
        text += shown(child);
    }
    return text + ")";
}
std::string tree_of(std::string_view text) {
    Room room;
    const auto root = parse_xml(ExactCopy(text), room.arena, {});
    return root ? shown(**root) : std::string(root.error().rule);
}

}  // namespace

TEST_CASE("T-40: elements, attributes and texts come as they stand") {
    CHECK(tree_of("<a/>") == "a");
    CHECK(tree_of("<a x='1' y=\"2\"><b>t</b> u <c/></a>") == "a[x=1][y=2](b('t')' u 'c)");
    CHECK(tree_of("<?xml version='1.0'?><!-- c --><?p i?><a><!-- d --><b/><?q?></a>\n") == "a(b)");
    CHECK(tree_of("<a>\n <b/>\n</a>") == "a(b)");
}

TEST_CASE("references give way to what they stand for, in texts and attributes") {
    CHECK(tree_of("<a x='&lt;&#65;&quot;&#10;'>&amp;&#xe9;&#x1F600;&gt;&apos;&#13;</a>") ==
          "a[x=<A\"\n]('&\xC3\xA9\xF0\x9F\x98\x80>'\r')");
    CHECK(tree_of("<a>&amp;lt;&#38;amp;</a>") == "a('&lt;&amp;')");
    CHECK(tree_of("<a><![CDATA[&lt;<b>]]></a>") == "a('&lt;<b>')");
}

TEST_CASE("line ends become one LF, blanks in attributes a space") {
    CHECK(tree_of("<a>x\r\ny\rz\n\r\r\n</a>") == "a('x\ny\nz\n\n\n')");
    CHECK(tree_of("<a x='p\r\nq\tr\ns\rt'/>") == "a[x=p q r s t]");
    CHECK(tree_of("<a>\r\n<b>x\r\n</b>\r</a>") == "a(b('x\n'))");
    CHECK(tree_of("<a>\r\n x</a>") == "a('\n x')");
    CHECK(tree_of("<a> \rx</a>") == "a(' \nx')");
    CHECK(tree_of("<a x=\"p\tq\"/>") == "a[x=p q]");
    CHECK(tree_of("<a><![CDATA[x\r\ny]]></a>") == "a('x\ny')");
    CHECK(tree_of("<a x='&#13;&#10;'>&#13;\n</a>") == "a[x=\r\n]('\r\n')");
}

TEST_CASE("T-6: a text in pieces is one text") {
    CHECK(tree_of("<a>op<!-- x -->en</a>") == "a('open')");
    CHECK(tree_of("<a>1<![CDATA[2]]>&#51;<?p?>4<![CDATA[]]><!---->5</a>") == "a('12345')");
    CHECK(tree_of("<a>&amp;<!-- -->&amp;<b/>&lt;<!-- -->&lt;</a>") == "a('&&'b'<<')");
    std::string many = "<a>";
    for (int i = 0; i < 8'000; ++i) many += "x<!---->";
    CHECK(tree_of(many + "</a>") == "a('" + std::string(8'000, 'x') + "')");
}

TEST_CASE("namespaces reach inwards and end with their element") {
    CHECK(tree_of("<a xmlns='n'><b xmlns='m'><c/></b><d/></a>") == "{n}a({m}b({m}c){n}d)");
    CHECK(tree_of("<a xmlns='n'><b xmlns=''><c/></b></a>") == "{n}a(b(c))");
    CHECK(tree_of("<p:a xmlns:p='n'><p:b xmlns:p='m'/><p:c/><d/></p:a>") == "{n}a({m}b{n}cd)");
    CHECK(tree_of("<p:a p:x='1' x='2' xmlns:p='n' xmlns='m'/>") == "{n}a[{n}x=1][x=2]");
    CHECK(tree_of("<a xml:lang='de'/>") == "a[{http://www.w3.org/XML/1998/namespace}lang=de]");
    CHECK(tree_of("<a xmlns:p='n&amp;&#x6d;'><p:b/></a>") == "a({n&m}b)");
}

TEST_CASE("T-6: a prefix is declared where it is used") {
    CHECK(fault_in_xml("<p:a/>") == Fault{"XML: prefix is not declared", 1});
    CHECK(fault_in_xml("<a><b xmlns:p='n'/><p:c/></a>") ==
          Fault{"XML: prefix is not declared", 20});
    CHECK(fault_in_xml("<a p:x='1'/>") == Fault{"XML: prefix is not declared", 3});
    CHECK(fault_in_xml("<a><b><c xmlns:p='n'/></b><d p:x=''/></a>") ==
          Fault{"XML: prefix is not declared", 29});
    CHECK(fault_in_xml("<xmlns:a/>").rule == "XML: prefix is not declared");
}

TEST_CASE("T-6: one attribute under two prefixes stands twice") {
    CHECK(fault_in_xml("<a xmlns:p='n' xmlns:q='n' p:x='1' q:x='1'/>") ==
          Fault{"XML: attribute stands twice", 35});
    CHECK(fault_in_xml("<a xmlns:p='n' xmlns:q='m' p:x='1' q:x='1' x='1'/>") == Fault{});
}

TEST_CASE("T-6: what may not be declared is not") {
    for (const std::string_view declaration :
         {"xmlns:p=''", "xmlns:xmlns='n'", "xmlns:xml='n'",
          "xmlns:p='http://www.w3.org/XML/1998/namespace'",
          "xmlns='http://www.w3.org/XML/1998/namespace'", "xmlns='http://www.w3.org/2000/xmlns/'",
          "xmlns:p='http://www.w3.org/2000/xmlns/'"}) {
        CAPTURE(declaration);
        CHECK(fault_in_xml("<a " + std::string(declaration) + "/>") ==
              Fault{"XML: namespace declaration is not allowed", 3});
    }
    CHECK(tree_of("<a xmlns:xml='http://www.w3.org/XML/1998/namespace'/>") == "a");
}

TEST_CASE("T-5: namespaces in scope are counted") {
    const auto text = [](int elements) {
        std::string open, close;
        for (int i = 0; i < elements; ++i) {
            open += "<a";
            for (int j = 0; j < 16; ++j) open += " xmlns:p" + std::to_string(j) + "='n'";
            open += ">";
            close += "</a>";
        }
        return open + close;
    };
    CHECK(fault_in_xml(text(8)) == Fault{});
    const Fault fault = fault_in_xml(text(9));
    CHECK(fault.rule == "XML: too many namespaces");
    CHECK(fault.condition == Condition::body_too_large);
    std::string beside = "<r>";
    for (int i = 0; i < 300; ++i) beside += "<a xmlns:p='n'/><a xmlns='m'><b/></a>";
    CHECK(fault_in_xml(beside + "</r>") == Fault{});
}

TEST_CASE("R3863-4.1-1: UTF-16 with its mark is read, and errors count its bytes") {
    for (const bool big_endian : {false, true}) {
        const auto bytes = [&](std::u16string_view text) { return utf16(text, big_endian); };
        CHECK(tree_of(
                  bytes(u"<?xml version='1.0' encoding='UTF-16'?><a x='\u20AC'>\U0001F600</a>")) ==
              "a[x=\xE2\x82\xAC]('\xF0\x9F\x98\x80')");
        CHECK(fault_in_xml(bytes(u"<a>\u20AC\U0001F600</b>")) ==
              Fault{"XML: end tag does not match", 2 + 2 * 6});
        CHECK(fault_in_xml(bytes(u"<a>\u20AC\U0001F600<p:b/></a>")) ==
              Fault{"XML: prefix is not declared", 2 + 2 * 7});
        Room room;
        const std::string text = bytes(u"<a>\u20AC<b>\U0001F600</b><c/></a>");
        const auto root = parse_xml(text, room.arena, {});
        REQUIRE(root);
        CHECK((*root)->offset == 4);
        CHECK((*root)->children.last->offset == text.size() - 2 * 7);
    }
}

TEST_CASE("R3863-4.1-1: a mark of UTF-8 is skipped, and counts in offsets") {
    CHECK(tree_of("\xEF\xBB\xBF<a/>") == "a");
    CHECK(fault_in_xml("\xEF\xBB\xBF<a></b>") == Fault{"XML: end tag does not match", 6});
    CHECK(fault_in_xml("\xEF\xBB\xBF\xEF\xBB\xBF<a/>").offset == 3);
    Room room;
    const auto root = parse_xml("\xEF\xBB\xBF<a><b/></a>", room.arena, {});
    REQUIRE(root);
    CHECK((*root)->offset == 4);
    CHECK((*root)->children.first->offset == 7);
}

TEST_CASE("T-5: what the arena refuses ends in an error at every step, and costs nothing after") {
    const std::string text = pidf_vector("rich");
    std::uint64_t refusals = 0;
    for (std::uint64_t nth = 0;; ++nth) {
        sip::Memory memory;
        memory.refuse_after(nth);
        Arena arena(memory, 1U << 20U);
        const auto root = parse_xml(text, arena, {});
        if (root) break;
        CHECK(root.error().condition == Condition::overloaded);
        ++refusals;
        arena.reset();
        CHECK(memory.used() == 0);
        REQUIRE(nth < 1'000);
    }
    CHECK(refusals >= 3);
}

TEST_CASE("T-5: the arena's cap bounds what a document costs, byte by byte") {
    const std::string text = pidf_vector("rich");
    bool read = false;
    std::size_t needed = 0;
    for (std::size_t cap = 0; !read; cap += 61) {
        sip::Memory memory;
        Arena arena(memory, cap);
        const auto root = parse_xml(text, arena, {});
        CHECK(memory.used() <= cap);
        read = root.has_value();
        needed = cap;
        if (!read) CHECK(root.error().condition == Condition::body_too_large);
        REQUIRE(cap < 200'000);
    }
    CHECK(needed > text.size());
}

TEST_CASE("T-5: 64 levels take no more stack than the fence's") {
    std::string text;
    for (int i = 0; i < 64; ++i) text += "<a x='1'>";
    for (int i = 0; i < 64; ++i) text += "</a>";
    CHECK(fault_in_xml(text) == Fault{});
    CHECK(fault_in_xml("<b>" + text + "</b>").rule == "XML: elements are nested too deeply");
}

TEST_CASE("T-5: a text over the limit is refused before it is copied") {
    Room room;
    const std::string text = "<a>" + std::string(200'000, 'x') + "</a>";
    const auto root = parse_xml(text, room.arena, {});
    REQUIRE_FALSE(root);
    CHECK(root.error().condition == Condition::body_too_large);
    CHECK(room.memory.used() == 0);
}

TEST_CASE("T-40: one parse after another, good and bad, leaves no trace") {
    for (int i = 0; i < 3; ++i) {
        CHECK(tree_of("<a><b/></a>") == "a(b)");
        CHECK(fault_in_xml("<a>").rule == "XML: element has no end");
        sip::Memory memory;
        Arena arena(memory, 160);
        CHECK_FALSE(parse_xml("<a><b/></a>", arena, {}));
    }
}
