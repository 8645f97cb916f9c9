#include "presence/watcher_info/watcher_reader.hpp"

#include "presence/watcher_info/watcher_document.hpp"
#include "sip/base/text.hpp"

namespace presence {
namespace {

using pidf::Element;
using watcher_machine::Event;
using watcher_machine::State;

tl::unexpected<sip::Error> broken(sip::StaticText rule, const Element& at) {
    return sip::failure(sip::Condition::malformed, rule, at.offset);
}

std::optional<State> state_named(std::string_view name) {
    for (const State state : {State::pending, State::active, State::waiting, State::terminated})
        if (watcher_machine::name_of(state) == name) return state;
    return {};
}

std::optional<Event> event_named(std::string_view name) {
    for (std::size_t i = 0; i < watcher_machine::event_count; ++i)
        if (watcher_machine::event_names[i] == name) return static_cast<Event>(i);
    return {};
}

class Reader {
public:
    explicit Reader(pidf::Arena& arena) : arena_(arena) {}

    sip::Expected<ReadWatcherInfo*> read(const Element& root) {
        if (!root.is(watcherinfo_namespace, "watcherinfo"))
            return broken("Watcherinfo: the root is not watcherinfo", root);
        auto* info = arena_.make<ReadWatcherInfo>();
        if (info == nullptr) return tl::unexpected(arena_.refusal());
        const auto version = sip::parse_decimal(sip::trim(root.attribute("version")), UINT32_MAX);
        if (!version) return broken("Watcherinfo: version is no number of 32 bits", root);
        info->version = static_cast<std::uint32_t>(*version);
        const std::string_view state = sip::trim(root.attribute("state"));
        if (state != "full" && state != "partial")
            return broken("Watcherinfo: state is neither full nor partial", root);
        info->full = state == "full";
        for (const Element& child : root.children) {
            if (!child.is(watcherinfo_namespace, "watcher-list")) continue;
            if (const auto list = read_list(child))
                info->lists.push_back(*list);
            else
                return tl::unexpected(list.error());
        }
        return info;
    }

private:
    sip::Expected<ReadWatcherList*> read_list(const Element& element) {
        auto* list = arena_.make<ReadWatcherList>();
        if (list == nullptr) return tl::unexpected(arena_.refusal());
        list->resource = sip::trim(element.attribute("resource"));
        list->package = sip::trim(element.attribute("package"));
        if (list->resource.empty() || list->package.empty())
            return broken("Watcherinfo: a list without resource or package", element);
        for (const Element& child : element.children) {
            if (!child.is(watcherinfo_namespace, "watcher")) continue;
            if (const auto watcher = read_watcher(child))
                list->watchers.push_back(*watcher);
            else
                return tl::unexpected(watcher.error());
        }
        return list;
    }

    sip::Expected<ReadWatcher*> read_watcher(const Element& element) {
        auto* watcher = arena_.make<ReadWatcher>();
        std::string_view text;
        if (watcher == nullptr || !pidf::text_of(element, arena_, text))
            return tl::unexpected(arena_.refusal());
        watcher->id = sip::trim(element.attribute("id"));
        if (watcher->id.empty()) return broken("Watcherinfo: a watcher without id", element);
        const auto status = state_named(sip::trim(element.attribute("status")));
        if (!status) return broken("Watcherinfo: a status that there is not", element);
        watcher->status = *status;
        const auto event = event_named(sip::trim(element.attribute("event")));
        if (!event) return broken("Watcherinfo: an event that there is not", element);
        watcher->event = *event;
        watcher->display_name = element.attribute("display-name");
        watcher->expiration = sip::parse_decimal(sip::trim(element.attribute("expiration")));
        watcher->duration_subscribed =
            sip::parse_decimal(sip::trim(element.attribute("duration-subscribed")));
        watcher->uri = sip::trim(text);
        return watcher;
    }

    pidf::Arena& arena_;
};

}  // namespace

sip::Expected<ReadWatcherInfo*> read_watcher_info(std::string_view bytes, pidf::Arena& arena,
                                                  const pidf::XmlLimits& limits) {
    const auto root = pidf::parse_xml(bytes, arena, limits);
    if (!root) return tl::unexpected(root.error());
    return Reader(arena).read(**root);
}

}  // namespace presence
