#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "apps/vigil/json_output.hpp"

namespace vigil {

// The lines of the control socket as people read them: fit for a terminal, whatever they hold.

/// Rows of cells as an aligned table, its header first: columns are as wide as their widest cell.
/// Very long cells are cut.
std::vector<std::string> table_of(std::vector<std::vector<std::string>> rows);

/// "12 s", "5 min", "3 h", "2 d".
std::string span_text(std::int64_t seconds);

/// Sorted tables, one for each kind of record. Of a record its row alone is kept.
class Tables {
public:
    void add(const Record& record);
    /// A line that there is nothing, no `what`, where nothing was added.
    std::vector<std::string> lines(std::string_view what) &&;

private:
    std::vector<std::vector<std::vector<std::string>>> rows_;
};

/// What `vigil explain` says. Both are canonical addresses-of-record.
std::vector<std::string> explanation_of(const std::vector<Record>& records,
                                        const std::string& watcher, const std::string& presentity);

/// The composed document among them; empty: there is none.
std::string document_in(const std::vector<Record>& records);

}  // namespace vigil
