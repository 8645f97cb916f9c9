// Property 1: any bytes end in a document of watcher information, or in an error whose offset lies
// within them.
// Property 2: a table that is told of documents holds what RFC 3858 4 says, as a naive model does.
// Property 3: a document that comes twice changes nothing the second time.
// Property 4: what is written from a row that was read is read back.
// Property 5: all memory comes back, also where it is refused on the way.
//
// The input is documents with "%%" between them; the first byte of each says which notifier sends
// it, and whether the whole state was asked for before.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "presence/watcher_info/watcher_document.hpp"
#include "presence/watcher_info/watcher_reader.hpp"
#include "presence/watcher_info/watcher_table.hpp"
#include "sip/base/assert.hpp"

namespace {

using namespace presence;
using watcher_machine::State;

constexpr std::size_t input_max = 8'192;

/// RFC 3858 4, by maps.
class Model {
public:
    using Key = std::tuple<std::uint32_t, std::string, std::string>;

    bool take(std::uint32_t fork, const ReadWatcherInfo& info) {
        const auto known = versions_.find(fork);
        if (known == versions_.end()) {
            versions_[fork] = info.version;
        } else {
            const bool answers = info.full && asked_[fork] && info.version == known->second;
            if (info.version <= known->second && !answers) return false;
            known->second = info.version;
            if (info.full) asked_[fork] = false;
        }
        if (info.full)
            std::erase_if(rows, [&](const auto& r) { return std::get<0>(r.first) == fork; });
        for (const ReadWatcherList& list : info.lists)
            for (const ReadWatcher& watcher : list.watchers) {
                const Key key{fork, std::string(list.resource), std::string(watcher.id)};
                rows[key] = std::string(watcher.uri);
                if (watcher.status == State::terminated) rows.erase(key);
            }
        return true;
    }
    void refreshing(std::uint32_t fork) {
        if (versions_.contains(fork)) asked_[fork] = true;
    }

    std::map<Key, std::string> rows;

private:
    std::map<std::uint32_t, std::uint32_t> versions_;
    std::map<std::uint32_t, bool> asked_;
};

void check_same(WatcherTable& table, const Model& model) {
    SIP_ASSERT(table.size() == model.rows.size());
    table.for_each([&](const WatcherTable::Row& row) {
        const auto found =
            model.rows.find({row.fork, std::string(row.resource), std::string(row.id)});
        SIP_ASSERT(found != model.rows.end() && found->second == row.uri);
    });
}

/// Property 4.
void check_written(const ReadWatcherInfo& info) {
    static std::array<char, 16 * input_max> room;
    for (const ReadWatcherList& list : info.lists)
        for (const ReadWatcher& watcher : list.watchers) {
            WatcherDocument document(room, {info.version, info.full, "alice@example.com", "p"});
            WatcherEntry entry;
            entry.id = watcher.id;
            entry.status = watcher_machine::name_of(watcher.status);
            entry.event = watcher_machine::name_of(watcher.event);
            entry.display_name = watcher.display_name;
            entry.expiration = watcher.expiration;
            entry.duration_subscribed = watcher.duration_subscribed;
            entry.uri = watcher.uri;
            SIP_ASSERT(document.fits() && document.add(entry));
            const std::string_view text(room.data(), document.finish());
            sip::Memory memory;
            pidf::Arena arena(memory, 1U << 20U);
            const auto again = read_watcher_info(text, arena, {.bytes = room.size()});
            SIP_ASSERT(again && (*again)->version == info.version);
            const ReadWatcher* read = (*again)->lists.first->watchers.first;
            SIP_ASSERT(read != nullptr && read->id == watcher.id);
            SIP_ASSERT(read->display_name == watcher.display_name);
            SIP_ASSERT(read->status == watcher.status && read->event == watcher.event);
            SIP_ASSERT(read->expiration == watcher.expiration);
        }
}

void check_sequence(const std::vector<std::string_view>& documents) {
    sip::Memory memory;
    {
        WatcherTable table(memory, {1, 2}, {});
        Model model;
        for (std::string_view text : documents) {
            if (text.empty()) continue;
            const auto how = static_cast<unsigned char>(text.front());
            text.remove_prefix(1);
            pidf::Arena arena(memory, 1U << 20U);
            const auto info = read_watcher_info(text, arena);
            SIP_ASSERT(info || (info.error().offset <= text.size() && !info.error().rule.empty()));
            if (!info) continue;
            const std::uint32_t fork = how % 4;
            if (how % 8 >= 4) {
                table.refreshing(fork);
                model.refreshing(fork);
            }
            const bool processed = model.take(fork, **info);
            const auto taken = table.take(fork, **info, [](const WatcherTable::Row&) {});
            SIP_ASSERT(taken && (*taken != WatcherTable::Taken::discarded) == processed);
            check_same(table, model);
            // Property 3.
            bool changed = false;
            if (!(*info)->full)
                (void)table.take(fork, **info, [&](const auto&) { changed = true; });
            SIP_ASSERT(!changed);
            check_same(table, model);
            check_written(**info);
        }
    }
    SIP_ASSERT(memory.used() == 0);
}

/// Property 5.
void check_refusals(const std::vector<std::string_view>& documents, std::uint8_t choice) {
    sip::Memory memory;
    {
        WatcherTable table(memory, {1, 2}, {choice % 4U});
        memory.refuse_after(choice % 16U);
        for (std::string_view text : documents) {
            if (text.empty()) continue;
            pidf::Arena arena(memory, 1U << 20U);
            const auto info = read_watcher_info(text.substr(1), arena);
            if (info) (void)table.take(0, **info, [](const WatcherTable::Row&) {});
            SIP_ASSERT(table.size() <= choice % 4U);
        }
        table.forget(0);
        SIP_ASSERT(table.size() == 0);
    }
    SIP_ASSERT(memory.used() == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size > input_max) return 0;
    std::string_view rest(reinterpret_cast<const char*>(data), size);
    std::vector<std::string_view> documents;
    for (;;) {
        const auto end = rest.find("%%");
        documents.push_back(rest.substr(0, end));
        if (end == std::string_view::npos) break;
        rest.remove_prefix(end + 2);
    }
    check_sequence(documents);
    check_refusals(documents, size == 0 ? std::uint8_t{0} : data[size / 2]);
    return 0;
}
