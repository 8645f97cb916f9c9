#include "sip/message/header_id.hpp"

#include "sip/base/text.hpp"
#include "sip/message/header_table.hpp"

namespace sip {

namespace {

HeaderId id_of_compact(char c) {
    const auto letter = static_cast<unsigned>(to_lower(c) - 'a');
    return letter < detail::header_table.compact.size() ? detail::header_table.compact[letter]
                                                        : HeaderId::unknown;
}

}  // namespace

HeaderId header_id_of(std::string_view name) {
    if (name.size() == 1) return id_of_compact(name.front());
    if (name.empty()) return HeaderId::unknown;
    const detail::NameWords words = detail::words_of(name);
    const HeaderId id = detail::header_table.ids[detail::slot_of(words.first, words.last)];
    return equal_ignoring_case(name, name_of(id)) ? id : HeaderId::unknown;
}

std::string_view name_of(HeaderId id) {
    const auto at = static_cast<std::size_t>(id);
    return {detail::header_names[at], detail::header_table.sizes[at]};
}

char compact_name_of(HeaderId id) {
    for (std::size_t i = 0; i < detail::header_table.compact.size(); ++i)
        if (id != HeaderId::unknown && detail::header_table.compact[i] == id)
            return static_cast<char>('a' + i);
    return 0;
}

bool is_single_value(HeaderId id) { return single_values.has(id); }

}  // namespace sip
