#include "presence/watcher_info/watcher_document.hpp"

#include <algorithm>

#include "pidf/escape.hpp"

namespace presence {
namespace {

constexpr std::string_view tail = "  </watcher-list>\n</watcherinfo>\n";

/// Of the room, all but the tail.
std::span<char> for_rows(std::span<char> room) {
    return room.first(room.size() - std::min(room.size(), tail.size()));
}

void attribute(sip::Appender& out, std::string_view name, std::string_view value) {
    out << ' ' << name << "=\"";
    pidf::escape(out, value, true);
    out << '"';
}

void attribute(sip::Appender& out, std::string_view name, std::uint64_t value) {
    out << ' ' << name << "=\"";
    out.decimal(value);
    out << '"';
}

}  // namespace

WatcherDocument::WatcherDocument(std::span<char> room, const Head& head)
    : room_(room), out_(for_rows(room)) {
    out_ << "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<watcherinfo";
    attribute(out_, "xmlns", watcherinfo_namespace);
    attribute(out_, "version", std::uint64_t{head.version});
    attribute(out_, "state", head.full ? "full" : "partial");
    out_ << ">\n  <watcher-list resource=\"sip:";
    pidf::escape(out_, head.resource, true);
    out_ << '"';
    attribute(out_, "package", head.package);
    out_ << ">\n";
    fits_ = !out_.overflowed() && room.size() >= tail.size();
}

bool WatcherDocument::add(const WatcherEntry& entry) {
    if (!fits_) return false;
    const std::size_t before = out_.size();
    out_ << "    <watcher";
    attribute(out_, "id", entry.id);
    attribute(out_, "status", entry.status);
    attribute(out_, "event", entry.event);
    if (!entry.display_name.empty()) attribute(out_, "display-name", entry.display_name);
    if (entry.expiration) attribute(out_, "expiration", *entry.expiration);
    if (entry.duration_subscribed)
        attribute(out_, "duration-subscribed", *entry.duration_subscribed);
    out_ << ">sip:";
    pidf::escape(out_, entry.uri, false);
    out_ << "</watcher>\n";
    if (!out_.overflowed()) return true;
    out_.rewind(before);
    return false;
}

std::size_t WatcherDocument::finish() {
    sip::Appender end(room_.subspan(out_.size()));
    end << tail;
    return out_.size() + end.size();
}

}  // namespace presence
