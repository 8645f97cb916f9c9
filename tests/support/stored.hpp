#pragma once

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "sip/transaction/record.hpp"

/// The records of commits, and the bytes that they are views of.
struct Stored {
    /// Takes them out of `from`.
    explicit Stored(std::string& from) : bytes(std::exchange(from, {})) {
        std::string_view rest = bytes;
        while (const auto record = sip::next_record(rest)) {
            REQUIRE(*record);
            records.push_back(**record);
        }
    }
    Stored(const Stored&) = delete;
    Stored& operator=(const Stored&) = delete;
    bool is(std::size_t i, sip::RecordChange change) const {
        return i < records.size() && records[i].change == change;
    }
    template <class R>
    R of(std::size_t i) const {
        return std::get<R>(records.at(i).of);
    }
    std::string bytes;
    std::vector<sip::Record> records;
};

/// What holds in `user` now; views last until its next input.
template <class R, class User>
std::vector<R> held_by(User& user, const sip::Now& now) {
    std::vector<R> all;
    user.for_each_record(now, [&](const R& record) { all.push_back(record); });
    return all;
}
