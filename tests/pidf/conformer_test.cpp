#include "pidf/conformer.hpp"

#include "tests/pidf/room.hpp"

using namespace pidf;

namespace {

/// What becomes of an extension of a person; "" when it is taken out. The prefix r is RPID's.
std::string conformed(std::string_view extension) {
    const std::string head =
        "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='a:b' "
        "xmlns:p='urn:ietf:params:xml:ns:pidf' "
        "xmlns:dm='urn:ietf:params:xml:ns:pidf:data-model' "
        "xmlns:ts='urn:ietf:params:xml:ns:pidf:timed-status' "
        "xmlns:c='urn:ietf:params:xml:ns:pidf:cipid' xmlns:k='urn:ietf:params:xml:ns:pidf:caps' "
        "xmlns:g='urn:ietf:params:xml:ns:pidf:geopriv10' "
        "xmlns:l='urn:ietf:params:xml:ns:location-type' "
        "xmlns:i='http://www.w3.org/2001/XMLSchema-instance' xmlns:x='n' "
        "xmlns:r='urn:ietf:params:xml:ns:pidf:rpid'><dm:person id='p'>";
    const std::string text = rewritten(head + std::string(extension) + "</dm:person></presence>");
    constexpr std::string_view start = "<dm:person id=\"p\">\n", end = "</dm:person>\n";
    const auto from = text.find(start), to = text.find(end);
    if (from == text.npos || to == text.npos) return text;
    std::string inside = text.substr(from + start.size(), to - from - start.size());
    if (inside.ends_with('\n')) inside.pop_back();
    return inside;
}
std::string rpid(std::string_view inside) { return "<rpid:" + std::string(inside); }

}  // namespace

TEST_CASE("R4480-3.2-1 R4479-5-1: an activity that RFC 4480 does not list keeps its meaning") {
    const auto activities = [](std::string_view inside) {
        std::string text = conformed("<r:activities>" + std::string(inside) + "</r:activities>");
        const std::string start = "<rpid:activities>", end = "</rpid:activities>";
        if (!text.starts_with(start) || !text.ends_with(end)) return text;
        return text.substr(start.size(), text.size() - start.size() - end.size());
    };
    CHECK(activities("<r:away/><r:rowing/>") == "<rpid:away/><rpid:other>rowing</rpid:other>");
    CHECK(activities("<r:lunch/>") == "<rpid:other>lunch</rpid:other>");
    CHECK(activities("<rowing xmlns=''/>") == "<rpid:other>rowing</rpid:other>");
    CHECK(activities("busy") == "<rpid:busy/>");
    CHECK(activities(" at sea ") == "<rpid:other>at sea</rpid:other>");
    CHECK(activities("<r:busy x:a='1' id='b'>very<x:z/></r:busy>") == "<rpid:busy/>");
    CHECK(activities("<r:unknown/><r:busy/>") == "<rpid:busy/>");
    CHECK(activities("<r:unknown/><r:unknown/>") == "<rpid:unknown/>");
    CHECK(activities("<r:busy/><r:note>n</r:note><r:meal/>") ==
          "<rpid:note>n</rpid:note><rpid:busy/><rpid:meal/>");
    CHECK(activities("<r:other>row<x:z/>ing</r:other>") == "<rpid:other>rowing</rpid:other>");
    CHECK(activities("<x:sailing x:a='1'/>").starts_with("<ns"));
    CHECK(activities("<p:presence/>") == "<rpid:activities/>");
    CHECK(activities("") == "<rpid:activities/>");
}

TEST_CASE("R4480-3.2-1 R4480-3-1: choices and sequences of RPID hold what they may, in order") {
    CHECK(conformed("<r:mood/>") == "");
    CHECK(conformed("<r:mood><r:note>n</r:note></r:mood>") ==
          rpid("mood><rpid:note>n</rpid:note><rpid:unknown/></rpid:mood>"));
    CHECK(conformed("<r:mood><r:happy/><r:giddy/></r:mood>") ==
          rpid("mood><rpid:happy/><rpid:other>giddy</rpid:other></rpid:mood>"));
    CHECK(conformed("<r:place-is><r:video><r:noisy/><r:dark/><r:ok/></r:video><r:audio>quiet"
                    "</r:audio><r:text/><r:note/></r:place-is>") ==
          rpid("place-is><rpid:note/><rpid:audio><rpid:quiet/></rpid:audio>"
               "<rpid:video><rpid:dark/></rpid:video></rpid:place-is>"));
    CHECK(conformed("<r:place-type><r:office/></r:place-type>") ==
          rpid("place-type><rpid:other>office</rpid:other></rpid:place-type>"));
    CHECK(conformed("<r:place-type/>") == "");
    CHECK(conformed("<r:privacy><r:video/><r:audio/><r:unknown/><r:audio/></r:privacy>") ==
          rpid("privacy><rpid:audio/><rpid:video/></rpid:privacy>"));
    CHECK(conformed("<r:relationship><r:friend/><r:family/></r:relationship>") ==
          rpid("relationship><rpid:friend/></rpid:relationship>"));
    CHECK(conformed("<r:service-class><r:note/>postal</r:service-class>") ==
          rpid("service-class><rpid:note/><rpid:postal/></rpid:service-class>"));
    CHECK(conformed("<r:service-class/>") == "");
    CHECK(conformed("<r:sphere>work</r:sphere>") == rpid("sphere><rpid:work/></rpid:sphere>"));
    CHECK(conformed("<r:sphere>club</r:sphere>") == rpid("sphere/>"));
    CHECK(conformed("<r:user-input idle-threshold='0' last-input='now'> idle </r:user-input>") ==
          rpid("user-input>idle</rpid:user-input>"));
    CHECK(conformed("<r:user-input>asleep</r:user-input>") == "");
    CHECK(conformed("<r:time-offset description='x'>+60</r:time-offset>") ==
          rpid("time-offset description=\"x\">+60</rpid:time-offset>"));
    CHECK(conformed("<r:time-offset>one hour</r:time-offset>") == "");
    CHECK(conformed("<r:status-icon>a b</r:status-icon><r:class x:a='1'>c<x:z/></r:class>") ==
          rpid("class>c</rpid:class>"));
}

