#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <variant>

#include "sip/base/endpoint.hpp"
#include "sip/base/error.hpp"
#include "sip/base/ids.hpp"
#include "sip/base/memory.hpp"
#include "sip/base/packet.hpp"

namespace sip {

// What a store is given to keep (`Commit::records`), and gives back after a restart. A record says
// what became of one object: it is now so (`put`), or it is no more (`remove`). Records stand one
// behind the other; the last one of an object is what holds.
//
//     record: version (1 byte) | kind (1) | change (1) | size of the fields (4) | fields
//     field:  tag (1) | size (4) | bytes
//
// Numbers are big-endian, those in fields of 8 bytes. Fields stand in any order, each once. A field
// with a tag that is unknown is passed over, so that what was written later can be read; another
// version is an error. Tags are never used for anything else.

enum class RecordChange : std::uint8_t { put = 1, remove = 2 };

/// A subscription at a notifier. Of `remove` the first two fields alone are written.
struct SubscriptionRecord {
    std::string_view resource;   ///< canonical address-of-record
    std::string_view local_tag;  ///< drawn by us: no two subscriptions have the same
    std::string_view package, event_id;
    std::string_view body_type;  ///< that the watcher chose
    std::string_view watcher;    ///< canonical address-of-record
    bool authenticated = false;
    std::string_view call_id, remote_tag, local_uri, remote_uri, remote_target;
    std::string_view routes;  ///< "<uri>" after "<uri>", in the order of Route
    /// NOTIFYs are counted and not recorded: who goes on from here takes a number well above.
    std::uint32_t local_cseq = 0;
    std::uint32_t remote_cseq = 0;
    // The way that its latest SUBSCRIBE came. A connection of before a restart is gone.
    bool direct = false;
    Transport transport = Transport::udp;
    ListenerId listener{};
    Endpoint local, remote;
    std::int64_t expires_at_ms = 0;  ///< wall time, as all of these
    friend bool operator==(const SubscriptionRecord&, const SubscriptionRecord&) = default;
};

/// A publication at a compositor. Of `remove` the first two fields alone are written.
struct PublicationRecord {
    std::string_view resource;
    std::uint64_t chain = 0;  ///< the same for all entity-tags that followed one another
    std::string_view package, etag, publisher;
    std::string_view body;  ///< in the form that the package keeps
    std::int64_t changed_at_ms = 0;
    std::int64_t expires_at_ms = 0;
    friend bool operator==(const PublicationRecord&, const PublicationRecord&) = default;
};

/// A binding at a registrar. Of `remove` the first two fields alone are written.
struct BindingRecord {
    std::string_view resource;  ///< the address-of-record that is bound
    std::uint64_t id = 0;
    std::string_view contact, path, call_id;
    std::string_view parameters;  ///< of Contact: ";+sip.instance=..." and all but q and expires
    std::uint32_t cseq = 0;
    std::uint16_t q = 1000;  ///< thousandths
    bool has_q = false;
    std::int64_t changed_at_ms = 0;
    std::int64_t expires_at_ms = 0;
    friend bool operator==(const BindingRecord&, const BindingRecord&) = default;
};

/// Somebody who watches, or wanted to, and whom nobody has decided about (RFC 3857 4.7.1: pending
/// or waiting). Of `remove` the first four fields alone are written.
struct WatcherRecord {
    std::string_view resource;
    std::string_view watcher;            ///< canonical address-of-record
    std::string_view package, event_id;  ///< that he subscribed to
    bool authenticated = false;
    std::string_view display_name;
    std::int64_t changed_at_ms = 0;  ///< when he subscribed
    std::int64_t expires_at_ms = 0;  ///< when he is given up
    friend bool operator==(const WatcherRecord&, const WatcherRecord&) = default;
};

/// What was read. Views lie in the bytes it was read from.
struct Record {
    RecordChange change = RecordChange::put;
    std::variant<SubscriptionRecord, PublicationRecord, BindingRecord, WatcherRecord> of;
    friend bool operator==(const Record&, const Record&) = default;
};

/// Takes the next record off `rest`; nothing at its end. Error: `malformed`, with an offset from
/// where `rest` began; `rest` is empty then.
std::optional<Expected<Record>> next_record(std::string_view& rest);

/// Writes records into a room, or without one only counts how large it has to be.
class RecordWriter {
public:
    explicit RecordWriter(std::span<char> room = {}) : room_(room) {}

    void write(RecordChange change, const SubscriptionRecord& record);
    void write(RecordChange change, const PublicationRecord& record);
    void write(RecordChange change, const BindingRecord& record);
    void write(RecordChange change, const WatcherRecord& record);
    /// What is needed for all; above the room's own size nothing useful stands in it.
    std::size_t size() const { return size_; }

    // For the tables of fields in record.cpp.
    void put(std::string_view bytes);
    void put_number(std::uint64_t number, unsigned bytes);

private:
    template <class R>
    void write_one(RecordChange change, const R& record);

    std::span<char> room_;
    std::size_t size_ = 0;
};

/// One block of exact size with what `write(RecordWriter&)` writes, which is called twice. Empty:
/// memory refused it.
template <class Write>
SharedBytes make_records(Memory& memory, Write write) {
    RecordWriter measured;
    write(measured);
    return SharedBytes::make(memory, measured.size(), [&](std::span<char> room) {
        RecordWriter writer(room);
        write(writer);
    });
}

}  // namespace sip
