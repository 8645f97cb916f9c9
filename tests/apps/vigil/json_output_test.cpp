#include "apps/vigil/json_output.hpp"

#include <doctest/doctest.h>

using namespace vigil;

TEST_CASE("A change of presence has the fields that scripts read") {
    WatchFields fields{"T", "sip:a@h", true, "active", "", 600, "open", {"away"}, {"Out"}, {}, {}};
    fields.tuples.push_back({"t1", "open", "sip:a@1.2.3.4", "0.8", {"n"}});
    fields.tuples.push_back({"t2", "", "", {}, {}});
    CHECK(json_of(fields) ==
          R"({"time":"T","uri":"sip:a@h","event":"presence","state":"active","expires":600,)"
          R"("basic":"open","activities":["away"],"notes":["Out"],"tuples":[{"id":"t1",)"
          R"("basic":"open","contact":"sip:a@1.2.3.4","priority":"0.8","notes":["n"]},)"
          R"({"id":"t2","notes":[]}]})");
    fields.document = "<presence/>";
    CHECK(json_of(fields).ends_with(R"(,"document":"<presence/>"})"));
}

TEST_CASE("A change of the subscription has its state and reason") {
    const WatchFields fields{"T", "sip:a@h", false, "terminated", "rejected", {},
                             "",  {},        {},    {},           {}};
    CHECK(json_of(fields) ==
          R"({"time":"T","uri":"sip:a@h","event":"subscription","state":"terminated",)"
          R"("reason":"rejected"})");
}

TEST_CASE("A watcher has his status and what brought him there") {
    WatcherFields fields{"T",         "sip:a@h", "sip:b@h",   "presence", "w1",
                         "Bob \"B\"", "pending", "subscribe", 600,        9};
    CHECK(json_of(fields) ==
          R"({"time":"T","uri":"sip:a@h","event":"watcher","watcher":"sip:b@h",)"
          R"("package":"presence","id":"w1","display_name":"Bob \"B\"","status":"pending",)"
          R"("cause":"subscribe","expires":600,"duration":9})");
    fields.display_name.clear();
    fields.expires.reset();
    fields.duration.reset();
    CHECK(json_of(fields).ends_with(R"("id":"w1","status":"pending","cause":"subscribe"})"));
}

TEST_CASE("publish, register, parse and errors have their fields") {
    CHECK(json_of(PublishFields{"T", "sip:a@h", 200, "e1", 3600}) ==
          R"({"time":"T","uri":"sip:a@h","status":200,"etag":"e1","expires":3600})");
    CHECK(json_of(PublishFields{"T", "sip:a@h", 200, "", 0}) ==
          R"({"time":"T","uri":"sip:a@h","status":200,"expires":0})");
    CHECK(json_of(RegisterFields{"T", "sip:a@h", 200, {"<sip:x>"}}) ==
          R"({"time":"T","uri":"sip:a@h","status":200,"contacts":["<sip:x>"]})");
    CHECK(json_of(ParseFields{true, "request", "", 0, ""}) == R"({"ok":true,"kind":"request"})");
    CHECK(json_of(ParseFields{false, "pidf", "e", 7, "r"}) ==
          R"({"ok":false,"kind":"pidf","error":"e","offset":7,"rule":"r"})");
    CHECK(json_of(RulesFields{"block", {}, {}}) == R"({"decision":"block","rules":[]})");
    CHECK(json_of(RulesFields{"allow", {"a", "b"}, "<presence/>"}) ==
          R"({"decision":"allow","rules":["a","b"],"document":"<presence/>"})");
    CHECK(json_of(ErrorFields{"T", "sip:a@h", "refused", 403, "Forbidden"}) ==
          R"({"time":"T","uri":"sip:a@h","error":"refused","status":403,"reason":"Forbidden"})");
    CHECK(json_of(ErrorFields{"T", "", "wrong", 0, ""}) == R"({"time":"T","error":"wrong"})");
}

TEST_CASE("A line is JSON whatever a peer sent") {
    ErrorFields fields{"T", "", std::string("\xff\"\n\0", 4), 0, ""};
    CHECK(json_of(fields) == "{\"time\":\"T\",\"error\":\"\xef\xbf\xbd\\\"\\n\\u0000\"}");
}