TEST_CASE("R4480-3.2-1 R4481-3-1: bounds in time are times, and one that has to be there is") {
    CHECK(conformed("<r:sphere from='2026-11-23t08:00:00z' until='later'/>") ==
          rpid("sphere from=\"2026-11-23T08:00:00Z\"/>"));
    const std::string timed = conformed(
        "<ts:timed-status from='2026-11-23T08:00:00Z'><ts:note/><ts:basic>closed</ts:basic>"
        "<ts:note/><ts:basic>open</ts:basic></ts:timed-status>");
    CHECK(timed.find("<ns2:basic>closed</ns2:basic><ns2:note/></ns2:timed-status>") != timed.npos);
    CHECK(conformed("<ts:timed-status><ts:basic>open</ts:basic></ts:timed-status>") == "");
    CHECK(conformed("<ts:timed-status from='soon'><ts:basic>open</ts:basic></ts:timed-status>") ==
          "");
}

TEST_CASE("R4482-3-1 R5196-3-1: contact cards and capabilities hold what they may") {
    CHECK(conformed("<c:card>a b</c:card><c:icon> http://h/i </c:icon>") ==
          "<ns2:icon>http://h/i</ns2:icon>");
    CHECK(conformed("<k:servcaps><k:methods><k:supported><k:INVITE/><k:ACK/><k:INVITE/><k:FOO/>"
                    "</k:supported></k:methods><k:audio>yes</k:audio><k:video>true</k:video>"
                    "<k:text>1</k:text></k:servcaps>") ==
          "<ns2:servcaps><ns2:methods><ns2:supported><ns2:ACK/><ns2:INVITE/></ns2:supported>"
          "</ns2:methods><ns2:text>1</ns2:text><ns2:video>true</ns2:video></ns2:servcaps>");
    CHECK(conformed("<k:servcaps><k:schemes><k:supported/></k:schemes></k:servcaps>") ==
          "<ns2:servcaps><ns2:schemes/></ns2:servcaps>");
    CHECK(conformed("<g:geopriv><g:usage-rules/></g:geopriv>") == "");
    CHECK(conformed("<g:geopriv><g:usage-rules/><g:location-info/></g:geopriv>") ==
          "<ns2:geopriv><ns2:location-info/><ns2:usage-rules/></ns2:geopriv>");
}

TEST_CASE(
    "R4479-5-1 R3863-4.2.3-2: attributes that mean something everywhere mean it, or are not "
    "there") {
    CHECK(conformed("<x:z p:mustUnderstand='yes' xml:lang='e n' xml:space='wide' xml:base='a b' "
                    "xml:id='1' i:type='x:t' i:nil='true' x:a='1' b='2'/>") ==
          "<ns2:z ns2:a=\"1\" b=\"2\"/>");
    const std::string kept = conformed(
        "<x:z p:mustUnderstand='1' xml:lang='en' xml:space='default' xml:base='a' xml:id='b'/>");
    CHECK(kept ==
          "<ns2:z pidf:mustUnderstand=\"1\" xml:lang=\"en\" xml:space=\"default\" "
          "xml:base=\"a\" xml:id=\"b\"/>");
}

TEST_CASE("R4479-5-1: what is known is made valid however deep it stands in what is not") {
    CHECK(conformed("<x:z>a<r:mood/>b<x:y><dm:person id='q'/><r:activities><r:rowing/>"
                    "</r:activities></x:y></x:z>") ==
          "<ns2:z>ab<ns2:y><rpid:activities><rpid:other>rowing</rpid:other></rpid:activities>"
          "</ns2:y></ns2:z>");
    CHECK(conformed("<x:z> <p:presence/>&#10;<p:presence/>c</x:z>") == "<ns2:z>\nc</ns2:z>");
}

TEST_CASE("R3863-4.1.6-1: a note in an extension says the language that held for it") {
    CHECK(conformed("<r:activities xml:lang='de'><r:note>n</r:note><r:note xml:lang='en'/>"
                    "</r:activities>") ==
          rpid("activities xml:lang=\"de\"><rpid:note xml:lang=\"de\">n</rpid:note>"
               "<rpid:note xml:lang=\"en\"/></rpid:activities>"));
    CHECK(conformed("<r:relationship xml:lang='de_DE'><r:pal/></r:relationship>") ==
          rpid("relationship><rpid:other xml:lang=\"de-DE\">pal</rpid:other>"
               "</rpid:relationship>"));
}

TEST_CASE("R4479-5-1 R3863-4.1.2-1: ids of extensions are names, and nobody else's") {
    CHECK(conformed("<r:mood id='p'><r:sad/></r:mood>") == rpid("mood><rpid:sad/></rpid:mood>"));
    CHECK(conformed("<r:sphere id='s'/><x:z xml:id='s'/><r:sphere id='1'/><x:y id='s'/>") ==
          "<rpid:sphere id=\"s\"/>\n<ns3:z/>\n<rpid:sphere/>\n<ns3:y id=\"s\"/>");
}
