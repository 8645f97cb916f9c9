// Property 1: every input is records, or records and then one error with offset <= size and a rule.
// Property 2: views lie inside the input.
// Property 3: what was read, written again, is read as the same.
// Property 4: the writer says beforehand how many bytes it writes, and writes no others.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <variant>
#include <vector>

#include "sip/base/assert.hpp"
#include "sip/transaction/record.hpp"

namespace {

using namespace sip;

void check_inside(std::string_view part, std::string_view whole) {
    if (part.empty()) return;
    SIP_ASSERT(part.data() >= whole.data());
    SIP_ASSERT(part.data() + part.size() <= whole.data() + whole.size());
}

void check_views(const SubscriptionRecord& r, std::string_view input) {
    for (std::string_view part :
         {r.resource, r.local_tag, r.package, r.event_id, r.body_type, r.watcher, r.call_id,
          r.remote_tag, r.local_uri, r.remote_uri, r.remote_target, r.routes})
        check_inside(part, input);
}
void check_views(const PublicationRecord& r, std::string_view input) {
    for (std::string_view part : {r.resource, r.package, r.etag, r.publisher, r.body})
        check_inside(part, input);
}
void check_views(const BindingRecord& r, std::string_view input) {
    for (std::string_view part : {r.resource, r.contact, r.path, r.call_id, r.parameters})
        check_inside(part, input);
}
void check_views(const WatcherRecord& r, std::string_view input) {
    for (std::string_view part : {r.resource, r.watcher, r.package, r.event_id, r.display_name})
        check_inside(part, input);
}

void write(RecordWriter& out, const Record& record) {
    std::visit([&](const auto& of) { out.write(record.change, of); }, record.of);
}

void check_written(const Record& record) {
    RecordWriter measured;
    write(measured, record);
    std::vector<char> room(measured.size());
    RecordWriter writer(room);
    write(writer, record);
    SIP_ASSERT(writer.size() == room.size());
    std::string_view rest(room.data(), room.size());
    const auto again = next_record(rest);
    SIP_ASSERT(again && *again && **again == record);
    SIP_ASSERT(rest.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size > 65'536) return 0;
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    std::string_view rest = input;
    while (const auto record = next_record(rest)) {
        if (!*record) {
            SIP_ASSERT(record->error().offset <= size && !record->error().rule.empty());
            SIP_ASSERT(rest.empty());
            break;
        }
        std::visit([&](const auto& of) { check_views(of, input); }, (*record)->of);
        check_written(**record);
    }
    return 0;
}
