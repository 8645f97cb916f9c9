#include "tests/support/vectors.hpp"

#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

#include "tests/support/paths.hpp"

namespace {

std::vector<std::string> fields_of(const std::string& line) {
    std::vector<std::string> fields;
    std::istringstream stream(line);
    for (std::string field; std::getline(stream, field, '\t');) fields.push_back(field);
    return fields;
}

std::vector<TortureVector> load() {
    const auto folder = source_root() / "tests/vectors/torture";
    std::vector<TortureVector> vectors;
    std::istringstream index(read_file(folder / "index.tsv"));
    std::string line;
    std::getline(index, line);  // the names of the columns
    while (std::getline(index, line)) {
        const auto fields = fields_of(line);
        if (fields.size() != 7) throw std::runtime_error("index.tsv: not 7 columns: " + line);
        std::optional<std::size_t> offset;
        if (fields[5] != "-") offset = std::stoul(fields[5]);
        vectors.push_back({fields[0], fields[1], fields[2], fields[3] == "request", fields[4],
                           offset, fields[6], read_file(folder / (fields[0] + ".sip"))});
    }
    return vectors;
}

}  // namespace

std::string read_file(const std::filesystem::path& path) {
    std::ifstream stream(path, std::ios::binary);
    if (!stream) throw std::runtime_error("cannot read " + path.string());
    return {std::istreambuf_iterator<char>(stream), {}};
}

const std::vector<TortureVector>& torture_vectors() {
    static const std::vector<TortureVector> vectors = load();
    return vectors;
}

const TortureVector& torture_vector(std::string_view name) {
    for (const TortureVector& vector : torture_vectors())
        if (vector.name == name) return vector;
    throw std::runtime_error("no torture vector " + std::string(name));
}

std::optional<std::string> original_torture_message(std::string_view name) {
    const auto standards = standards_folder();
    if (!standards) return std::nullopt;
    const std::string file = std::string(name) + ".dat";
    const auto ours = *standards / "torture" / file, six = *standards / "torture/ipv6" / file;
    return read_file(std::filesystem::exists(six) ? six : ours);
}
