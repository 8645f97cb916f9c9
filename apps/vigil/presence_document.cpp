#include "apps/vigil/presence_document.hpp"

#include <algorithm>
#include <array>

#include "apps/vigil/text.hpp"
#include "pidf/namespaces.hpp"
#include "pidf/reader.hpp"
#include "pidf/writer.hpp"
#include "sip/base/civil_time.hpp"
#include "sip/base/text.hpp"

namespace vigil {

namespace {

constexpr std::size_t arena_bytes = std::size_t{4} << 20;
constexpr std::size_t document_bytes_max = 65'536;

void add_once(std::vector<std::string>& to, std::string_view text) {
    if (!text.empty() && std::find(to.begin(), to.end(), text) == to.end()) to.emplace_back(text);
}

/// Thousandths as RFC 3863 4.1.5 writes them, "0.8".
std::string priority_text(std::uint16_t thousandths) {
    std::string digits = std::to_string(1000 + thousandths % 1000).substr(1);
    while (digits.size() > 1 && digits.back() == '0') digits.pop_back();
    return std::to_string(thousandths / 1000) + "." + digits;
}

TupleFields fields_of(const pidf::Tuple& tuple) {
    TupleFields fields;
    fields.id = std::string(tuple.id);
    if (tuple.basic) fields.basic = *tuple.basic == pidf::Basic::open ? "open" : "closed";
    fields.contact = std::string(tuple.contact);
    if (tuple.priority) fields.priority = priority_text(*tuple.priority);
    for (const pidf::Note& note : tuple.notes) fields.notes.emplace_back(note.text);
    return fields;
}

/// False: the arena refused.
bool put_activity(pidf::Document& document, pidf::Arena& arena, const PresenceWish& wish,
                  std::string_view timestamp) {
    pidf::Person* person = pidf::add_person(document, arena, "p1");
    if (person == nullptr) return false;
    person->timestamp.text = timestamp;
    return pidf::add_activity(*person, arena, *wish.activity);
}

}  // namespace

sip::Expected<PresenceSummary> summarize(std::string_view document, bool strict) {
    sip::Memory memory;
    pidf::Arena arena(memory, arena_bytes);
    pidf::ReadOptions options;
    options.watcher = true;
    options.strict = strict;
    options.unknown_basic = !strict;
    const auto read = pidf::read(document, arena, options);
    if (!read) return tl::unexpected(read.error());
    PresenceSummary summary;
    summary.entity = std::string((*read)->entity);
    for (const pidf::Note& note : (*read)->notes) add_once(summary.notes, note.text);
    for (const pidf::Person& person : (*read)->persons) {
        for (std::size_t i = 0; !pidf::activity_of(person, i).empty(); ++i)
            add_once(summary.activities, pidf::activity_of(person, i));
        for (const pidf::Note& note : person.notes) add_once(summary.notes, note.text);
    }
    for (const pidf::Device& device : (*read)->devices)
        for (const pidf::Note& note : device.notes) add_once(summary.notes, note.text);
    for (const pidf::Tuple& tuple : (*read)->tuples) {
        summary.tuples.push_back(fields_of(tuple));
        const TupleFields& fields = summary.tuples.back();
        for (const std::string& note : fields.notes) add_once(summary.notes, note);
        if (fields.basic == "open" || summary.basic.empty()) summary.basic = fields.basic;
    }
    return summary;
}

edge::Outcome<void> change_wish(PresenceWish& wish, std::string_view line) {
    const std::string_view text = sip::trim(line);
    const sip::Halves words = sip::split_at(text, ' ');
    const std::string_view word = sip::trim(words.before), rest = sip::trim(words.after);
    if (word.empty()) return {};
    if (word == "note") {
        wish.note.reset();
        if (!rest.empty()) wish.note = std::string(rest);
        return {};
    }
    const bool is_basic = word == "open" || word == "closed", is_none = word == "none";
    if (!rest.empty() || !(is_basic || is_none || pidf::is_activity(word)))
        return edge::failure("\"" + escape(text, 100) +
                             "\": say open, closed, an activity (away, busy, meeting, ...), none, "
                             "or note TEXT");
    if (is_basic)
        wish.open = word == "open";
    else if (is_none)
        wish.activity.reset();
    else
        wish.activity = std::string(word);
    return {};
}

sip::Expected<std::string> make_document(const PresenceWish& wish) {
    sip::Memory memory;
    pidf::Arena arena(memory, arena_bytes);
    std::array<char, 64> time_room{};
    sip::Appender time(time_room);
    sip::write_rfc3339(time, wish.wall_ms);
    pidf::Document document;
    document.entity = wish.entity;
    pidf::Tuple* tuple = pidf::add_tuple(document, arena, wish.tuple_id);
    bool made = tuple != nullptr;
    if (made) {
        tuple->basic = wish.open ? pidf::Basic::open : pidf::Basic::closed;
        tuple->contact = wish.contact ? std::string_view(*wish.contact) : wish.entity;
        tuple->timestamp.text = time.view();
        if (wish.note) made = pidf::add_note(tuple->notes, arena, *wish.note) != nullptr;
        if (made && wish.activity) made = put_activity(document, arena, wish, time.view());
    }
    if (!made) return sip::failure(sip::Condition::body_too_large, "The document is too large");
    std::string room(document_bytes_max, '\0');
    sip::Appender out(std::span(room.data(), room.size()));
    if (const auto written = pidf::write(document, out); !written)
        return tl::unexpected(written.error());
    room.resize(out.size());
    return room;
}

}  // namespace vigil
