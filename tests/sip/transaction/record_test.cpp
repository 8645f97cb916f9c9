#include "sip/transaction/record.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <vector>

using namespace sip;

namespace {

SubscriptionRecord subscription() {
    SubscriptionRecord r;
    r.resource = "alice@example.com";
    r.local_tag = "0123456789abcdef";
    r.package = "presence";
    r.event_id = "Seven";
    r.body_type = "application/pidf+xml";
    r.watcher = "bob@example.com";
    r.authenticated = true;
    r.call_id = "call@192.0.2.99";
    r.remote_tag = "bob";
    r.local_uri = "sip:alice@example.com";
    r.remote_uri = "sip:bob@example.com";
    r.remote_target = "sip:bob@192.0.2.99:5062;transport=tcp";
    r.routes = "<sip:p1.example.com;lr><sip:p2.example.com;lr>";
    r.local_cseq = 4'294'967'295;
    r.remote_cseq = 17;
    r.direct = true;
    r.transport = Transport::wss;
    r.listener = ListenerId{65'535};
    r.local = {Address::v4(192, 0, 2, 1), 5060};
    r.remote = {{{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9}}, 65'535};
    r.expires_at_ms = 1'767'225'600'123;
    return r;
}

PublicationRecord publication() {
    PublicationRecord r;
    r.resource = "alice@example.com";
    r.chain = UINT64_MAX;
    r.package = "presence";
    r.etag = "0123456789abcdef01234567";
    r.publisher = "alice@example.com";
    r.body = std::string_view("<a>\0\r\n\xff</a>", 11);
    r.changed_at_ms = 1;
    r.expires_at_ms = INT64_MAX;
    return r;
}

BindingRecord binding() {
    BindingRecord r;
    r.resource = "alice@example.com";
    r.id = 3;
    r.contact = "sip:alice@192.0.2.5:5062;transport=udp";
    r.path = "<sip:edge.example.com;lr>";
    r.call_id = "register";
    r.parameters = ";+sip.instance=\"<urn:uuid:0>\";methods=\"SUBSCRIBE\"";
    r.cseq = 9;
    r.q = 500;
    r.has_q = true;
    r.changed_at_ms = 2;
    r.expires_at_ms = 3;
    return r;
}

WatcherRecord watcher() {
    WatcherRecord r;
    r.resource = "alice@example.com";
    r.watcher = "bob@example.com";
    r.package = "presence";
    r.event_id = "Seven";
    r.authenticated = true;
    r.display_name = "Bob \xc3\xa9";
    r.changed_at_ms = 4;
    r.expires_at_ms = 5;
    return r;
}

template <class... R>
std::string written(RecordChange change, const R&... records) {
    Memory memory;
    const SharedBytes bytes =
        make_records(memory, [&](RecordWriter& out) { (out.write(change, records), ...); });
    return std::string(bytes.view());
}

/// Reads all, from a copy of exact size.
struct Read {
    explicit Read(const std::string& text) : bytes(text.begin(), text.end()) {
        std::string_view rest(bytes.data(), bytes.size());
        while (const auto record = next_record(rest)) {
            if (*record) {
                records.push_back(**record);
                continue;
            }
            error = record->error();
            CHECK(rest.empty());
            CHECK(error.offset <= bytes.size());
        }
    }
    std::vector<char> bytes;
    std::vector<Record> records;
    Error error;
};

}  // namespace

TEST_CASE("T-31: a record of each kind is read as it was written") {
    const std::string text =
        written(RecordChange::put, subscription(), publication(), binding(), watcher());
    const Read read(text);
    CHECK(read.error.rule == "");
    REQUIRE(read.records.size() == 4);
    CHECK(read.records[3] == Record{RecordChange::put, watcher()});
    CHECK(read.records[0] == Record{RecordChange::put, subscription()});
    CHECK(read.records[1] == Record{RecordChange::put, publication()});
    CHECK(read.records[2] == Record{RecordChange::put, binding()});
    CHECK(
        Read(written(RecordChange::put, SubscriptionRecord{}, PublicationRecord{}, BindingRecord{}))
            .records[2] == Record{RecordChange::put, BindingRecord{}});
}

TEST_CASE("a removal names its object and no more") {
    const Read read(
        written(RecordChange::remove, subscription(), publication(), binding(), subscription()));
    REQUIRE(read.records.size() == 4);
    SubscriptionRecord s;
    s.resource = subscription().resource;
    s.local_tag = subscription().local_tag;
    CHECK(read.records[0] == Record{RecordChange::remove, s});
    PublicationRecord p;
    p.resource = publication().resource;
    p.chain = publication().chain;
    CHECK(read.records[1] == Record{RecordChange::remove, p});
    BindingRecord b;
    b.resource = binding().resource;
    b.id = binding().id;
    CHECK(read.records[2] == Record{RecordChange::remove, b});
    WatcherRecord w = watcher();
    w.authenticated = false;
    w.display_name = {};
    w.changed_at_ms = w.expires_at_ms = 0;
    CHECK(Read(written(RecordChange::remove, watcher())).records.at(0) ==
          Record{RecordChange::remove, w});
}

TEST_CASE("the bytes of a record are settled") {
    BindingRecord r;
    r.resource = "a@b";
    r.id = 0x0102;
    CHECK(written(RecordChange::remove, r) == std::string("\x01\x03\x02\0\0\0\x15"
                                                          "\x01\0\0\0\x03"
                                                          "a@b"
                                                          "\x02\0\0\0\x08\0\0\0\0\0\0\x01\x02",
                                                          28));
}

TEST_CASE(
    "T-35: records cut anywhere, or with any byte another one, are an error or other records") {
    const std::string text =
        written(RecordChange::put, subscription(), publication(), binding(), watcher());
    const std::size_t first = written(RecordChange::put, subscription()).size();
    const std::size_t second = first + written(RecordChange::put, publication()).size();
    const std::size_t third = second + written(RecordChange::put, binding()).size();
    for (std::size_t cut = 0; cut < text.size(); ++cut) {
        CAPTURE(cut);
        const Read read(text.substr(0, cut));
        CHECK(read.records.size() == (cut >= third    ? 3U
                                      : cut >= second ? 2U
                                      : cut >= first  ? 1U
                                                      : 0U));
        const bool whole = cut == 0 || cut == first || cut == second || cut == third;
        CHECK(read.error.rule.empty() == whole);
        for (char to : {'\0', '\1', '\x7f', '\xff'}) {
            std::string other = text;
            other[cut] = to;
            const Read changed(other);
            CHECK((!changed.error.rule.empty() || changed.records.size() <= 4));
        }
    }
}

TEST_CASE("a reader passes over fields it does not know; all other faults have a name") {
    const auto with = [](std::string fields, char version = 1, char kind = 3, char change = 2) {
        std::string text{version, kind, change, 0, 0, 0, static_cast<char>(fields.size())};
        return Read(text + fields);
    };
    const std::string resource("\x01\0\0\0\x01x", 6), id("\x02\0\0\0\x08\0\0\0\0\0\0\0\x07", 13);
    BindingRecord expected;
    expected.resource = "x";
    expected.id = 7;
    const Record record{RecordChange::remove, expected};
    CHECK(with(resource + id).records.at(0) == record);
    CHECK(with(id + resource).records.at(0) == record);
    for (char tag : {'\0', '\x1f', '\x20', '\xff'})
        CHECK(with(resource + tag + std::string("\0\0\0\x02yz", 6) + id).records.at(0) == record);
    CHECK(with(resource + id, 2).error.rule == "Record: its version is not known");
    CHECK(with(resource + id, 1, 5).error.rule == "Record: its kind is not known");
    CHECK(with(resource + id, 1, 0).error.rule == "Record: its kind is not known");
    CHECK(with(resource + id, 1, 3, 3).error.rule == "Record: neither put nor remove");
    CHECK(with(resource).error.rule == "Record: a field is missing");
    CHECK(with(resource + id + resource).error.rule == "Record: a field stands twice");
    CHECK(with(resource + id + resource).error.offset == 7 + 19);
    CHECK(with(resource + std::string("\x02\0\0\0\x01\7", 6)).error.rule ==
          "Record: a number is out of range");
    CHECK(with(resource + id + "\x09").error.rule == "Record: a field is cut short");
}

TEST_CASE("a number above what its field holds is an error") {
    // The values of a put, and those one past what may be.
    std::string text = written(RecordChange::put, subscription());
    const auto past = [&](char tag, std::string eight) {
        std::string changed = text;
        const auto at = changed.find(std::string{tag, 0, 0, 0, 8});
        REQUIRE(at != std::string::npos);
        changed.replace(at + 5, 8, eight);
        return Read(changed).error.rule;
    };
    const std::string one(1, '\1'), zeros(8, '\0');
    CHECK(past(7, zeros.substr(0, 7) + "\2") == "Record: a number is out of range");
    CHECK(past(14, zeros.substr(0, 3) + "\1" + zeros.substr(0, 4)) ==
          "Record: a number is out of range");
    CHECK(past(17, zeros.substr(0, 7) + "\5") == "Record: a number is out of range");
    CHECK(past(17, zeros.substr(0, 7) + "\4") == "");
    CHECK(past(18, zeros.substr(0, 5) + "\1" + zeros.substr(0, 2)) ==
          "Record: a number is out of range");
    CHECK(past(21, "\x80" + zeros.substr(0, 7)) == "Record: a number is out of range");
    text = written(RecordChange::put, binding());
    CHECK(past(30, zeros.substr(0, 6) + "\x03\xe9") == "Record: a number is out of range");
    CHECK(past(30, zeros.substr(0, 6) + "\x03\xe8") == "");
}

TEST_CASE("ROUR-4: a room that is too small is said, and nothing is written past it") {
    const std::size_t size = written(RecordChange::put, binding()).size();
    for (std::size_t room = 0; room < size; ++room) {
        std::vector<char> bytes(room);
        RecordWriter writer(bytes);
        writer.write(RecordChange::put, binding());
        CHECK(writer.size() == size);
        CHECK(writer.size() > bytes.size());
    }
    Memory memory(64);
    CHECK_FALSE(
        make_records(memory, [](RecordWriter& out) { out.write(RecordChange::put, binding()); }));
}
